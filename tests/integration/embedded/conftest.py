"""Real servers in folders of their own, and the processes around them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.embedded.place import Place, until

USER_PROGRAM = """
import asyncio, sys
from pathlib import Path
from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer, ServerOptions

async def main():
    options = ServerOptions(idle_seconds=0.3, durable=False)
    async with EmbeddedServer(Path(sys.argv[1]), Clock(), options) as server:
        print(server.dsn("postgres"), flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
"""


StartUser = Callable[[Place], Awaitable[asyncio.subprocess.Process]]


@pytest.fixture(scope="session")
async def initialised(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A home with data, in which nothing runs: copying it takes a fraction of initdb's time."""
    there = Place(tmp_path_factory.mktemp("initialised") / "pg")
    async with there.server():
        pass
    await until(there.empty)
    return there


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Place]:
    """A home that does not exist yet; afterwards nothing runs there."""
    there = Place(tmp_path / "pg")
    yield there
    await there.ended()


@pytest.fixture
async def place(initialised: Place, fresh: Place) -> Place:
    """A home with data; afterwards nothing runs there."""
    process = await asyncio.create_subprocess_exec("cp", "-a", initialised.folder, fresh.folder)
    assert await process.wait() == 0
    return fresh


@pytest.fixture
async def start_user() -> AsyncIterator[StartUser]:
    """Start another process that enters the server; it has entered when this returns, and leaves at its input's end."""
    async with AsyncExitStack() as stack:

        async def start(there: Place) -> asyncio.subprocess.Process:
            process = await asyncio.create_subprocess_exec(
                *(there.python, "-c", USER_PROGRAM, str(there.folder)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=there.environment,
            )
            stack.push_async_callback(process.communicate, b"")
            assert process.stdout is not None
            assert b"postgresql://" in await process.stdout.readline()
            return process

        yield start

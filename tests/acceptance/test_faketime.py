"""Clocks that step under the real program and a real PostgreSQL, by faketime (Debian: apt-get install faketime)."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from typing_extensions import override

from sync_worker.embedded import commands
from tests.integration.embedded.place import until
from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import Program, SandboxProcess, configured, environment, sandbox_process
from tests.outages.server import Server, initialised, prepare

FAKETIME: Final = next((str(path) for path in Path("/usr/lib").rglob("faketime/libfaketime.so.1")), None)
"""What makes a process's clock wrong; not the command of that name, which goes between us and the process."""

NIGHTS: Final = ("+0", "+1d", "+0", "-1d", "+0", "+40d", "+1h", "-2h", "+4m", "+0")
"""By how much the clocks of worker and database are wrong, run by run."""

pytestmark = [
    pytest.mark.torture,
    pytest.mark.timeout(900),
    pytest.mark.skipif(FAKETIME is None, reason="faketime is not here: apt-get install faketime"),
]


def faked(offset: str) -> list[str]:
    """What a command is begun with, so that its wall clock is wrong; durations are right."""
    return ["env", f"LD_PRELOAD={FAKETIME}", f"FAKETIME={offset}", "FAKETIME_DONT_FAKE_MONOTONIC=1"]


@dataclass(kw_only=True)
class FakedServer(Server):
    """A PostgreSQL whose clock is set before it starts."""

    offset: str = "+0"

    @override
    async def start(self) -> None:
        command = commands.postgres(self.binaries, str(self.data), self.home, durable=False)
        self.process = self._run([*faked(self.offset), *command, *self.options])
        await until(lambda: not self.alive or self._ready())
        assert self.alive, self.log.read_text(errors="replace")[-2000:]

    async def set(self, offset: str) -> None:
        """Start again with another clock."""
        self.end()
        self.offset = offset
        await self.start()


@pytest.fixture
async def server() -> AsyncIterator[FakedServer]:
    """With the schema, and a right clock so far."""
    async with initialised() as made:
        server = FakedServer(home=made.home, binaries=made.binaries, account=made.account)
        try:
            server.initialise()
            await server.start()
            await prepare(server)
            yield server
        finally:
            server.end()


def run(program: Program, offset: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """One command of a worker whose clock is wrong."""
    return subprocess.run(
        [*faked(offset), *program.command(*arguments)],
        cwd=program.folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


async def mirrored(url: str) -> dict[int, tuple[object, ...]]:
    """The live channels of the mirror."""
    query = "SELECT id, user_id, address, workflow_state FROM mirror.communication_channels WHERE deleted_at IS NULL"
    return {row["id"]: tuple(row.values()) for row in await fetch(url, query)}


def there(canvas: SandboxProcess) -> dict[int, tuple[object, ...]]:
    """Those of the school."""
    names = ("id", "user_id", "address", "workflow_state")
    return {each["id"]: tuple(each[name] for name in names) for each in canvas.many("GET", "channels")}


async def test_ten_nights_with_clocks_that_step(tmp_path: Path, server: FakedServer) -> None:
    """Each night the school changes, both clocks are set anew, and the mirror is the school afterwards."""
    url = server.dsn(await server.database())
    with sandbox_process(tmp_path, 60) as canvas:
        program = configured(tmp_path, url, canvas.base_url)
        for night, offset in enumerate(NIGHTS):
            if night:
                canvas.many("POST", "churn", fraction=0.05, seed=night)
            await server.set(offset)
            done = run(program, offset, "run")
            assert done.returncode in {0, 3}, (night, offset, done.stdout, done.stderr[-2000:])
            assert ("Canvas's clock is" in done.stdout) is (offset not in {"+0", "+4m"}), done.stdout
            assert await mirrored(url) == there(canvas), (night, offset)
            assert await fetch(url, "SELECT 1 FROM worker.candidates") == []
        lost = "SELECT 1 FROM mirror.communication_channels WHERE deleted_at IS NOT NULL AND id = ANY ($1)"
        assert await fetch(url, lost, list(there(canvas))) == []
        assert run(program, "+0", "run").returncode == 3  # what was written forty days ahead
        repaired = run(program, "+0", "db", "repair-times")
        assert (repaired.returncode, "marked as unread" in repaired.stdout) == (0, True), repaired.stdout
        assert run(program, "+0", "run").returncode == 0
        assert run(program, "+0", "check").returncode == 0
        assert await mirrored(url) == there(canvas)


async def test_a_worker_that_is_alone_with_its_time_writes_nothing(tmp_path: Path, server: FakedServer) -> None:
    """The database's clock is right: exit code 2, whichever way."""
    url = server.dsn(await server.database())
    with sandbox_process(tmp_path, 20) as canvas:
        program = configured(tmp_path, url, canvas.base_url)
        for offset in ("+1d", "-1d", "+10m"):
            done = run(program, offset, "run")
            assert (done.returncode, "this machine's clock is" in done.stderr) == (2, True), done.stderr
        assert await mirrored(url) == {}

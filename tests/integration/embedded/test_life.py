"""A server that is there when it is needed, and only then."""

import asyncio
import os
from pathlib import Path

import pytest

from sync_worker.clock import Clock
from sync_worker.embedded import ServerOptions
from tests.integration.embedded.conftest import StartUser
from tests.integration.embedded.place import QUICK, Place, ask, socket_folder, until


async def test_stops_by_itself_and_keeps_the_data(fresh: Place) -> None:
    """Some time after the last user left nothing runs; what was written is there the next time."""
    async with fresh.server() as server:
        await server.ensure_database("sync_worker")
        await ask(server, "CREATE TABLE kept AS SELECT 42 AS answer", "sync_worker")
        folder = socket_folder(server)
    await until(fresh.empty)
    assert not folder.exists()
    async with fresh.server() as server:
        await server.ensure_database("sync_worker")
        assert await ask(server, "SELECT answer FROM kept", "sync_worker") == 42


async def test_a_running_server_is_joined_at_once(place: Place) -> None:
    """Who comes while the server runs, or has just been left, gets the same one without delay."""
    clock, staying = Clock(), ServerOptions(idle_seconds=60, durable=False)
    async with place.server(staying):
        first = place.postmaster()
    start = clock.monotonic()
    async with place.server() as server:
        assert clock.monotonic() - start < 10  # some 5 ms where nothing else runs, and far from a minute
        assert place.postmaster() == first
        assert await ask(server, "SELECT 1") == 1


async def test_processes_share_one_server(place: Place, start_user: StartUser) -> None:
    """A server stays for its last user, whoever started it."""
    other = await start_user(place)
    async with place.server():
        shared = place.postmaster()
    await Clock().sleep(3 * QUICK.idle_seconds)
    assert place.postmaster() == shared
    await other.communicate(b"")
    await until(place.empty)


async def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    """The socket's path is short (at most 107 bytes) wherever the data lie."""
    deep = Place(tmp_path.joinpath(*["a-rather-long-name-for-a-folder"] * 6))
    async with deep.server() as server:
        assert len(os.fsencode(socket_folder(server) / ".s.PGSQL.5432")) <= 107
        assert await ask(server, "SELECT 1") == 1
    await until(deep.empty)


@pytest.mark.parametrize(("durable", "expected"), [(True, "on"), (False, "off")])
async def test_only_a_throwaway_server_skips_the_disk(fresh: Place, durable: bool, expected: str) -> None:  # noqa: FBT001  (a parameter of the test)
    """A durable server survives a power cut; a throwaway one is fast, and survives only kills."""
    async with fresh.server(ServerOptions(idle_seconds=0, durable=durable)) as server:
        for name in ("fsync", "full_page_writes"):
            assert await ask(server, f"SHOW {name}") == expected


async def test_works_on_uvloop(place: Place) -> None:
    """The program's own event loop starts processes in another way."""
    program = (
        "import sys, uvloop\n"
        "from pathlib import Path\n"
        "from sync_worker.clock import Clock\n"
        "from sync_worker.embedded import EmbeddedServer, ServerOptions\n"
        "async def main():\n"
        "    options = ServerOptions(idle_seconds=0, durable=False)\n"
        "    async with EmbeddedServer(Path(sys.argv[1]), Clock(), options) as server:\n"
        "        await server.ensure_database('sync_worker')\n"
        "uvloop.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        place.python, "-c", program, str(place.folder), env=place.environment
    )
    assert await process.wait() == 0

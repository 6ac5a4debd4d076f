"""Killed at any place, at any moment: the next use works, and nothing stays behind."""

import asyncio
import os
import signal
from functools import partial

import asyncpg

from sync_worker.clock import deadline
from sync_worker.embedded import ServerOptions, commands, processes, sockets
from sync_worker.embedded.account import server_account
from sync_worker.embedded.binaries import candidates, search_places
from sync_worker.embedded.home import Home
from tests.integration.embedded.conftest import StartUser
from tests.integration.embedded.place import Place, Process, remove, socket_folder, until


async def remember(dsn: str) -> None:
    """Write."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE TABLE remembered AS SELECT 42 AS answer")
    await connection.close()


async def remembered(dsn: str) -> object:
    """Read it again."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT answer FROM remembered")
    finally:
        await connection.close()


def running(process: Process | None) -> Process:
    """The process, which must be there."""
    assert process is not None
    return process


async def test_a_killed_user_leaves_no_server(place: Place, start_user: StartUser) -> None:
    """The kernel frees a dead user's lock, so the server stops as if the user had left."""
    user = await start_user(place)
    assert not place.empty()
    user.kill()
    await until(place.empty)


async def test_a_killed_starter_does_not_take_the_server_along(place: Place, start_user: StartUser) -> None:
    """The server does not depend on the process that started it."""
    starter = await start_user(place)
    async with place.server() as server:
        await remember(server.dsn("postgres"))
        starter.kill()
        await starter.wait()
        assert await remembered(server.dsn("postgres")) == 42


async def test_the_server_ends_with_its_supervisor(place: Place) -> None:
    """Kill -9 of the supervisor stops the server; the next use starts both anew, with the data."""
    async with place.server() as server:
        await remember(server.dsn("postgres"))
        postmaster = running(place.postmaster())
        running(place.supervisor()).signal(signal.SIGKILL)
        await until(lambda: not postmaster.alive)
    async with place.server() as server:
        assert await remembered(server.dsn("postgres")) == 42
        assert place.supervisor()


async def test_the_next_server_waits_for_the_last_one(place: Place) -> None:
    """Who comes right after the supervisor's death waits until its server is really gone."""
    async with place.server() as server:
        await remember(server.dsn("postgres"))
        supervisor = running(place.supervisor())
        supervisor.signal(signal.SIGKILL)
        await until(lambda: not supervisor.alive)
        async with place.server() as again:
            assert await remembered(again.dsn("postgres")) == 42


async def test_a_killed_server_is_started_again(place: Place) -> None:
    """Kill -9 of the server: its users find it again at the same address, recovered."""
    async with place.server() as server:
        await remember(server.dsn("postgres"))
        killed = running(place.postmaster())
        killed.signal(signal.SIGKILL)
        await until(lambda: place.postmaster() not in (None, killed))
        async with place.server() as again:
            assert again.dsn("postgres") == server.dsn("postgres")
            assert await remembered(server.dsn("postgres")) == 42


async def test_everything_killed_is_recovered(place: Place) -> None:
    """As after a power cut: stale files of every kind are no obstacle."""
    async with place.server() as server:
        await remember(server.dsn("postgres"))
        postmaster = running(place.postmaster())
        supervisor = running(place.supervisor())
        supervisor.signal(signal.SIGSTOP)
        postmaster.signal(signal.SIGKILL)
        supervisor.signal(signal.SIGKILL)
        await until(lambda: not supervisor.alive)
    async with place.server() as server:
        assert await remembered(server.dsn("postgres")) == 42


async def test_a_reused_process_number_is_no_obstacle(place: Place) -> None:
    """In a container the number in an old `postmaster.pid` soon belongs to another program."""
    sleeper = await asyncio.create_subprocess_exec("sleep", "60", user=(place.folder / "data").stat().st_uid)
    (place.folder / "data" / "postmaster.pid").write_text(f"{sleeper.pid}\n/elsewhere\n0\n5432\n/tmp\n\n  1 1\nready\n")
    async with place.server() as server:
        connection = await asyncpg.connect(server.dsn("postgres"))
        assert await connection.fetchval("SELECT 42") == 42
        await connection.close()
    assert sleeper.returncode is None, "the other program was taken for the server"
    sleeper.kill()
    await sleeper.wait()


async def test_a_half_made_data_folder_is_made_anew(fresh: Place) -> None:
    """A kill during initdb leaves a draft, which nobody takes for data."""
    draft = fresh.folder / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    (fresh.folder / "users.lock").touch()
    async with fresh.server() as server:
        connection = await asyncpg.connect(server.dsn("postgres"))
        await connection.close()
    assert not draft.exists()


async def test_a_told_supervisor_stops_in_order(place: Place) -> None:
    """A machine that shuts down gets a clean end even while there are users."""
    async with place.server():
        running(place.supervisor()).signal(signal.SIGTERM)
        await until(place.empty)
    assert "database system is shut down" in (place.folder / "server.log").read_text()


async def test_a_server_started_by_hand_is_waited_for(place: Place) -> None:
    """Somebody who looked into the data with a server of their own may still be about to stop it."""
    account = server_account()
    folder = sockets.socket_folder(place.folder / "by-hand", "1:2", account, sockets.bases({}))
    binaries = candidates(search_places(os.environ))[0]
    command = partial(commands.postgres, binaries, socket_folder=folder, durable=False)
    by_hand = processes.start(command, place.folder / "data", Home(place.folder.parent), account)
    await until(lambda: place.postmaster() is not None)
    asyncio.get_running_loop().call_later(0.5, by_hand.send_signal, signal.SIGINT)
    async with place.server() as server:
        connection = await asyncpg.connect(server.dsn("postgres"))
        await connection.close()
    assert by_hand.wait() == 0
    sockets.remove(folder)
    assert 'lock file "postmaster.pid" already exists' in (place.folder / "server.log").read_text()


LONG = ServerOptions(idle_seconds=60, durable=False)


async def test_a_removed_home_ends_its_server(place: Place) -> None:
    """Who removes the folder has removed the server: supervisor and server end by themselves, at once."""
    async with place.server(LONG):
        postmaster = running(place.postmaster())
    remove(place.folder)
    await until(lambda: place.supervisor() is None and not postmaster.alive, 10)
    assert not place.folder.exists()


async def test_a_new_home_in_a_removed_ones_place_is_its_own(place: Place) -> None:
    """A server that ends late takes nothing away from the one that has its place: neither its state nor its socket."""
    async with place.server(LONG) as server:
        left = socket_folder(server)
    old, postmaster = running(place.supervisor()), running(place.postmaster())
    old.signal(signal.SIGSTOP)
    remove(place.folder)
    async with place.server(LONG) as server:
        await remember(server.dsn("postgres"))
        old.signal(signal.SIGCONT)
        await until(lambda: not old.alive and not postmaster.alive, 30)
        assert not left.exists()
        async with deadline(30), place.server() as again:
            assert await remembered(again.dsn("postgres")) == 42


async def test_a_home_that_lost_its_data_begins_anew(place: Place) -> None:
    """Where only the data are removed, their server ends, and the next use finds an empty one."""
    async with place.server(LONG) as server:
        await remember(server.dsn("postgres"))
    remove(place.folder / "data")
    async with deadline(30), place.server() as server:
        pass
    await until(lambda: place.supervisor() is None, 10)
    async with deadline(30), place.server() as server:
        await remember(server.dsn("postgres"))

"""One writer for each instance: who else comes is told, and who lost the lock commits nothing."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import cast

import pytest
from typing_extensions import override

from sync_worker.channels import User
from sync_worker.clock import Clock, deadline
from sync_worker.errors import DatabaseUnreachable, LockHeld, LockLost
from sync_worker.mirror import database as database_module
from sync_worker.mirror import lock
from sync_worker.mirror.database import Database, Session, connect
from sync_worker.mirror.lock import Holder, Process, Writer, writing
from sync_worker.mirror.merge import Merged
from sync_worker.mirror.readback import instance_status
from sync_worker.tasks import TaskGroup
from tests.integration.mirror.stage import Stage, channel, kill_backend, request, snapshot, staged
from tests.integration.mirror.wire import proxied

HOLDER = """
import asyncio, sys
from sync_worker.channels import User
from sync_worker.clock import Clock
from sync_worker.mirror.database import connect
from sync_worker.mirror.lock import writing

async def main():
    async with connect(sys.argv[1]) as database, writing(database, "main", "backfill", Clock()):
        print("held", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def holder(database_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that has the lock."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, database_url), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"held\n"
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_a_second_writer_is_told_who_the_first_one_is(database: Database, clock: Clock) -> None:
    """Command, user, machine, process."""
    me = Process.current("backfill --fresh")
    async with writing(database, "main", "backfill --fresh", clock):
        with pytest.raises(LockHeld) as caught:
            async with writing(database, "main", "run", clock):
                pass
        for part in ("`backfill --fresh`", me.user, me.host, f"process {os.getpid()}"):
            assert part in str(caught.value)
        async with writing(database, "other", "run", clock):
            pass
    async with writing(database, "main", "run", clock):
        pass


async def test_a_reader_does_not_need_the_lock(stage: Stage) -> None:
    """And sees who has it."""
    await stage.commit(snapshot(1, 1, channel(10)))
    status = await instance_status(stage.database, stage.clock, "main", ["account:self"])
    assert (status.channels_live, status.users_present) == (1, 1)
    assert status.holder is not None
    assert status.holder.startswith("`run` of ")


async def test_after_the_end_nobody_holds_it(database: Database, clock: Clock) -> None:
    """Though the row still names the last one."""
    async with writing(database, "main", "run", clock):
        pass
    assert (await instance_status(database, clock, "main", ["account:self"])).holder is None


async def test_a_crash_frees_the_lock(database: Database, clock: Clock, holder: asyncio.subprocess.Process) -> None:
    """The operating system closes the connection, PostgreSQL frees the lock."""
    with pytest.raises(LockHeld, match=f"`backfill`.* process {holder.pid}"):
        async with writing(database, "main", "run", clock):
            pass
    holder.send_signal(signal.SIGKILL)
    await holder.wait()
    async with deadline(30):
        while not await _can_write(database, clock):
            await clock.sleep(0.02)


async def _can_write(database: Database, clock: Clock) -> bool:
    try:
        async with writing(database, "main", "run", clock):
            return True
    except LockHeld:
        return False


async def test_a_writer_whose_lock_is_gone_commits_nothing(stage: Stage) -> None:
    """Promise 6: and it knows at once."""
    batch = await stage.batch(1)
    await kill_backend(stage.database, stage.writer._backend)
    async with deadline(10):  # less than from one heartbeat to the next
        await stage.writer.lost.wait()
    with pytest.raises(LockLost, match="the lock of instance main is gone"):
        await stage.mirror.commit(stage.run, batch, [snapshot(1, 1, channel(10))])
    assert await stage.live() == {}


async def test_a_writer_that_has_not_noticed_commits_nothing_either(stage: Stage) -> None:
    """The fence looks for the lock itself."""
    batch = await stage.batch(1)
    await kill_backend(stage.database, stage.writer._backend)
    await stage.writer.lost.wait()
    stage.writer.lost.clear()
    with pytest.raises(LockLost):
        await stage.mirror.commit(stage.run, batch, [snapshot(1, 1, channel(10))])
    assert stage.writer.lost.is_set()


async def test_a_paused_writer_finds_a_higher_epoch(stage: Stage) -> None:
    """Whatever it wants to commit: batches, second reads, claims, enrolment, the end of the run."""
    batch = await stage.batch(1)
    await kill_backend(stage.database, stage.writer._backend)
    async with staged(stage.database) as successor:
        assert successor.writer.epoch == stage.writer.epoch + 1
        stage.writer._backend = successor.writer._backend  # process numbers come again
        attempts: list[Awaitable[object]] = [
            stage.mirror.commit(stage.run, batch, [snapshot(1, 1, channel(10))]),
            stage.settle(snapshot(1, 1, channel(10))),
            stage.ledger.claim(stage.run),
            stage.ledger.open_run(request(fresh=True)),
            stage.candidates.hold(stage.run, by_brake=True),
            stage.enrol(User(id=1)),
        ]
        for attempt in attempts:
            stage.writer.lost.clear()
            with pytest.raises(LockLost):
                await attempt
        assert (await stage.live(), await stage.states()) == ({}, {})
        await successor.next_run()
        assert await successor.commit(snapshot(2, 1, channel(10))) == Merged(seen=1, created=1)


async def test_a_successor_waits_for_a_commit_that_is_under_way(stage: Stage) -> None:
    """Then it sees what was written."""
    async with stage.writer.transaction() as session:
        await kill_backend(stage.database, stage.writer._backend)
        async with TaskGroup() as group:
            successor = group.create_task(_epoch(stage.database))
            await stage.clock.sleep(0.1)
            assert not successor.done()
            await session.execute("mark_listed", stage.run.id, None)
            await session.connection.execute("COMMIT")
        assert successor.result() == stage.writer.epoch + 1
    assert (await stage.run_row())["listed"]


async def _epoch(database: Database) -> int:
    async with writing(database, "main", "run", Clock()) as writer:
        return writer.epoch


async def test_a_transaction_of_a_writer_that_lost_power_is_ended(
    database_url: str, database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server rolls it back by itself, and the successor takes over."""
    monkeypatch.setitem(database_module.KEEPALIVE, "idle_in_transaction_session_timeout", "1500ms")
    monkeypatch.setattr(lock, "LOCK_WAIT", 0.2)
    async with (
        proxied(database_url) as proxy,
        connect(proxy.url) as through,
        writing(through, "main", "run", clock) as writer,
    ):
        with pytest.raises((LockLost, DatabaseUnreachable)):  # noqa: PT012  (the context is what is tested)
            async with writer.transaction() as session:
                proxy.flows.clear()
                await kill_backend(database, writer._backend)
                async with deadline(60), writing(database, "main", "run", clock) as successor:
                    assert successor.epoch == writer.epoch + 1
                proxy.flows.set()
                await session.fetch_value("alive")


async def test_a_transaction_that_does_not_end(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not waited for without end: the message says whose it is."""
    monkeypatch.setattr(lock, "LOCK_WAIT", 0.1)
    monkeypatch.setattr(lock, "PATIENCE", 0.5)
    async with writing(database, "main", "backfill", clock):
        pass
    async with database.transaction() as session:
        await session.connection.execute("SELECT FROM worker.instances FOR UPDATE")
        async with deadline(30):  # far from the real patience
            with pytest.raises(LockHeld, match=r"transaction of its last writer is still open, that was `backfill` of"):
                async with writing(database, "main", "run", clock):
                    pass
    async with writing(database, "main", "run", clock) as writer:
        assert writer.epoch == 2


async def test_a_silent_connection_is_noticed(database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing breaks, nothing arrives: a cable was pulled."""
    monkeypatch.setattr(lock, "HEARTBEAT", 1)
    async with (
        connect(database_url) as database,
        proxied(database_url) as proxy,
        connect(database_url, proxy.url) as through,
        writing(through, "main", "run", clock) as writer,
    ):
        async with writer.transaction():
            pass
        proxy.flows.clear()
        async with deadline(30):
            await writer.lost.wait()
        with pytest.raises(LockLost):
            async with writer.transaction():
                pass
        proxy.flows.set()
        async with database.session() as session:
            assert await session.fetch_value("alive") == 1


async def test_a_heartbeat_that_fails_is_a_lost_lock(
    database: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it fails."""

    class Dead:
        async def fetch_value(self, name: str) -> None:
            raise DatabaseUnreachable(name)

    monkeypatch.setattr(lock, "HEARTBEAT", 0.001)
    session = cast("Session", Dead())
    holder = Holder(instance="main", process=Process.current("run"), epoch=1, backend=1)
    writer = Writer(database, session, holder, clock)
    await lock._beat(database, session, writer, clock)
    assert writer.lost.is_set()


# --- before a call to Canvas, which no transaction fences ----------------------------------------------


class Asleep(Clock):
    """A clock of a machine that can be put to sleep."""

    slept = 0.0

    @override
    def boottime(self) -> float:
        return super().boottime() + self.slept


async def test_a_writer_makes_sure_after_a_sleep(database: Database) -> None:
    """For some seconds it believes the fence; after that it asks again, and finds that somebody else has taken over."""
    clock = Asleep()
    async with writing(database, "main", "apply", clock) as writer, database.session() as session:
        await writer.make_sure()
        await session.connection.execute("UPDATE worker.instances SET epoch = epoch + 1")
        await writer.make_sure()  # nobody has told us, and nobody can have the lock so soon
        clock.slept = lock.SURE
        with pytest.raises(LockLost):
            await writer.make_sure()


async def test_a_writer_that_is_still_alone_makes_sure_too(database: Database) -> None:
    """However long it slept: the lock is its own."""
    clock = Asleep()
    async with writing(database, "main", "apply", clock) as writer:
        for hours in range(3):
            clock.slept = hours * 3600.0
            await writer.make_sure()


async def test_a_farewell_that_nobody_has_read(database: Database, database_url: str, clock: Clock) -> None:
    """The lock's connection ended while this process stood still: the next look sees it before the event loop does."""

    def end() -> None:
        asyncio.run(_end_locks(database_url))

    async with writing(database, "main", "apply", clock) as writer:
        await writer.make_sure()
        meanwhile = threading.Thread(target=end)
        meanwhile.start()
        meanwhile.join()  # the event loop stands still
        assert not writer.lost.is_set()
        with pytest.raises(LockLost):
            await writer.make_sure()


async def _end_locks(database_url: str) -> None:
    async with connect(database_url) as other, other.session() as session:
        query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE '%lock main'"
        assert await session.connection.fetchval(query)

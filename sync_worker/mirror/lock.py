"""One writer for each instance: a session advisory lock, and a fence in front of every commit.

The lock keeps an honest second writer out. The fence keeps a dishonest first one from committing: a writer that
was paused, or whose connection was cut, finds a higher epoch or its lock gone inside its own transaction.

No transaction fences a call to Canvas. Right before each that writes, the writer makes sure: the fence has let it pass
within the last seconds, in which nobody else can have the lock, or it is asked again. What remains is a process that is
stopped between that look and the first byte of the call, a moment later (longer where a connection has to be made
first): that call goes out late. Canvas does not do again what was done meanwhile, and mails nobody for it; what was
left undone meanwhile is done, and found by the next look.
"""

import asyncio
import getpass
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from sync_worker.channels import ReadOrder
from sync_worker.clock import Clock, deadline
from sync_worker.errors import DatabaseUnreachable, LockHeld, LockLost
from sync_worker.logs import get_logger
from sync_worker.mirror.database import Database, Record, Session

LOCK_KEY: Final = 0x53594E43  # "SYNC", the first half of the advisory lock; the second is the instance
HEARTBEAT: Final = 15.0  # seconds between two looks at the lock's connection
PATIENCE: Final = 90.0  # seconds; by then the server has ended the last transaction of a writer that went silent
LOCK_WAIT: Final = 3.0  # seconds of it in one statement
SURE: Final = 10.0
"""Seconds for which the lock is surely ours after the fence has said so, unless its connection stirs: a server that
hears no more of us needs 15 to notice (`KEEPALIVE`: the last sign of life may be as old as its idle time)."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Who is at work, for the ledger and for whoever finds the lock taken."""

    command: str
    host: str
    pid: int
    user: str

    @classmethod
    def current(cls, command: str) -> "Process":
        """This process."""
        return cls(command=command, host=socket.gethostname(), pid=os.getpid(), user=_user_name())


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a numeric user without an entry, as in containers
        return f"uid {os.getuid()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who has taken the lock."""

    instance: str
    process: Process
    epoch: int
    backend: int  # of the session that holds it


class Writer:
    """The right to write for one instance while the lock lasts."""

    def __init__(self, database: Database, session: Session, holder: "Holder", clock: Clock) -> None:
        self._database = database
        self._session = session
        self._clock = clock
        self._backend = holder.backend
        self._sure_since = -SURE
        self.instance = holder.instance
        self.process = holder.process
        self.epoch = holder.epoch
        self.lost = asyncio.Event()

    @asynccontextmanager
    async def transaction(self, session: Session | None = None) -> AsyncIterator[Session]:
        """A transaction that commits only while the lock is ours; on `session`, or on one out of the pool.

        Raises:
            LockLost: the lock's session ended, or another writer has taken over.
        """
        if session is None:
            async with self._database.transaction() as pooled:
                await self._fence(pooled)
                yield pooled
        else:
            async with session.transaction():
                await self._fence(session)
                yield session

    async def read_order(self) -> ReadOrder:
        """Draw the order of a read that is about to begin; that of a batch comes with its claim."""
        async with self._database.session() as session:
            return ReadOrder(epoch=self.epoch, number=await session.fetch_value("draw_read_number"))

    async def make_sure(self) -> None:
        """Return when the lock is surely ours at this moment: before what no transaction can fence.

        Raises:
            LockLost: the lock's session ended, or another writer has taken over.
            DatabaseUnreachable: nobody can say.
        """
        while not self._sure():
            async with self.transaction():
                pass

    def _sure(self) -> bool:
        recent = self._clock.boottime() - self._sure_since < SURE
        return recent and not self.lost.is_set() and not self._session.stirs()

    async def _fence(self, session: Session) -> None:
        asked = self._clock.boottime()
        if not await session.fetch_value("fence", LOCK_KEY, self.instance, self.epoch, self._backend):
            self.lost.set()
        if self.lost.is_set():
            raise self.lost_error()
        self._sure_since = asked

    def lost_error(self) -> LockLost:
        """What to raise when the lock is gone."""
        return LockLost(
            f"the lock of instance {self.instance} is gone: its database connection ended",
            hint="Nothing more was written; run the same command again to go on",
        )


@asynccontextmanager
async def writing(database: Database, instance: str, command: str, clock: Clock) -> AsyncIterator[Writer]:
    """Hold the lock of a bound instance.

    Raises:
        LockHeld: somebody else has it; the message says who.
        DatabaseUnreachable: no connection for the lock.
    """
    process = Process.current(command)
    async with database.dedicated(f"sync-worker lock {instance}") as session:
        row = await session.fetch_row("try_lock", LOCK_KEY, instance)
        if row is None or not row["taken"]:
            raise await _held(session, instance, process, clock.now())
        writer = await _take(database, session, process, instance, row["backend"], clock)
        session.connection.add_termination_listener(lambda _: writer.lost.set())
        heartbeat = asyncio.create_task(_beat(database, session, writer, clock), name=f"lock heartbeat {instance}")
        try:
            yield writer
        finally:
            heartbeat.cancel()
            await asyncio.wait([heartbeat])


async def _take(
    database: Database, session: Session, process: Process, instance: str, backend: int, clock: Clock
) -> Writer:
    """Raise the epoch, as soon as the transactions of earlier writers have ended.

    Raises:
        LockHeld: one does not end.
    """
    latest = clock.monotonic() + PATIENCE
    who = (process.command, process.host, process.pid, process.user, backend)
    while True:
        try:
            async with session.transaction():
                await session.execute("limit_lock_wait", f"{LOCK_WAIT:.3f}s")
                epoch = await session.fetch_value("raise_epoch", instance, *who, clock.now())
            holder = Holder(instance=instance, process=process, epoch=epoch, backend=backend)
            return Writer(database, session, holder, clock)
        except DatabaseUnreachable as error:
            if not isinstance(error.__cause__, asyncpg.LockNotAvailableError):
                raise
            if clock.monotonic() >= latest:
                raise await _unfinished(session, instance, process, clock.now()) from error
            log.warning("waiting for the last transaction of an earlier writer to end", instance=instance)


async def _unfinished(session: Session, instance: str, process: Process, now: datetime) -> LockHeld:
    row = await session.fetch_row("holder", LOCK_KEY, instance)
    return LockHeld(
        f"instance {instance} cannot be taken over: a transaction of its last writer is still open, "
        f"that was {describe_holder(row, now)}",
        hint="Run the same command again in some minutes; if that does not help, end the session that holds a lock "
        "on worker.instances (pg_locks, pg_terminate_backend)",
        by_us=_is(process, row),
    )


async def _beat(database: Database, session: Session, writer: Writer, clock: Clock) -> None:
    """Notice a dead connection although nothing is sent over it; what waits for an answer is given up then."""
    while not writer.lost.is_set():
        await clock.sleep(HEARTBEAT)
        try:
            async with deadline(HEARTBEAT):
                await session.fetch_value("alive")
        except (DatabaseUnreachable, TimeoutError):
            writer.lost.set()
    database.abandon()


async def _held(session: Session, instance: str, process: Process, now: datetime) -> LockHeld:
    row = await session.fetch_row("holder", LOCK_KEY, instance)
    return LockHeld(
        f"instance {instance} is locked by {describe_holder(row, now)}",
        hint="Wait for it to end, or stop it (SIGTERM ends it cleanly)",
        by_us=_is(process, row),
    )


def _is(process: Process, holder: Record | None) -> bool:
    """Whether the lock's holder is this process, by a connection that it has lost and the server still believes in."""
    return holder is not None and (holder["holder_host"], holder["holder_pid"]) == (process.host, process.pid)


def describe_holder(row: Record | None, now: datetime) -> str:
    """Who holds the lock, for people: command, user, host, process, since when."""
    if row is None or row["holder_since"] is None:
        return "a process that has just begun"
    holder: dict[str, Any] = dict(row)
    seconds = max(0, int((now - holder["holder_since"]).total_seconds()))  # a clock may have been ahead
    since = holder["holder_since"].strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"`{holder['holder_command']}` of {holder['holder_user']} on {holder['holder_host']}, "
        f"process {holder['holder_pid']}, since {since} ({seconds // 60} min {seconds % 60} s)"
    )

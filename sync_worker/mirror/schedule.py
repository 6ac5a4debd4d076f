"""The memory of the scheduler: the latest time for which each job was begun."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from sync_worker.mirror.database import Database

AT_WORK_KEY: Final = 0x53594E4A
"""The first half of the advisory lock of whoever is at a job; the second is the job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is known of a job."""

    due_at: datetime  # for which it was begun last; for a new one, when it was first seen
    started_at: datetime
    finished_at: datetime | None  # None: at work, killed, or stopped in the middle


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a start ended."""

    started_at: datetime
    finished_at: datetime
    exit_code: int
    passed_at: datetime | None  # the last time of its schedule that passed meanwhile: it is not owed any more


class Marks(Protocol):
    """Where that is kept."""

    async def meet(self, job: str, now: datetime) -> Mark:
        """What is known; a job that is new owes nothing from before, nor one that a clock days ahead has begun."""

    def at_work(self, job: str) -> AbstractAsyncContextManager[bool]:
        """Be at it meanwhile; False where somebody else is. A process that dies is not at it any more."""

    async def claim(self, job: str, due_at: datetime, now: datetime, again: datetime | None) -> bool:
        """Begin it for a time of its schedule; False where somebody else has.

        Args:
            job: which one.
            due_at: the time.
            now: when it begins.
            again: the `started_at` of a start that did not come to its end and is repeated; None: none is.
        """

    async def finish(self, job: str, end: End) -> None:
        """It came to its end."""


class StoredMarks:
    """In the table `worker.schedule`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def meet(self, job: str, now: datetime) -> Mark:
        """See `Marks`."""
        async with self._database.session() as session:
            while not (rows := await session.fetch("meet_job", job, now)):
                pass  # another process has just met it too: it is there at the next look
        return Mark(**rows[0])

    @asynccontextmanager
    async def at_work(self, job: str) -> AsyncIterator[bool]:
        """See `Marks`; a session of its own holds the lock."""
        async with self._database.dedicated("sync-worker scheduled job") as session:
            yield bool(await session.fetch_value("be_at_work", AT_WORK_KEY, job))

    async def claim(self, job: str, due_at: datetime, now: datetime, again: datetime | None) -> bool:
        """See `Marks`."""
        async with self._database.session() as session:
            return await session.fetch_row("claim_job", job, due_at, now, again) is not None

    async def finish(self, job: str, end: End) -> None:
        """See `Marks`."""
        async with self._database.session() as session:
            await session.execute(
                "finish_job", job, end.started_at, end.finished_at, end.exit_code, end.passed_at or end.started_at
            )

"""Deleting what is older than `[retention]` says, in chunks, each a transaction of the instance's writer.

What the program stands on is never deleted: the newest batch of each user (it says how fresh the user is), actions in
doubt and those of plans that may go on, runs that hold deletions back, the plan that was applied last.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync_worker.clock import Clock
from sync_worker.mirror.actions import UNATTENDED_WINDOW
from sync_worker.mirror.database import Database, Session, Sessions
from sync_worker.mirror.lock import Writer

CHUNK: Final = 2_000  # rows deleted together
BATCHES: Final = 100  # the same of worker.batches, which hold some hundred users each

_STEPS: Final[Mapping[str, tuple[tuple[str, str, int], ...]]] = {
    "actions": (("worker.actions", "prune_actions", CHUNK),),
    "plans": (
        ("worker.plans", "prune_plans", CHUNK // 20),
        ("worker.comparisons", "prune_comparisons", CHUNK),
    ),
    "runs": (
        ("worker.batches", "prune_batches", BATCHES),
        ("worker.failures", "prune_failures", CHUNK),
        ("worker.runs", "prune_runs", CHUNK),
    ),
    "history": (
        ("mirror.channel_history", "prune_channel_history", CHUNK),
        ("mirror.user_history", "prune_user_history", CHUNK),
    ),
}
"""By subject, a setting of `[retention]`: table, statement, rows at a time. In this order: plans and runs stay as long
as actions refer to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far back something reaches since it was pruned."""

    back_to: datetime  # what ended before may be gone
    pruned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What went of one table."""

    table: str
    before: datetime  # what ended before
    rows: int


class Pruner:
    """Prunes one instance, on a session of its own."""

    def __init__(self, writer: Writer, session: Session, clock: Clock) -> None:
        self._writer = writer
        self._session = session
        self._clock = clock

    async def prune(self, keep_since: Mapping[str, datetime]) -> tuple[Pruned, ...]:
        """Delete, subject by subject, what ended before its time; may be stopped and begun again."""
        if "runs" in keep_since:
            await self._session.execute("create_last_reads")
            await self._session.execute("find_last_reads", self._writer.instance)
        if {"plans", "actions"} & keep_since.keys():
            async with self._writer.transaction(self._session) as session:
                await session.execute("expire_plans", [self._writer.instance], self._clock.now())
        found: list[Pruned] = []
        for subject, steps in _STEPS.items():
            if subject in keep_since:
                found += await self._subject(subject, keep_since[subject], steps)
        return tuple(found)

    async def _subject(self, subject: str, before: datetime, steps: tuple[tuple[str, str, int], ...]) -> list[Pruned]:
        now = self._clock.now()
        if subject == "actions":
            before = min(before, now - UNATTENDED_WINDOW)
        async with self._writer.transaction(self._session) as session:  # first: whoever looks never misses a row unsaid
            await session.execute("note_pruned", self._writer.instance, subject, before, now)
        return [
            Pruned(table=table, before=before, rows=await self._table(name, before, size))
            for table, name, size in steps
        ]

    async def _table(self, name: str, before: datetime, size: int) -> int:
        rows = 0
        while True:
            async with self._writer.transaction(self._session) as session:
                gone: int = await session.fetch_value(name, self._writer.instance, before, size)
            rows += gone
            if gone < size:
                return rows


async def prune(
    database: Database, writer: Writer, clock: Clock, keep_since: Mapping[str, datetime], *, dry_run: bool
) -> tuple[Pruned, ...]:
    """Delete what ended before the time of its subject; a dry run does the same and takes it back.

    Raises:
        LockLost, DatabaseUnreachable: what is deleted by then stays deleted; the same command goes on.
    """
    async with database.dedicated(f"sync-worker prune {writer.instance}") as session:
        pruner = Pruner(writer, session, clock)
        if not dry_run:
            return await pruner.prune(keep_since)
        async with session.rehearsal():
            return await pruner.prune(keep_since)


async def reach(database: Sessions, instance: str, subject: str) -> Reach | None:
    """How far back a subject reaches; None where it was never pruned."""
    async with database.session() as session:
        row = await session.fetch_row("how_far_back", instance, subject)
    return None if row is None else Reach(back_to=row["reaches_back_to"], pruned_at=row["pruned_at"])


async def run_started(database: Database, instance: str, run_id: int) -> datetime | None:
    """When a run began; None where the ledger does not know it (any more)."""
    async with database.session() as session:
        started: datetime | None = await session.fetch_value("run_started", instance, run_id)
    return started

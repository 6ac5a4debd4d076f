"""Channels that a complete read did not see any more, until a second read or a person settles them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sync_worker.mirror.database import Database
from sync_worker.mirror.lock import Writer
from sync_worker.mirror.runs import Run

CHUNK: Final = 1_000  # users read again together


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What the brake looks at."""

    candidates: int  # channels of the users this run covered that a first read did not see
    live: int  # live channels of the same users
    held: int = 0  # candidates that earlier runs hold back
    held_by: tuple[int, ...] = ()  # those runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Deletions that a run holds back, of one reason."""

    instance: str
    run_id: int
    reason: str  # absent, gone
    channels: int
    users: int
    since: datetime
    message: str | None  # of the run


class Candidates:
    """Candidates for deletion of one instance, for its writer."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def weigh(self, run: Run) -> Weight:
        """Candidates and live channels of the users that the run has covered."""
        async with self._database.transaction() as session:
            await session.execute("join_by_hash")
            row = await session.fetch_row("weigh_candidates", self._writer.instance, run.id)
        if row is None:
            return Weight(candidates=0, live=0)
        return Weight(
            candidates=row["candidates"], live=row["live"], held=row["held"], held_by=tuple(sorted(row["held_by"]))
        )

    async def hold(self, run: Run, *, by_brake: bool) -> None:
        """Hold back the candidates of the users that the run has covered.

        What the brake holds waits for a person; the rest may be settled by a later plausible run too.
        """
        async with self._writer.transaction() as session:
            await session.execute("join_by_hash")
            await session.execute("hold_candidates", self._writer.instance, run.id, by_brake)

    async def pending(self) -> int:
        """Deletions that runs of this instance hold back."""
        async with self._database.session() as session:
            count: int = await session.fetch_value("count_pending", self._writer.instance)
            return count

    async def covered_users(self, run: Run, *, held: bool = False) -> AsyncIterator[tuple[int, ...]]:
        """Users with candidates that the run has covered, some at a time, each once; `held`: the brake's too."""
        async for ids in self._users("users_to_settle", run.id, held):
            yield ids

    async def held_users(self, run_id: int) -> AsyncIterator[tuple[int, ...]]:
        """Users with candidates that a run holds back, some at a time, each once."""
        async for ids in self._users("users_held", run_id):
            yield ids

    async def _users(self, query: str, run_id: int, *more: bool) -> AsyncIterator[tuple[int, ...]]:
        last = 0
        while True:
            async with self._database.transaction() as session:
                await session.execute("join_by_hash")
                rows = await session.fetch(query, self._writer.instance, run_id, last, CHUNK, *more)
            if not rows:
                return
            last = rows[-1]["user_id"]
            yield tuple(row["user_id"] for row in rows)

    async def count_held(self, run_id: int) -> int:
        """Deletions that a run holds back."""
        async with self._database.session() as session:
            count: int = await session.fetch_value("count_held", self._writer.instance, run_id)
            return count

    async def dismiss(self, run_id: int) -> int:
        """Forget what a run holds back; returns the number of channels."""
        async with self._writer.transaction() as session:
            count: int = await session.fetch_value("dismiss_pending", self._writer.instance, run_id)
            return count


async def pending(database: Database, instances: Sequence[str]) -> tuple[Pending, ...]:
    """Deletions held back, by run and reason."""
    async with database.session() as session:
        return tuple(Pending(**row) for row in await session.fetch("pending", list(instances)))


async def pending_channels(database: Database, instances: Sequence[str], run_id: int) -> AsyncIterator[dict[str, Any]]:
    """The channels that a run holds back: user, identifiers, type, address, reason, since; memory stays flat."""
    last = (0, 0)
    while True:
        async with database.session() as session:
            rows = await session.fetch("pending_channels", list(instances), run_id, *last, CHUNK)
        for row in rows:
            yield dict(row)
        if len(rows) < CHUNK:
            return
        last = (rows[-1]["user_id"], rows[-1]["channel_id"])

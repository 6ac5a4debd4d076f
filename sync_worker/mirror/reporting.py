"""Asking a report: one statement of this program's own that only looks, its rows through a cursor."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

from sync_worker.mirror.database import Database, Session
from sync_worker.mirror.trouble import translated

PAGE: Final = 2_000  # rows


class Reading:
    """A transaction in which everything is read as of one moment."""

    def __init__(self, session: Session, place: str, now: datetime) -> None:
        self._session = session
        self._place = place
        self.now = now  # what the views take for now

    async def columns(self, report_sql: str) -> tuple[str, ...]:
        """The names of what a query returns."""
        with translated(self._place):
            prepared = await self._session.connection.prepare(report_sql)
        return tuple(attribute.name for attribute in prepared.get_attributes())

    async def pages(self, report_sql: str, *args: Any) -> AsyncGenerator[list[dict[str, Any]]]:
        """The rows of a query, some at a time."""
        with translated(self._place):
            cursor = await self._session.connection.cursor(report_sql, *args)
        while True:
            with translated(self._place):
                rows = await cursor.fetch(PAGE)
            if not rows:
                return
            yield [dict(row) for row in rows]

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """The transaction's own connection, so that whatever takes sessions reads as of the same moment."""
        yield self._session

    async def first(self, report_sql: str, limit: int, *args: Any) -> list[dict[str, Any]]:
        """So many rows of a query, at the most."""
        with translated(self._place):
            cursor = await self._session.connection.cursor(report_sql, *args)
            return [dict(row) for row in await cursor.fetch(limit)]

    async def totals(self, instances: Sequence[str]) -> dict[str, int]:
        """How many rows the lists of the page have, by report."""
        row = await self._session.fetch_row("page_totals", list(instances), self.now)
        return {name.replace("_", "-"): count for name, count in dict(row or {}).items()}

    async def reach(self, instance: str) -> dict[str, Any]:
        """How many present users can be reached, cannot, and of how many nobody knows; when half of them were read."""
        return dict(await self._session.fetch_row("page_reach", instance) or {})

    async def held(self, instance: str) -> dict[int, int]:
        """How many deletions are held back, by the run that holds them."""
        held: Counter[int] = Counter()
        for row in await self._session.fetch("pending", [instance]):
            held[row["run_id"]] += row["channels"]
        return dict(held)

    async def bounces_not_visible(self, instances: Sequence[str]) -> int:
        """Active e-mail channels of which nobody knows whether they bounce."""
        count: int = await self._session.fetch_value("bounces_not_visible", list(instances))
        return count

    async def begins_at(self, instance: str) -> datetime | None:
        """When the oldest version of a channel that the mirror holds was seen; None: it holds none."""
        begins: datetime | None = await self._session.fetch_value("mirror_begins", instance)
        return begins


@asynccontextmanager
async def reading(database: Database, now: datetime) -> AsyncIterator[Reading]:
    """On a connection of its own, so that a slow reader of the rows keeps nobody waiting; `now` is what views call so.

    Raises:
        DatabaseUnreachable: the connection broke.
        ConfigError: the database's user may not read the mirror.
    """
    async with database.dedicated("sync-worker report") as session, session.transaction(readonly=True, snapshot=True):
        await session.execute("prepare_report", now)
        yield Reading(session, database.direct_place, now)

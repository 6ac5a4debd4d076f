"""Asking a report: one statement of this program's own that only looks, its rows through a cursor."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sync_worker.mirror.database import Database, Session
from sync_worker.mirror.trouble import translated

PAGE: Final = 2_000  # rows


class Reading:
    """A transaction in which everything is read as of one moment."""

    def __init__(self, session: Session, place: str) -> None:
        self._session = session
        self._place = place

    async def columns(self, sql: str) -> tuple[str, ...]:
        """The names of what a query returns."""
        with translated(self._place):
            prepared = await self._session.connection.prepare(sql)
        return tuple(attribute.name for attribute in prepared.get_attributes())

    async def pages(self, sql: str, *args: Any) -> AsyncGenerator[list[dict[str, Any]]]:
        """The rows of a query, some at a time."""
        with translated(self._place):
            cursor = await self._session.connection.cursor(sql, *args)
        while True:
            with translated(self._place):
                rows = await cursor.fetch(PAGE)
            if not rows:
                return
            yield [dict(row) for row in rows]

    async def bounces_not_visible(self, instances: Sequence[str]) -> int:
        """Active e-mail channels of which nobody knows whether they bounce."""
        count: int = await self._session.fetch_value("bounces_not_visible", list(instances))
        return count


@asynccontextmanager
async def reading(database: Database) -> AsyncIterator[Reading]:
    """On a connection of its own, so that a slow reader of the rows keeps nobody waiting.

    Raises:
        DatabaseUnreachable: the connection broke.
        ConfigError: the database's user may not read the mirror.
    """
    async with database.dedicated("sync-worker report") as session, session.transaction(readonly=True, snapshot=True):
        await session.execute("prepare_report")
        yield Reading(session, database.place)

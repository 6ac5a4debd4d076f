"""A query of the user's own, asked of the mirror: it can only look, and nothing of it stays behind.

It runs on a connection of its own, in a READ ONLY transaction, as one prepared statement: PostgreSQL refuses a second
one, and a change of data. Its text is sent as it stands in the file and takes no parameters; the instance is there as
`current_setting('sync_worker.instance')`. Rows come through a cursor, so memory stays flat.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from asyncpg.prepared_stmt import PreparedStatement

from sync_worker.errors import NotUtf8, UsageError
from sync_worker.mirror.cells import Column
from sync_worker.mirror.database import Database, Record
from sync_worker.mirror.trouble import questioned
from sync_worker.textfiles import read_text

PAGE: Final = 2_000  # rows

_Prepared: TypeAlias = "PreparedStatement[Record]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A file of SQL."""

    name: str  # for messages: "query desired.sql"
    text: str
    mistake: type[UsageError]  # what an error in it is to whoever asks


def load(path: Path, mistake: type[UsageError]) -> Query:
    """Read a file of SQL.

    Raises:
        UsageError: it cannot be read, or is no text; of the class `mistake`.
    """
    try:
        text = read_text(path)
    except OSError as error:
        raise mistake(f"the file cannot be read ({error.strerror})", where=str(path)) from error
    except NotUtf8 as error:
        raise mistake(error.what, where=error.where, hint=error.hint) from error
    if not text.strip() or "\0" in text:
        raise mistake("the file holds no SQL", where=str(path), hint="Write a SELECT on the mirror in it")
    return Query(name=f"query {path.name}", text=text, mistake=mistake)


class Answer:
    """What a query returns."""

    def __init__(self, prepared: _Prepared, query: Query, place: str) -> None:
        self._prepared = prepared
        self._query = query
        self._place = place
        self.columns = tuple(Column(name=a.name, type=a.type.name) for a in prepared.get_attributes())

    async def pages(self) -> AsyncGenerator[list[tuple[Any, ...]]]:
        """The rows, some at a time, in the order of the query.

        Raises:
            UsageError: PostgreSQL refuses to go on; of the class `query.mistake`.
        """
        with self._questioned():
            cursor = await self._prepared.cursor()
        while True:
            with self._questioned():
                rows = await cursor.fetch(PAGE)
            if not rows:
                return
            yield [tuple(row) for row in rows]

    def _questioned(self) -> AbstractContextManager[None]:
        return questioned(self._place, self._query.name, self._query.text, self._query.mistake)


@asynccontextmanager
async def asking(database: Database, instance: str, query: Query) -> AsyncIterator[Answer]:
    """Ask a query; it is checked by PostgreSQL here, and runs as its pages are taken.

    A page has to be taken within a minute after the last one: longer than that, no transaction stays open.

    Raises:
        UsageError: it is no single statement that returns rows without parameters; of the class `query.mistake`.
    """
    async with database.dedicated("sync-worker query") as session, session.transaction(readonly=True):
        await session.execute("offer_instance", instance)
        with questioned(database.direct_place, query.name, query.text, query.mistake):
            prepared = await session.connection.prepare(query.text)
        answer = Answer(prepared, query, database.direct_place)
        if prepared.get_parameters():
            hint = "The instance is current_setting('sync_worker.instance'); write everything else into the query"
            raise query.mistake("the query has parameters such as $1", where=query.name, hint=hint)
        if not answer.columns:
            raise query.mistake("the query returns no columns", where=query.name, hint="Write a SELECT on the mirror")
        yield answer

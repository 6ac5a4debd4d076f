"""Users out of a query on the mirror: its first column names them, by numbers or as in a file; the others are ignored.

The query is read to its end before anybody is walked: all mistakes are told at once, and its transaction is over when
Canvas is asked. Memory stays flat: the references wait in a temporary file.
"""

import json
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, TextIO

from sync_worker.channels import RefKind, UserRef
from sync_worker.errors import SourceError
from sync_worker.mirror.cells import Column, text_of
from sync_worker.mirror.database import Database
from sync_worker.mirror.foreign import Answer, Query, asking, load
from sync_worker.users.mistakes import Mistakes
from sync_worker.users.refs import KINDS, parse_ref, reference
from sync_worker.users.specs import QuerySpec, Spec

_TRUTH: Final = "bool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirrored:
    """Where queries are asked."""

    database: Database
    instance: str


async def check_queries(mirror: Mirrored, specs: Iterable[Spec]) -> None:
    """Let PostgreSQL look at the queries among some specs, without running them.

    Raises:
        SourceError: one of them cannot be asked.
    """
    for spec in specs:
        if isinstance(spec, QuerySpec):
            async with asking(mirror.database, mirror.instance, load(spec.path, SourceError)):
                pass


@asynccontextmanager
async def queried(mirror: Mirrored, spec: QuerySpec) -> AsyncIterator[Iterator[UserRef]]:
    """The references that a query returns, in its order; each says its row in `where`.

    Raises:
        SourceError: the query cannot be asked, or has rows that name nobody: all of them (`Mistakes.raise_any`).
    """
    query = load(spec.path, SourceError)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as spool:
        async with asking(mirror.database, mirror.instance, query) as answer:
            await _spool(answer, query, spool)
        spool.seek(0)
        yield map(_loaded, spool)


async def _spool(answer: Answer, query: Query, spool: TextIO) -> None:
    mistakes = Mistakes(where=query.name, unit="row")
    column, number = answer.columns[0], 1
    async with aclosing(answer.pages()) as pages:
        async for rows in pages:
            found = (_read(column, row[0], f"{query.name}, row {at}") for at, row in enumerate(rows, number))
            spool.writelines(map(_dumped, mistakes.sift(found)))
            number += len(rows)
    mistakes.raise_any()


def _read(column: Column, value: Any, where: str) -> UserRef | SourceError:
    """A column that is named as one kind of identifier holds that, as in a CSV; any other says so in each row."""
    text = None if column.type == _TRUTH else text_of(value)
    if text is None:
        return SourceError(f"a value of type {column.type} names nobody", where=where, hint="Cast it to text")
    kind = KINDS.get(column.name.lower(), RefKind.ID)
    try:
        return parse_ref(text, where) if kind is RefKind.ID else reference(kind, text, where)
    except SourceError as error:
        return error


def _dumped(ref: UserRef) -> str:
    return f"{json.dumps((ref.kind.value, ref.value, ref.where))}\n"


def _loaded(line: str) -> UserRef:
    kind, value, where = json.loads(line)
    return UserRef(kind=RefKind(kind), value=value, where=where)

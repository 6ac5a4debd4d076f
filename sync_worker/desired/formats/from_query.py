"""Rows of a query into entries: as a CSV with these columns would be read. Pure."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sync_worker.desired.entries import Entry, Terms
from sync_worker.desired.formats.rows import check_columns, read_row
from sync_worker.desired.problems import Problem
from sync_worker.mirror.cells import Column, text_of


class QueryRows:
    """Reads the rows of one query, part by part; the digest is over its text and all rows that were read.

    Args:
        name: of the query, for messages.
        text: its SQL.
        columns: what it returns.
        terms: what no row can say for its user.
    """

    def __init__(self, name: str, text: str, columns: Sequence[Column], terms: Terms) -> None:
        self._name = name
        self._columns = [column.name.lower() for column in columns]
        self._types = [column.type for column in columns]
        self._terms = terms
        self._number = 0
        self._hash = hashlib.sha256(_line([text, *self._columns]))

    def check(self) -> list[Problem]:
        """What is wrong with the columns."""
        return check_columns(self._columns, self._name)

    def read(self, rows: Iterable[Sequence[Any]]) -> Iterator[Entry | Problem]:
        """What the next rows say, mistakes as values among it; the columns have to be right."""
        for row in rows:
            self._number += 1
            cells = [text_of(value) for value in row]
            self._hash.update(_line(cells))
            yield from self._read(cells, f"{self._name}, row {self._number}")

    def _read(self, cells: list[str | None], where: str) -> Iterator[Entry | Problem]:
        unfit = [at for at, cell in enumerate(cells) if cell is None]
        for at in unfit:
            what = f"a value of type {self._types[at]} is no text"
            yield Problem(where=where, field=self._columns[at], what=what, hint="Cast it to text")
        if not unfit:
            named = {name: cell or "" for name, cell in zip(self._columns, cells, strict=True)}
            yield from read_row(named, where, self._terms)

    @property
    def digest(self) -> str:
        """sha256 (hex); another order of the rows gives another one."""
        return self._hash.hexdigest()


def _line(values: Sequence[str | None]) -> bytes:
    return json.dumps(values).encode() + b"\n"

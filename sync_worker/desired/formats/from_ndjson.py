"""NDJSON: one user object a line, streamed. What it leaves out, the terms say."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

from sync_worker.desired.entries import Item, Terms
from sync_worker.desired.fields import Row, Spot, Table, Value
from sync_worker.desired.formats.lines import LONGEST_LINE, Line, numbered
from sync_worker.desired.problems import Problem, undecodable
from sync_worker.desired.userobject import read_user
from sync_worker.textfiles import MARK, decoded


def read_ndjson(file: BinaryIO, name: str, terms: Terms) -> Iterator[Item | Problem]:
    """All that the lines say, their mistakes among it."""
    with decoded(file) as text:
        for line in numbered(text):
            if MARK in line.text:
                yield undecodable(f"{name}:{line.number}")
                return
            yield from _line(line, Spot(name, "", line.number), terms)


def _line(line: Line, spot: Spot, terms: Terms) -> Iterator[Item | Problem]:
    if not line.whole:
        yield spot.problem(f"the line is longer than {LONGEST_LINE:,} characters")
        return
    try:
        value = _parsed(line)
    except (ValueError, RecursionError) as error:
        yield spot.problem(f"the line is not JSON ({_why(error)})", "Write one user as an object in one line")
    else:
        yield from read_user(value, spot, terms)


def _parsed(line: Line) -> Value:
    return json.loads(line.text, object_pairs_hook=partial(_table, line.number))


def _table(line: int, pairs: list[tuple[str, Any]]) -> Table:
    return Table(tuple(Row(key, value, line) for key, value in pairs), line)


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else "a number is too long"

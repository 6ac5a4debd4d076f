"""Rows of named cells, of a CSV or of a query: one entry each. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeVar

from sync_worker.desired.entries import Entry, State, Terms
from sync_worker.desired.problems import Problem, did_you_mean, shown
from sync_worker.desired.rules import address_of, check_entry, reason_of, type_meant, type_named
from sync_worker.errors import DocumentError, UsageError
from sync_worker.users.refs import KINDS, parse_ref

COLUMNS: Final = ("user", "type", "address", "state", "skip_confirmation", "reason")
REQUIRED: Final = ("user", "type", "address")
TRUE: Final = frozenset({"true", "yes", "1"})
FALSE: Final = frozenset({"false", "no", "0"})

_T = TypeVar("_T")


def check_columns(names: Sequence[str], where: str) -> list[Problem]:
    """What is wrong with the names of the columns (lower case)."""
    unknown = [_unknown(name, where) for name in names if name not in COLUMNS]
    double = [
        Problem(where=where, field=name, what="the column is there twice", hint="Drop one")
        for name in COLUMNS
        if names.count(name) > 1
    ]
    hint = f"The columns are {', '.join(COLUMNS)}; the last three may be left out"
    missing = [
        Problem(where=where, field=name, what="the column is missing", hint=hint)
        for name in REQUIRED
        if name not in names
    ]
    return [*unknown, *double, *missing]


def _unknown(name: str, where: str) -> Problem:
    hint = did_you_mean(name, COLUMNS) or f"Known are {', '.join(COLUMNS)}"
    if name in KINDS:
        hint = "Name the column user, and write 1042, sis:…, login:… or integration:… in it"
    what = f"unknown column {shown(name)}" if name else "a column has no name"
    return Problem(where=where, field="", what=what, hint=hint)


def read_row(cells: Mapping[str, str], where: str, terms: Terms) -> Iterator[Entry | Problem]:
    """What one row says; nothing but problems where a cell is wrong.

    Args:
        cells: by column; a column that is missing or blank has its default.
        where: file and line.
        terms: mode, managed types and confirmation, which no row can say for its user.
    """
    row = _Cells(cells, where)
    ref = row.take("user", lambda cell: parse_ref(cell, where))
    channel_type = row.take("type", lambda cell: type_named(cell.lower()))
    address = row.take("address", lambda cell: address_of(channel_type or type_meant(cells.get("type", "")), cell))
    state = row.take("state", _state)
    skip = row.take("skip_confirmation", lambda cell: _flag(cell) if cell else terms.skip_confirmation)
    reason = row.take("reason", reason_of)
    own = terms.for_user()
    yield from row.problems
    if ref is None or channel_type is None or address is None or state is None or skip is None or reason is None:
        return
    entry = Entry(
        ref=ref,
        mode=own.mode,
        manage=own.manage,
        type=channel_type,
        address=address,
        state=state,
        skip_confirmation=skip or state is State.ABSENT,
        reason=reason,
        where=where,
        phone_region=terms.phone_region,
    )
    yield from check_entry(entry)
    yield entry


class _Cells:
    """The cells of one row, taken one by one; what is wrong with them gathers in `problems`."""

    def __init__(self, cells: Mapping[str, str], where: str) -> None:
        self.problems: list[Problem] = []
        self._cells = cells
        self._where = where

    def take(self, column: str, convert: Callable[[str], _T]) -> _T | None:
        """A cell; None where it is wrong."""
        try:
            return convert(self._cells.get(column, "").strip())
        except UsageError as error:
            self.problems.append(Problem(where=self._where, field=column, what=error.what, hint=error.hint))
            return None


def _state(cell: str) -> State:
    """Nothing is deleted by a blank cell."""
    try:
        return State(cell.lower() or State.PRESENT)
    except ValueError:
        hint = did_you_mean(cell, list(State)) or "Write present or absent"
        raise DocumentError(f"{shown(cell)} is no state", hint=hint) from None


def _flag(cell: str) -> bool:
    word = cell.lower()
    if word not in TRUE | FALSE:
        raise DocumentError(f"{shown(cell)} is neither true nor false", hint="Write true or false")
    return word in TRUE

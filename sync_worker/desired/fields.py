"""Tables with places, and taking the fields out of one: what every form but CSV is parsed into. Pure.

Parsers make plain values, `Table`s that know their lines, and `Odd` where a document says what no field can hold.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sync_worker.desired.problems import Problem, did_you_mean, shown
from sync_worker.errors import DocumentError, UsageError
from sync_worker.spreadsheets import AS_TEXT

DEEPEST: Final = 20  # nesting; a document needs 5

Value = Any
"""str, int, float, bool, None, a list of values, a `Table`, or an `Odd`."""


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that is well-formed, and has no place in a desired state."""

    what: str  # "an alias"


@dataclass(frozen=True, slots=True)
class Row:
    """One field of a table, as written."""

    key: Value
    value: Value
    line: int  # of the key


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, as written: a key may stand there twice."""

    rows: tuple[Row, ...]
    line: int  # where it begins


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in a document a value is."""

    file: str
    path: str  # "users[3].channels[0]"; empty at the top
    line: int

    def inside(self, key: str, line: int) -> "Spot":
        """The place of a field, or of an item of a list (`[0]`)."""
        dot = "." if self.path and not key.startswith("[") else ""
        return Spot(self.file, f"{self.path}{dot}{key}", line)

    def item(self, number: int, value: Value) -> "Spot":
        """The place of an item of the list that is here."""
        return self.inside(f"[{number}]", value.line if isinstance(value, Table) else self.line)

    def problem(self, what: str, hint: str = "") -> Problem:
        """What is wrong here."""
        return Problem(where=self.where, field=self.path, what=what, hint=hint)

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}"


_T = TypeVar("_T")
_D = TypeVar("_D")


class Fields:
    """The fields of one table, taken one by one; what is wrong with them gathers in `problems`."""

    def __init__(self, value: Value, spot: Spot, known: tuple[str, ...]) -> None:
        self.problems: list[Problem] = []
        self._spot = spot
        self._known = known
        self._rows: Mapping[str, Row] = self._read(value)
        self.readable = isinstance(value, Table)

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def spot(self, key: str) -> Spot:
        """Where a field is; the table where there is none."""
        row = self._rows.get(key)
        return self._spot.inside(key, row.line) if row else self._spot

    def value(self, key: str) -> Value:
        """A field as written; None where there is none."""
        row = self._rows.get(key)
        return row.value if row else None

    def required(self, key: str, convert: Callable[[Value], _T]) -> _T | None:
        """A field that must be there; None where it is missing or wrong."""
        if key not in self._rows and self.readable:
            self.problems.append(self._spot.problem(f"{key} is missing"))
        return self.optional(key, convert, None)

    def optional(self, key: str, convert: Callable[[Value], _T], default: _D) -> _T | _D:
        """A field, or `default` where it is missing or wrong."""
        row = self._rows.get(key)
        if row is None:
            return default
        try:
            return convert(row.value)
        except UsageError as error:
            self.problems.append(self.spot(key).problem(error.what, error.hint))
            return default

    def _read(self, value: Value) -> dict[str, Row]:
        if not isinstance(value, Table):
            self.problems.append(self._spot.problem(f"must be a table of fields, not {kind(value)}"))
            return {}
        rows: dict[str, Row] = {}
        for row in value.rows:
            flaw = self._flaw(row, rows)
            if flaw:
                self.problems.append(flaw)
            else:
                rows[row.key] = row
        return rows

    def _flaw(self, row: Row, before: Mapping[str, Row]) -> Problem | None:
        here = Spot(self._spot.file, self._spot.path, row.line)
        if not isinstance(row.key, str):
            return here.problem(f"a key must be a word, not {kind(row.key)}")
        if row.key not in self._known:
            near = did_you_mean(row.key, self._known)
            return here.problem(f"unknown key {shown(row.key)}", near or f"Known are {', '.join(self._known)}")
        if row.key in before:
            return here.problem(f"{row.key} is written twice", f"First in line {before[row.key].line}")
        return None


# --- What a value is ------------------------------------------------------------------------------------


def kind(value: Value) -> str:
    """What people call such a value."""
    if isinstance(value, Odd):
        return value.what
    names = {str: "text", bool: "true or false", int: "a number", float: "a number with a point", list: "a list"}
    return names.get(type(value), "nothing" if value is None else "a table")


def text(value: Value) -> str:
    """Text, or a whole number as it is written (ids, telephone numbers).

    Raises:
        DocumentError: something else.
    """
    if isinstance(value, float):
        raise DocumentError(
            f"must be text, not {kind(value)}", hint=f"Put it in quotes. If it comes from a spreadsheet: {AS_TEXT}"
        )
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DocumentError(f"must be text, not {kind(value)}")
    return str(value)


def flag(value: Value) -> bool:
    """A truth value.

    Raises:
        DocumentError: something else.
    """
    if not isinstance(value, bool):
        raise DocumentError(f"must be true or false, not {kind(value)}", hint="Write true or false without quotes")
    return value


def items_of(value: Value) -> list[Value]:
    """A list.

    Raises:
        DocumentError: something else.
    """
    if not isinstance(value, list):
        raise DocumentError(f"must be a list, not {kind(value)}", hint="Write [] for an empty one")
    return value

"""Users out of a file: CSV, NDJSON, or one a line. Streamed: memory does not grow with the file.

A file is read twice. `check_file` reads it to its end before anything is walked, so that a run never starts on
a bad file and a person sees all mistakes at once; `references` reads it again as the users are needed.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

from sync_worker.channels import UserRef
from sync_worker.errors import SourceError, UndecodableLine
from sync_worker.spreadsheets import rearmed
from sync_worker.textfiles import MARK, decoded
from sync_worker.users.mistakes import Mistakes
from sync_worker.users.refs import KINDS, parse_ref, reference, undecodable

LONGEST_LINE: Final = 2**20  # characters; a longer line is read in pieces, and is a mistake anyway
DELIMITERS: Final = (",", ";", "\t")
NAMES: Final = ("user", *(name for name in KINDS if name not in {"sis", "login", "integration"}))
"""Columns and fields that name a user, best first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line that holds something."""

    number: int  # from 1
    where: str  # "users.csv:17"
    text: str


_T = TypeVar("_T")

_Found = UserRef | SourceError
"""What a line came to; a mistake is kept as a value, so that the next line is read too."""


# --- The two readings -----------------------------------------------------------------------------------


def check_file(path: Path) -> int:
    """Read a file to its end; the number of references in it.

    Raises:
        SourceError: it cannot be read, or has mistakes: all of them with their lines (`Mistakes.raise_any`).
    """
    mistakes = Mistakes(where=str(path), unit="line")
    count = sum(1 for _ in mistakes.sift(_read(path)))
    mistakes.raise_any()
    return count


def references(path: Path) -> Iterator[UserRef]:
    """The references of a checked file, in its order; each says its line in `where`.

    Raises:
        SourceError: the file cannot be read, or has changed since it was checked.
    """
    for found in _read(path):
        if not isinstance(found, UserRef):
            raise found
        yield found


def _read(path: Path) -> Iterator[_Found]:
    form = _FORMS.get(path.suffix.lower())
    if form is None:
        known = ", ".join(_FORMS)
        raise SourceError(f"unknown kind of file {path.suffix!r}", where=str(path), hint=f"Known are {known}")
    try:
        with path.open("rb") as file, decoded(file) as text:
            yield from _until_undecodable(form(path.name, text))
    except OSError as error:
        raise SourceError(f"the file cannot be read ({error.strerror})", where=str(path)) from error


def _until_undecodable(found: Iterator[_Found]) -> Iterator[_Found]:
    """One line that is not UTF-8 is told, and nothing behind it: the others would say the same."""
    for each in found:
        yield each
        if isinstance(each, UndecodableLine):
            return


def _attempt(read: Callable[[_T, str], UserRef], what: _T, where: str) -> _Found:
    try:
        return read(what, where)
    except SourceError as error:
        return error


# --- One a line -----------------------------------------------------------------------------------------


def _lines(name: str, file: TextIO) -> Iterator[_Line]:
    for number, text in enumerate(_pieces(file), 1):
        if text.strip():
            yield _Line(number=number, where=f"{name}:{number}", text=text.rstrip("\r\n"))


def _pieces(file: TextIO) -> Iterator[str]:
    return iter(lambda: file.readline(LONGEST_LINE), "")


def _plain(name: str, file: TextIO) -> Iterator[_Found]:
    for line in _lines(name, file):
        text = line.text.partition(" #")[0].strip()
        if text and not text.startswith("#"):
            yield _attempt(parse_ref, text, line.where)


# --- NDJSON ---------------------------------------------------------------------------------------------


def _ndjson(name: str, file: TextIO) -> Iterator[_Found]:
    for line in _lines(name, file):
        yield _attempt(_from_json, line.text, line.where)


def _from_json(text: str, where: str) -> UserRef:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError("the line is not JSON", where=where) from error
    fields = value if isinstance(value, dict) else {"user": value}
    return _first({key: _text(item) for key, item in fields.items()}, where)


def _text(value: Any) -> str:
    """A string or a whole number as text; anything else names nobody."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


# --- CSV ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """The first line of a CSV."""

    delimiter: str
    columns: Mapping[str, int]  # lower-case name to place, of the columns that can name a user
    width: int  # columns in all


def _csv(name: str, file: TextIO) -> Iterator[_Found]:
    first = next(_lines(name, file), None)
    if first is None:
        yield SourceError("the file is empty", where=name, hint="Its first line has to name the columns")
        return
    try:
        header = max((_header(first.text, delimiter) for delimiter in DELIMITERS), key=_fit)
    except csv.Error as error:
        yield SourceError(f"the row is not CSV ({error})", where=first.where)
        return
    if not header.columns:
        hint = f"The first line needs one of {', '.join(NAMES)}"
        broken = undecodable(first.where) if MARK in first.text else None
        yield broken or SourceError("no column names users", where=first.where, hint=hint)
        return
    rows = csv.reader(_pieces(file), delimiter=header.delimiter, strict=True)
    while (row := _next_row(rows)) is not None:
        where = f"{name}:{first.number + rows.line_num}"
        if isinstance(row, SourceError) or any(cell.strip() for cell in row):
            yield _attempt(partial(_from_row, header), row, where)


def _header(text: str, delimiter: str) -> _Header:
    names = [cell.strip().lower() for cell in next(csv.reader([text], delimiter=delimiter))]
    columns = {name: names.index(name) for name in NAMES if name in names}
    return _Header(delimiter=delimiter, columns=columns, width=len(names))


def _fit(header: _Header) -> tuple[int, int]:
    return len(header.columns), header.width


def _next_row(rows: Iterator[list[str]]) -> list[str] | SourceError | None:
    """The next row, what is wrong with it, or None at the end."""
    try:
        return next(rows, None)
    except csv.Error as error:
        return SourceError(f"the row is not CSV ({error})")


def _from_row(header: _Header, row: list[str] | SourceError, where: str) -> UserRef:
    if isinstance(row, SourceError):
        raise SourceError(row.what, where=where)
    if len(row) > header.width:
        raise SourceError(f"the row has {len(row)} fields, the first line has {header.width}", where=where)
    return _first({name: rearmed(row[at].strip()) for name, at in header.columns.items() if at < len(row)}, where)


# --- Fields ---------------------------------------------------------------------------------------------


def _first(fields: Mapping[str, str], where: str) -> UserRef:
    """The reference of the first known field that has a value: `user`, then ids, then what can change hands."""
    for name in NAMES:
        if value := fields.get(name, "").strip():
            return parse_ref(value, where) if name == "user" else reference(KINDS[name], value, where)
    raise SourceError("no user here", where=where, hint=f"Give one of {', '.join(NAMES)}")


_FORMS: Final[Mapping[str, Callable[[str, TextIO], Iterator[_Found]]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".ndjson": _ndjson,
    ".jsonl": _ndjson,
    ".txt": _plain,
}

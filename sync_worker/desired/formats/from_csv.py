"""CSV and TSV into entries, streamed: one row, one wish. The rows of a user may stand anywhere."""

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final, TextIO

from sync_worker.desired.entries import Item, Terms
from sync_worker.desired.formats.lines import LONGEST_LINE, Line, numbered
from sync_worker.desired.formats.rows import COLUMNS, REQUIRED, check_columns, read_row
from sync_worker.desired.problems import Problem, undecodable
from sync_worker.spreadsheets import rearmed
from sync_worker.textfiles import MARK, decoded

DELIMITERS: Final = (",", ";", "\t")

_Rows = Iterator[tuple[int, list[str] | csv.Error]]


def read_csv(file: BinaryIO, name: str, terms: Terms) -> Iterator[Item | Problem]:
    """All that the rows say, their mistakes among it; a wrong first line is the only one that is told."""
    with decoded(file) as text:
        yield from _read(text, name, terms)


def _read(text: TextIO, name: str, terms: Terms) -> Iterator[Item | Problem]:
    first = next(numbered(text), None)
    if first is None:
        hint = f"Its first line names the columns: {','.join(COLUMNS)}"
        yield Problem(where=f"{name}:1", field="", what="the file is empty", hint=hint)
        return
    delimiter, columns = _header(first)
    wrong = _wrong_header(first, columns, f"{name}:{first.number}")
    if wrong:
        yield from wrong
        return
    for number, row in _rows(iter(lambda: text.readline(LONGEST_LINE), ""), delimiter):
        where = f"{name}:{first.number + number}"
        if not isinstance(row, csv.Error) and any(MARK in cell for cell in row):
            yield _undecodable(columns, row, where)
            return
        yield from _row(columns, row, where, terms)


def _wrong_header(line: Line, columns: list[str], where: str) -> list[Problem]:
    """What is wrong with the first line; one sentence where it is no line of columns at all."""
    if MARK in line.text:
        return [undecodable(where)]
    if set(columns) & set(COLUMNS):
        return check_columns(columns, where)
    hint = f"Write {','.join(REQUIRED)} above the rows, with commas, semicolons or tabs between the cells"
    return [Problem(where=where, field="", what="the first line names none of the columns", hint=hint)]


def _undecodable(columns: list[str], row: list[str], where: str) -> Problem:
    """The first cell that is not UTF-8; nothing behind it is read, for that would not be either."""
    at = next(at for at, cell in enumerate(row) if MARK in cell)
    return undecodable(where, columns[at] if at < len(columns) else "")


def _header(line: Line) -> tuple[str, list[str]]:
    """The delimiter that explains the first line best, and the names of the columns."""
    read = {delimiter: _names(line.text, delimiter) for delimiter in DELIMITERS}
    best = max(read, key=lambda delimiter: (len(set(read[delimiter]) & set(COLUMNS)), len(read[delimiter])))
    return best, read[best]


def _names(text: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([text], delimiter=delimiter))
    except csv.Error:
        return [text]
    names = [cell.strip().lower() for cell in cells]
    while names and not names[-1]:
        names.pop()  # spreadsheets leave empty columns at the end
    return names


def _rows(pieces: Iterator[str], delimiter: str) -> _Rows:
    """The rows with the number of their first line, from 1 behind the header."""
    reader = csv.reader(pieces, delimiter=delimiter, strict=True)
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield number, error
            continue
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield number, row


def _row(columns: list[str], row: list[str] | csv.Error, where: str, terms: Terms) -> Iterator[Item | Problem]:
    if isinstance(row, csv.Error):
        hint = "Double a quote inside quotes, and close what was opened"
        yield Problem(where=where, field="", what=f"the row is not CSV ({row})", hint=hint)
    elif any(cell.strip() for cell in row[len(columns) :]):
        what = f"the row has {len(row)} cells, the first line has {len(columns)}"
        yield Problem(where=where, field="", what=what, hint="Put a cell that has the delimiter in quotes")
    else:
        cells = dict(zip(columns, (rearmed(cell.strip()) for cell in row), strict=False))
        yield from read_row(cells, where, terms)

"""CSV and TSV into entries, streamed: one row, one wish. The rows of a user may stand anywhere."""

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final, TextIO

from sync_worker.desired.entries import Item, Terms
from sync_worker.desired.formats.formulas import rearmed
from sync_worker.desired.formats.lines import LONGEST_LINE, Line, decoded, numbered
from sync_worker.desired.formats.rows import COLUMNS, check_columns, read_row
from sync_worker.desired.problems import Problem

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
    wrong = check_columns(columns, f"{name}:{first.number}")
    if wrong:
        yield from wrong
        return
    for number, row in _rows(iter(lambda: text.readline(LONGEST_LINE), ""), delimiter):
        yield from _row(columns, row, f"{name}:{first.number + number}", terms)


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

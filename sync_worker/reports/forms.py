"""Rows of a report as a table, CSV or JSON, some at a time. Pure.

Other people's text is shown without control characters; in CSV what a spreadsheet would take for a formula begins with
an apostrophe, as in all CSV of this program. JSON has it as it is.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from typing_extensions import override

from sync_worker.desired.render.escaping import visible
from sync_worker.reports.header import Chart
from sync_worker.reports.values import cell
from sync_worker.spreadsheets import disarmed

WIDEST: Final = 60  # characters of a cell of a table

Row = Mapping[str, Any]  # plain values by column


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked, and when."""

    report: str
    title: str
    instances: Sequence[str]
    parameters: Mapping[str, str]
    columns: Sequence[str]
    asked_at: str  # ISO 8601
    masked: bool  # whether addresses are
    chart: Chart | None = None  # how the rows may be drawn, where there is a place to draw


class Form(Protocol):
    """One report on its way out; each part is text to write."""

    def head(self) -> str:
        """What comes first."""

    def rows(self, rows: Sequence[Row]) -> str:
        """Some rows; may be kept for the end."""

    def end(self, notes: Sequence[str]) -> str:
        """What comes last; `notes` is what has to be said beside the rows."""


class Csv(Form):
    """A header and a line for each row."""

    def __init__(self, asked: Asked) -> None:
        self._columns = asked.columns

    @override
    def head(self) -> str:
        return _csv([self._columns])

    @override
    def rows(self, rows: Sequence[Row]) -> str:
        return _csv([_csv_cell(row[name]) for name in self._columns] for row in rows)

    @override
    def end(self, notes: Sequence[str]) -> str:
        return ""


def _csv(lines: Iterable[Sequence[str]]) -> str:
    sheet = io.StringIO()
    csv.writer(sheet, lineterminator="\n").writerows(lines)
    return sheet.getvalue()


def _csv_cell(value: Any) -> str:
    """Numbers as they are, a negative one too; texts so that nothing runs them."""
    return disarmed(visible(cell(value))) if isinstance(value, str | list) else cell(value)


class Json(Form):
    """One document, a row a line."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._before = "\n    "

    @override
    def head(self) -> str:
        facts = {
            "report": self._asked.report,
            "title": self._asked.title,
            "instances": list(self._asked.instances),
            "parameters": dict(self._asked.parameters),
            "asked_at": self._asked.asked_at,
            "addresses": "masked" if self._asked.masked else "shown",
            "columns": list(self._asked.columns),
        }
        return "{\n" + "".join(f"  {_json(name)}: {_json(value)},\n" for name, value in facts.items()) + '  "rows": ['

    @override
    def rows(self, rows: Sequence[Row]) -> str:
        text = self._before + ",\n    ".join(_json(dict(row)) for row in rows)
        self._before = ",\n    "
        return text

    @override
    def end(self, notes: Sequence[str]) -> str:
        return f'\n  ],\n  "notes": {_json(list(notes))}\n}}\n'


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


class Table(Form):
    """For people: all rows at the end, side by side; the notes are told otherwise."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._rows: list[Row] = []

    @override
    def head(self) -> str:
        return f"{self._asked.title} ({', '.join(self._asked.instances)}; {self._asked.asked_at})\n"

    @override
    def rows(self, rows: Sequence[Row]) -> str:
        self._rows += rows
        return ""

    @override
    def end(self, notes: Sequence[str]) -> str:
        return table(self._asked.columns, self._rows) if self._rows else "nothing\n"


FORMS: Final[Mapping[str, Callable[[Asked], Form]]] = {"table": Table, "csv": Csv, "json": Json}


# --- tables ---------------------------------------------------------------------------------------------


def table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Columns side by side, numbers to the right; what is too long is cut. One row stands upright, a line a column."""
    if len(rows) == 1 and len(columns) > 1:
        width = max(map(len, columns))
        return "".join(f"{name:<{width}}  {_shown(rows[0][name])}".rstrip() + "\n" for name in columns)
    cells = [[_shown(row[name]) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [all(_is_number(row[name]) for row in rows) for name in columns]
    lines = [columns, ["-" * width for width in widths], *cells]
    return "".join(_line(line, widths, right) for line in lines)


def _shown(value: Any) -> str:
    text = visible(_short_time(cell(value)) if isinstance(value, str) else cell(value))
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _short_time(text: str) -> str:
    """Seconds are enough for people."""
    head, point, tail = text.partition(".")
    is_time = point and len(head) == len("2026-11-23T06:00:00") and head[10] == "T" and tail.endswith("Z")
    return f"{head}Z" if is_time else text


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    placed = (
        f"{text:>{width}}" if to_the_right else f"{text:<{width}}"
        for text, width, to_the_right in zip(cells, widths, right, strict=True)
    )
    return "  ".join(placed).rstrip() + "\n"

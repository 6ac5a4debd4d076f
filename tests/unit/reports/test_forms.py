"""Rows as tables, CSV and JSON; cells, masks and values of parameters."""

import csv
import io
import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.errors import UsageError
from sync_worker.reports.forms import FORMS, Asked, table
from sync_worker.reports.header import Parameter, Report, Type
from sync_worker.reports.values import cell, masked, plain, value_of

ASKED = Asked(
    report="r", title="R", instances=("main",), parameters={}, columns=("a", "b"),
    asked_at="2026-11-23T06:00:00Z", masked=True,
)  # fmt: skip
REPORT = Report(
    name="r", title="R", description="R.", sql="", addresses=frozenset({"address"}), identifiers=frozenset({"login"})
)


def written(form: str, *pages: list[dict[str, Any]], notes: tuple[str, ...] = ()) -> str:
    """A report of two columns."""
    out = FORMS[form](ASKED)
    return out.head() + "".join(out.rows(page) for page in pages) + out.end(notes)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("99.50"), 99.5),
        (Decimal("100.00"), 100),
        (datetime(2026, 11, 23, 6, 0, 0, 5000, tzinfo=timezone(timedelta(hours=1))), "2026-11-23T05:00:00.005000Z"),
        (date(2026, 11, 23), "2026-11-23"),
        ([1, Decimal(2)], [1, 2]),
        (None, None),
        (True, True),
    ],
)
def test_plain_values(value: Any, expected: Any) -> None:
    """Exact numbers, times in UTC and ISO 8601."""
    assert plain(value) == expected
    assert type(plain(value)) is type(expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "true"), (False, "false"), (7, "7"), ([1, 2], "1 2"), ("x", "x"), (0.5, "0.5")],
)
def test_cells(value: Any, text: str) -> None:
    """One cell each."""
    assert cell(value) == text


def test_masks() -> None:
    """A column of addresses whole, an identifier where it is an address, other texts where they hold one."""
    row = {
        "address": "+15550104477",
        "login": "ann@localhost",
        "note": "<ann@x.example> bounced",
        "ids": ["a@x.example", 3],
        "n": 1,
    }
    assert masked(REPORT, row) == {
        "address": "***77", "login": "a***@l***.localhost", "note": "<a***@x***.example> bounced",
        "ids": ["a***@x***.example", 3], "n": 1,
    }  # fmt: skip
    assert masked(REPORT, {"address": None, "login": "ann"}) == {"address": None, "login": "ann"}


def test_csv() -> None:
    """Formulas do not run, control characters are written out, numbers stay numbers."""
    text = written("csv", [{"a": "=1+1", "b": -1}, {"a": "x\x1b[1m\ny", "b": None}], [{"a": "-7", "b": ["@x"]}])
    assert list(csv.reader(io.StringIO(text))) == [
        ["a", "b"], ["'=1+1", "-1"], [r"x\x1b[1m\ny", ""], ["'-7", "'@x"],
    ]  # fmt: skip


cells = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.integers(), max_size=3))
rows = st.lists(st.fixed_dictionaries({"a": cells, "b": cells}), max_size=4)


@given(st.lists(rows.filter(bool), max_size=3), st.lists(st.text(), max_size=2))
def test_json_is_json(pages: list[list[dict[str, Any]]], notes: list[str]) -> None:
    """Whatever the rows hold, and in however many pages they come."""
    document = json.loads(written("json", *pages, notes=tuple(notes)))
    assert document["rows"] == [row for page in pages for row in page]
    assert (document["columns"], document["notes"], document["addresses"]) == (["a", "b"], notes, "masked")


@given(rows)
def test_csv_has_a_line_a_row(page: list[dict[str, Any]]) -> None:
    """No value breaks out of its cell."""
    assert len(list(csv.reader(io.StringIO(written("csv", page))))) == 1 + len(page)


@given(rows.filter(lambda found: len(found) > 1))
def test_a_table_has_a_line_a_row(page: list[dict[str, Any]]) -> None:
    """Nor in a table; what is too long is cut."""
    assert len(table(("a", "b"), page).split("\n")) == 3 + len(page)
    assert all(len(line) <= 2 * 60 + 2 for line in table(("a", "b"), page).splitlines())


def test_a_table() -> None:
    """Numbers stand to the right; times have seconds."""
    many: list[dict[str, Any]] = [
        {"a": "x", "b": 7},
        {"a": "2026-11-23T05:00:00.005Z", "b": None},
        {"a": "y" * 61, "b": 1000},
    ]
    assert table(("a", "b"), many).splitlines() == [
        f"{'a':<60}     b",
        f"{'-' * 60}  ----",
        f"{'x':<60}     7",
        "2026-11-23T05:00:00Z",
        f"{'y' * 59}…  1000",
    ]


def test_one_row_stands_upright() -> None:
    """So that many columns fit a terminal; nothing at all is said."""
    assert table(("a", "long"), [{"a": "x", "long": 7}]) == "a     x\nlong  7\n"
    assert written("table") == "R (main; 2026-11-23T06:00:00Z)\nnothing\n"


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "1_000", "٣", "100001"])
def test_what_is_no_number(text: str) -> None:
    """A whole number within reason."""
    with pytest.raises(UsageError, match="--days is a whole number from 0 to 100,000"):
        value_of(Parameter(name="days", type=Type.INTEGER, default=None, meaning=""), text)


def test_times() -> None:
    """UTC unless they say otherwise."""
    time = Parameter(name="time", type=Type.TIME, default=None, meaning="")
    assert value_of(time, "2026-11-01") == datetime(2026, 11, 1, tzinfo=UTC)
    assert value_of(time, "2026-11-01T06:00+01:00") == datetime(2026, 11, 1, 5, tzinfo=UTC)
    with pytest.raises(UsageError, match="--time is a time such as"):
        value_of(time, "soon")

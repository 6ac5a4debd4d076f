"""Every time in SQL is a parameter, out of the worker's `Clock`: a step of the clock is a step for everything."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from sync_worker.mirror.sql import sql_folder, statement
from sync_worker.reports.catalogue import everything

CLOCK: Final = re.compile(
    r"""\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|getdate)\s*\(
    |\b(?:current_(?:timestamp|date|time)|local(?:timestamp|time))\b
    |'(?:now|today|tomorrow|yesterday)'
    |\bage\s*\([^,()]*\)""",
    re.IGNORECASE | re.VERBOSE,
)
DEFAULT: Final = re.compile(r"\bDEFAULT\s+$", re.IGNORECASE)
COMMENT: Final = re.compile(r"--[^\n]*|COMMENT ON [^;]*;", re.IGNORECASE)

REPLACED: Final = {f"{number:04}" for number in range(1, 11)}
"""Migrations that are not looked at themselves: what they have left is in sql/schema.sql, which is."""

EXEMPT: Final = {
    ("queries/lock.sql", "clock_timestamp("): "database_time: the database's clock is what is asked for, to compare it",
    ("schema.sql", "statement_timestamp("): "reporting.present_time(): what views take for now where nobody has set it",
    ("migrations/0011_read_order.sql", "statement_timestamp("): "the same, where it is made",
}
"""Who may ask a clock, and why."""


def asked(text: str) -> Iterator[str]:
    """What of a file asks a clock, but for defaults of columns."""
    code = COMMENT.sub("", text)
    for found in CLOCK.finditer(code):
        if not DEFAULT.search(code[: found.start()]):
            yield found[0].lower()


def files() -> list[str]:
    """The SQL of this program, by its place in `sql`."""
    places = sorted(path.relative_to(sql_folder()) for path in sql_folder().rglob("*.sql"))
    return [str(place) for place in places if not ("migrations" in place.parts and place.name[:4] in REPLACED)]


@pytest.mark.parametrize("place", files())
def test_no_statement_asks_a_clock(place: str) -> None:
    """Give it a parameter, or let a view ask reporting.present_time()."""
    text = (sql_folder() / place).read_text(encoding="utf-8")
    assert [clock for clock in asked(text) if (place, clock) not in EXEMPT] == []


def test_every_exemption_is_needed_once() -> None:
    """One statement each."""
    for place, clock in EXEMPT:
        assert list(asked(Path(sql_folder() / place).read_text(encoding="utf-8"))) == [clock]
    assert statement("database_time").endswith("SELECT clock_timestamp();")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT NOW ()",
        "x > current_date",
        "LOCALTIMESTAMP",
        "CURRENT_TIMESTAMP(3)",
        "'now'::timestamptz",
        "age(made_at)",
    ],
)
def test_what_asks_a_clock_is_found(text: str) -> None:
    """However it is written."""
    assert list(asked(text))


@pytest.mark.parametrize("text", ["-- not now()", "x timestamptz DEFAULT now()", "known_at", "age(a, b)", "snow(x)"])
def test_what_asks_none_is_not(text: str) -> None:
    """Words, defaults, two times."""
    assert not list(asked(text))


def test_reports_get_the_time_as_their_last_parameter() -> None:
    """Whoever looks back some days."""
    for report in everything():
        if any(parameter.name == "days" for parameter in report.parameters):
            assert "$3::timestamptz" in report.sql, report.name

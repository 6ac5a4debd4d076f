"""Rows of a query into entries."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from sync_worker.channels import RefKind, UserRef
from sync_worker.desired.entries import Entry, State, Terms
from sync_worker.desired.formats.from_query import QueryRows
from sync_worker.desired.model import Mode
from sync_worker.desired.problems import Problem
from sync_worker.mirror.cells import Column, text_of

COLUMNS = ("user", "type", "address")


def rows_of(*columns: str, terms: Terms | None = None, text: str = "SELECT") -> QueryRows:
    """The reader of a query with these columns."""
    named = [Column(name=column, type="text") for column in columns or COLUMNS]
    return QueryRows("query q.sql", text, named, terms or Terms())


def read(*rows: tuple[Any, ...], columns: tuple[str, ...] = COLUMNS, terms: Terms | None = None) -> list[Any]:
    """What some rows say."""
    return list(rows_of(*columns, terms=terms).read(rows))


def test_a_row_is_an_entry() -> None:
    """In mode add, with its row as its place; a number is the user's number."""
    (entry,) = read((1042, "email", " a@x.example "))
    assert entry == Entry(
        ref=UserRef(kind=RefKind.ID, value="1042"),
        mode=Mode.ADD,
        manage=frozenset({"email"}),
        type="email",
        address="a@x.example",
        where="query q.sql, row 1",
    )
    assert entry.ref.where == "query q.sql, row 1"


@pytest.mark.parametrize(
    ("user", "ref"),
    [
        (7, UserRef(kind=RefKind.ID, value="7")),
        ("7", UserRef(kind=RefKind.ID, value="7")),
        (Decimal("1E+3"), UserRef(kind=RefKind.ID, value="1000")),
        ("sis:S1", UserRef(kind=RefKind.SIS, value="S1")),
        ("login:x", UserRef(kind=RefKind.LOGIN, value="x")),
    ],
)
def test_users_are_named_as_in_a_csv(user: object, ref: UserRef) -> None:
    """By a number, or by what says its kind."""
    assert read((user, "email", "a@x.example"))[0].ref == ref


def test_columns_in_any_order_and_case() -> None:
    """All of them; truth values as PostgreSQL has them, or as text."""
    columns = ("Reason", "state", "skip_confirmation", "address", "TYPE", "user")
    gone, kept = read(
        ("left", "absent", None, "a@x.example", "email", 7),
        (None, None, False, "b@x.example", "email", 7),
        columns=columns,
        terms=Terms(skip_confirmation=True, forced_mode=Mode.EXACT),
    )
    assert (gone.state, gone.reason, gone.mode) == (State.ABSENT, "left", Mode.EXACT)
    assert (kept.state, kept.reason, kept.skip_confirmation) == (State.PRESENT, "", False)
    (same,) = read((7, "email", "b@x.example", "no"), columns=(*COLUMNS, "skip_confirmation"))
    assert same.skip_confirmation is False


def test_wrong_columns() -> None:
    """Each is named, as the query returned it."""
    wrong = rows_of("user", "typ", "address", "address").check()
    assert [(p.where, p.field) for p in wrong] == [
        ("query q.sql", ""),
        ("query q.sql", "address"),
        ("query q.sql", "type"),
    ]
    assert "unknown column 'typ'" in str(wrong[0])
    assert rows_of().check() == []


def test_wrong_rows_are_told_by_number_over_all_pages() -> None:
    """Nothing of a wrong row is used; a value that is no text says how to make it one."""
    reader = rows_of()
    problems = [
        each
        for page in (
            [(1, "email", "a@x.example"), ("S1", "email", None)],
            [(2, "fax?", datetime(2026, 1, 1, tzinfo=UTC))],
        )
        for each in reader.read(page)
        if isinstance(each, Problem)
    ]
    assert [(p.where, p.field) for p in problems] == [
        ("query q.sql, row 2", "user"),
        ("query q.sql, row 2", "address"),
        ("query q.sql, row 3", "address"),
    ]
    assert str(problems[-1]) == "query q.sql, row 3: address: a value of type text is no text. Cast it to text"


def digest(*rows: tuple[Any, ...], **more: Any) -> str:
    """The digest of a query that returned these rows."""
    reader = rows_of(**more)
    list(reader.read(rows))
    return reader.digest


def test_the_digest_is_of_the_text_the_columns_and_the_rows() -> None:
    """However they came in pages; blank and null are one, as they mean one thing."""
    one, two = (1, "email", "a@x.example"), (2, "email", "a@x.example")
    reader = rows_of()
    for page in ([one], [], [two]):
        list(reader.read(page))
    assert reader.digest == digest(one, two)
    others = {
        digest(one, two),
        digest(two, one),
        digest(one),
        digest(),
        digest((1, "email", "b@x.example"), two),
        digest(one, two, text="SELECT 1"),
        digest(("1emai", "l", "a@x.example"), two),
    }
    assert len(others) == 7
    renamed = rows_of("user", "address", "type")
    assert renamed.digest != rows_of().digest


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        ("x", "x"),
        (3, "3"),
        (Decimal("1.50"), "1.50"),
        (1.5, None),
        (b"x", None),
        ([1], None),
    ],
)
def test_values_as_text(value: object, text: str | None) -> None:
    """What a CSV could hold without a choice of format."""
    assert text_of(value) == text

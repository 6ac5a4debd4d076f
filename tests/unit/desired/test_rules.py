"""What may stand in a desired state, and what one user may not say twice."""

import pytest

from sync_worker.channels import RefKind, UserRef
from sync_worker.desired.entries import Entry, Item, State, Terms, UserHead, desired_user
from sync_worker.desired.model import DesiredUser, Mode, Wish
from sync_worker.desired.problems import Problem, Problems, Severity, did_you_mean
from sync_worker.desired.rules import TYPES, address_of, check_user, type_named, writable
from sync_worker.errors import DocumentError

EMAIL = frozenset({"email"})


def ref(value: str, line: int) -> UserRef:
    """A user in a line."""
    return UserRef(kind=RefKind.SIS, value=value, where=f"d:{line}")


def head(value: str, line: int) -> UserHead:
    """A user object in a line."""
    return UserHead(ref=ref(value, line), mode=Mode.EXACT, manage=EMAIL)


def entry(value: str, line: int, address: str, state: State = State.PRESENT) -> Entry:
    """A wish in a line."""
    return Entry(
        ref=ref(value, line), mode=Mode.ADD, manage=EMAIL, type="email", address=address, state=state, where=f"d:{line}"
    )


@pytest.mark.parametrize("name", [*TYPES, "fax", "whats_app", "matrix-room", "x"])
def test_types_that_canvas_may_have(name: str) -> None:
    """Those that were seen, and those that nobody has seen yet."""
    assert type_named(name) == name


@pytest.mark.parametrize("name", ["", " ", "emial", "emails", "e-mail", "mail", "SMS", "smss", "1", "a b", "\x00", "é"])
def test_slips_of_the_pen_are_no_types(name: str) -> None:
    """A type that is nearly a known one would be created nowhere, silently."""
    with pytest.raises(DocumentError, match="type"):
        type_named(name)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", "a@b"),
        ("email", "o'brien+x=y@x.example.org"),
        ("email", '"a@b"@x.org'),
        ("email", "müller@bücher.example"),
        ("email", "=1+1@x.org"),
        ("sms", "+1 (555) 123"),
        ("slack", "U 1"),
        (None, "anything"),
        ("email", "a" * 249 + "@x.org"),
    ],
)
def test_addresses_that_somebody_may_have(kind: str | None, address: str) -> None:
    """Odd is not impossible; blanks around it are dropped."""
    assert address_of(kind, f" {address}\t") == address


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("email", ""),
        ("sms", " \t"),
        ("email", "nobody"),
        ("email", "@x.org"),
        ("email", "a@"),
        ("email", "a b@x.org"),
        ("email", "a\u00a0b@x.org"),
        ("email", "a\nb@x.org"),
        ("email", "\ufeffa@x.org"),
        ("sms", "1\x00"),
        ("sms", "\ud800"),
        ("sms", "1" * 256),
        (None, "\x1b[31m"),
    ],
)
def test_addresses_that_nobody_has(kind: str | None, address: str) -> None:
    """No @, blanks and invisible characters in an e-mail address; nothing at all; what no database holds."""
    with pytest.raises(DocumentError, match="address"):
        address_of(kind, address)


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (Wish(type="email", address="a@x.org", reason="moved\naway"), True),
        (Wish(type="email", address=" a@x.org"), False),
        (Wish(type="email", address="nobody"), False),
        (Wish(type="emial", address="a@x.org"), False),
        (Wish(type="sms", address="1", reason="x "), False),
        (Wish(type="sms", address="1", reason="\x07"), False),
    ],
)
def test_what_a_document_can_hold(wish: Wish, *, expected: bool) -> None:
    """Whatever reads back as it was."""
    assert writable(wish) is expected


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], []),
        ([head("a", 1), entry("a", 2, "a@x"), entry("a", 3, "b@x")], []),
        ([entry("a", 1, "a@x"), entry("a", 2, "A@X")], ["d:2: address: the same email address is already in d:1"]),
        (
            [entry("a", 1, "a@x", State.ABSENT), entry("a", 2, "a@X")],
            ["d:2: address: the same email address is present in d:2 and absent in d:1"],
        ),
        (
            [entry("a", 1, "a@x"), entry("a", 2, "a@x", State.ABSENT), entry("a", 3, "a@x")],
            [
                "d:2: address: the same email address is present in d:1 and absent in d:2",
                "d:3: address: the same email address is already in d:1",
            ],
        ),
        ([head("a", 1), head("a", 2)], ["d:2: user: the user is described a second time, first in d:1"]),
        (
            [entry("a", 1, "a@x"), entry("b", 2, "b@x"), entry("b", 3, "c@x")],
            ["d:2: user: is the same Canvas user as 'sis_user_id:a' in d:1"],
        ),
        (
            [head("a", 1), head("b", 2), entry("b", 2, "b@x")],
            ["d:2: user: is the same Canvas user as 'sis_user_id:a' in d:1"],
        ),
    ],
)
def test_one_user_contradicts_itself(items: list[Item], expected: list[str]) -> None:
    """An address twice, present and absent at once, described twice, or known by two names."""
    assert [str(problem).partition(". ")[0] for problem in check_user(items)] == expected


def test_items_of_a_user_become_a_wish_list() -> None:
    """With or without a head; the first item says how the user is meant."""
    present, absent = entry("a", 2, "a@x"), entry("a", 3, "b@x", State.ABSENT)
    with_head = desired_user(7, [head("a", 1), present, absent])
    assert with_head == DesiredUser(
        user_id=7, ref=ref("a", 1), mode=Mode.EXACT, manage=EMAIL, present=(present.wish,), absent=(absent.wish,)
    )
    assert desired_user(7, [present, absent]).mode is Mode.ADD
    assert present.wish.where == "d:2"
    assert desired_user(7, [head("a", 1)]).present == ()


def test_terms_without_news_stay_the_same() -> None:
    """Nothing is copied for the many users that say nothing."""
    terms = Terms()
    assert terms.for_user() is terms
    assert terms.for_user(Mode.EXACT).mode is Mode.EXACT


def test_problems_read_as_sentences() -> None:
    """Place, field, what, hint; each only where there is one."""
    assert str(Problem(where="d:1", field="a.b", what="is wrong", hint="Put it right")) == (
        "d:1: a.b: is wrong. Put it right"
    )
    assert str(Problem(where="d", field="", what="is wrong")) == "d: is wrong"
    assert did_you_mean("Adress ", ["address", "user"]) == "Did you mean address?"
    assert did_you_mean("x", ["address", "user"]) == ""


def test_warnings_end_nothing() -> None:
    """Only errors raise."""
    problems = Problems(name="d")
    problems.add(Problem(where="d:1", field="", what="odd", severity=Severity.WARNING))
    problems.raise_errors()
    problems.add(Problem(where="d:2", field="", what="wrong"))
    with pytest.raises(DocumentError) as caught:
        problems.raise_errors()
    assert str(caught.value) == "d:2: wrong"
    assert caught.value.exit_code == 2

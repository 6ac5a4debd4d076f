"""What the forms for people say, before any markup."""

import csv
import io
from dataclasses import replace

import pytest

from sync_worker.channels import RefKind, UserRef, by_id
from sync_worker.desired.guards import Allowances, Ruling, rule
from sync_worker.desired.model import Mode
from sync_worker.desired.plan import Plan, PlannedUser, Source, Warn
from sync_worker.desired.render.forms import Format, render
from sync_worker.desired.render.page import LONGEST, Page, Shown, Sign, page
from sync_worker.desired.render.sample import sample
from sync_worker.desired.render.words import WARNINGS, counted, domain, moves, summary
from tests.unit.desired.builders import (
    LIMITS,
    NOTHING_ALLOWED,
    NOTHING_DONE,
    channel,
    creating,
    deleting,
    plan,
    user,
    wanted,
    wish,
)
from tests.unit.desired.stories import everything, usual

NOTHING = Ruling(tripped=(), withheld={})


def moving(number: int, old: str, new: str = "school.edu") -> PlannedUser:
    """A user whose mail goes elsewhere."""
    return user(wanted([f"u@{new}"], mode=Mode.EXACT, user_id=number), [channel(number, f"u@{old}", user_id=number)])


def shown(whole: Plan, ruling: Ruling = NOTHING, **more: object) -> Page:
    """The page of a plan."""
    return page(whole, ruling, Shown(**more))  # type: ignore[arg-type] # the tests name its fields


@pytest.mark.parametrize(("number", "text"), [(0, "0 users"), (1, "1 user"), (2, "2 users"), (12345, "12,345 users")])
def test_counted(number: int, text: str) -> None:
    """One is singular, thousands are separated."""
    assert counted(number, "user", "users") == text


def test_every_warning_has_words() -> None:
    """Gravest first, as a user's own come."""
    assert list(WARNINGS) == list(Warn)


@pytest.mark.parametrize(
    ("address", "said"),
    [("a@Gmail.COM", "gmail.com"), ("a@b@x", "x"), ("Straße", "straße"), ("a@", "no domain"), (None, "none")],
)
def test_domains(address: str | None, said: str) -> None:
    """What comes after the last at sign."""
    assert domain(address) == said


def test_the_sum_in_one_line() -> None:
    """What a person reads before saying yes."""
    invited = creating(9, 4, skip_confirmation=False)
    whole = plan(moving(1, "gmail.com"), deleting(2), invited)
    assert summary(whole) == (
        "5 creates, 2 deletes, 1 replaced, 4 messages to people, 1 default address changes (gmail.com → school.edu)"
    )


def test_the_sum_of_few_things() -> None:
    """What does not occur is not said, save for creates and deletes."""
    assert summary(plan(creating(1))) == "1 create, 0 deletes"
    assert summary(plan(deleting(1))) == "0 creates, 1 delete"
    assert summary(plan()) == "nothing to do"


def test_losing_the_last_email_is_in_the_sum() -> None:
    """Where mail went, and that it goes nowhere."""
    lost = user(wanted(mode=Mode.EXACT), [channel(1, "a@x")])
    assert summary(plan(lost)) == "0 creates, 1 delete, 1 default address changes (x → none), 1 last e-mail lost"


def test_many_moves_are_ranked_and_cut() -> None:
    """Most frequent first, then by name; the rest is counted."""
    olds = ["b.example"] * 2 + ["c.example"] * 3 + [f"d{number}.example" for number in range(5)]
    whole = plan(*(moving(number, old) for number, old in enumerate(olds, start=1)))
    assert moves(whole) == (
        "c.example → school.edu 3, b.example → school.edu 2, d0.example → school.edu 1, d1.example → school.edu 1, "
        "d2.example → school.edu 1, others 2"
    )


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        (by_id(7), "user 7"),
        (UserRef(kind=RefKind.SIS, value="S7"), "sis_user_id:S7 (user 7)"),
        (UserRef(kind=RefKind.SELF), "self (user 7)"),
    ],
)
def test_people_are_named_as_the_document_does(ref: UserRef, name: str) -> None:
    """And by the number that it was taken for."""
    assert shown(plan(user(wanted(["a@x"], user_id=7, ref=ref)))).people[0].name == name


def test_what_is_withheld_says_so_at_its_line() -> None:
    """Single changes with their own reason, the others with that of their kind."""
    people = shown(*everything()).people
    assert [line.withheld for line in people[0].lines] == ["as all creates", "the replacement is withheld"]
    assert people[1].lines[0].withheld == "protected by guards.protect = *@school.example"
    assert {line.withheld for person in shown(*usual()).people for line in person.lines} == {""}


def test_what_is_withheld_is_counted_by_its_reason() -> None:
    """And a warning at the top points there."""
    whole = plan(deleting(1, 4), deleting(2, 5), creating(3))
    content = shown(whole, rule(whole, LIMITS, NOTHING_ALLOWED, NOTHING_DONE))
    assert content.warnings == ("9 of 10 changes are withheld: see Withheld",)
    assert content.withheld == (
        "4 deletes: 4 deletes for one user (limit guards.max_deletes_per_user = 3)",
        "5 deletes: 5 deletes for one user (limit guards.max_deletes_per_user = 3)",
    )


def test_an_objection_to_an_empty_plan_is_said() -> None:
    """Nothing is withheld, and yet the document is not to be trusted."""
    whole = plan(source=Source(document="f", digest="d", users=0, users_before=9))
    content = shown(whole, rule(whole, LIMITS, Allowances(), NOTHING_DONE))
    assert content.warnings == ("the guards object: see Withheld",)
    assert len(content.withheld) == 1


def test_whom_a_plan_is_restricted_to() -> None:
    """Stands beside the document, cut where it is long; a plan for everybody says nothing of it."""
    facts = dict(shown(everything()[0]).facts)
    assert "only" not in facts
    source = Source(document="d.csv", digest="d", users=900, only=("id:7,8", "file:x\x1b.csv"))
    assert dict(shown(plan(source=source)).facts)["only"] == "id:7,8 file:x\\x1b.csv"
    many = replace(source, only=(f"id:{','.join(map(str, range(1000)))}",))
    assert len(dict(shown(plan(source=many)).facts)["only"]) == LONGEST


def test_signs() -> None:
    """Create, delete, replace, and leave alone."""
    content = shown(everything()[0])
    assert [line.sign for line in content.people[0].lines] == [Sign.CREATE, Sign.REPLACE]
    assert [line.sign for line in content.people[1].lines] == [Sign.DELETE]
    assert {line.sign for line in content.people[-1].lines} == {Sign.UNMANAGED}


def test_wishes_outside_manage_are_counted_by_the_reason() -> None:
    """Each is at its user's besides."""
    texts = [user(wanted([wish("+1", "sms")], user_id=number)) for number in (1, 2)]
    assert shown(plan(*texts)).unmanaged == ("2 wishes: type sms is not in manage",)


@pytest.mark.parametrize(
    ("most", "people", "more"),
    [
        (None, 3, ""),
        (3, 3, ""),
        (2, 2, "and 1 more user, not shown"),
        (0, 0, "and 3 more users, not shown"),
    ],
)
def test_a_long_plan_is_cut(most: int | None, people: int, more: str) -> None:
    """The counts stay those of the whole plan."""
    content = shown(plan(*map(creating, (1, 2, 3))), most=most)
    assert (len(content.people), content.more) == (people, more)
    assert content.summary == "3 creates, 0 deletes"


def test_a_sample_is_not_cut() -> None:
    """It says what it is."""
    whole = plan(*map(creating, range(1, 10)))
    content = shown(whole, most=1, sample=sample(whole, 4, seed=1))
    assert (len(content.people), content.more) == (4, "a random sample: 4 of 9 users")


@pytest.mark.parametrize(
    ("form", "people"), [(Format.TEXT, 200), (Format.MARKDOWN, 200), (Format.HTML, 201), (Format.CSV, 201)]
)
def test_how_many_users_each_form_shows(form: Format, people: int) -> None:
    """Two hundred where people scroll, all where they search."""
    text = render(plan(*map(creating, range(1, 202))), NOTHING, form)
    assert text.count("@new.example") == people
    assert text.endswith("\n")
    assert ("1 more user" in text) is (people == 200)


def test_csv_may_be_cut_too() -> None:
    """Where it is asked for."""
    rows = list(csv.DictReader(io.StringIO(render(usual()[0], NOTHING, Format.CSV, Shown(most=1)))))
    assert [(row["user_id"], row["change"], row["address"]) for row in rows] == [("7", "create", "amy@school.example")]


def test_nothing_is_printed_that_the_plan_does_not_hold() -> None:
    """Channels that stay are in the JSON, which is for apply, and nowhere else."""
    whole, ruling = usual()
    for form in (Format.TEXT, Format.MARKDOWN, Format.HTML, Format.CSV):
        assert "bernadette@school.example" not in render(whole, ruling, form)


def test_times_are_in_utc() -> None:
    """Whatever zone the plan was made in."""
    whole = plan(made_at=everything()[0].made_at.astimezone(tz=None))
    assert ("made", "2026-03-02 07:30:00 UTC") in shown(replace(whole, users=())).facts

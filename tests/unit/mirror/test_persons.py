"""What names a person in a text, and what only looks so."""

import re

import pytest

from sync_worker.channels import RefKind, UserRef, by_id
from sync_worker.flows.privacy.person import spec_texts_without
from sync_worker.mirror.forgotten import Forgotten, digest
from sync_worker.mirror.persons import Person

PERSON = Person(
    instance="main",
    user_id=1042,
    refs=frozenset(
        {
            by_id(1042),
            UserRef(kind=RefKind.SIS, value="S/1001"),
            UserRef(kind=RefKind.SIS, value="7"),
            UserRef(kind=RefKind.LOGIN, value="sheldon"),
        }
    ),
    addresses=frozenset({"Sheldon.C@caltech.example", "Zoë.ΟΔΟΣ@x.example", "+1 555 0100", "999"}),
)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("desired.csv:5: user 1042: Canvas does not know this user", "desired.csv:5: [forgotten]: Canvas does not …"),
        ("GET /api/v1/users/1042/communication_channels", "GET /api/v1/[forgotten]/communication_channels"),
        ("a.csv:1: sis_user_id:S/1001: lost", "a.csv:1: [forgotten]: lost"),
        ("/users/hex:sis_user_id:532f31303031?x", "/users/[forgotten]?x"),
        ("sis_user_id:7 and 7 of 1042", "[forgotten] and 7 of 1042"),
        ("SHELDON, sheldon.c@Caltech.example.", "[forgotten], [forgotten]."),
        ("zoË.οδοσ@X.example or zoë.οδος@x.example", "[forgotten] or zoë.οδος@x.example"),
        ("éSheldon, Sheldoné, é sheldon", "éSheldon, Sheldoné, é [forgotten]"),
        ("call +1 555 0100 or 999", "call [forgotten] or 999"),
        ("user 10421, user 104, xsheldon, sheldon2, b.sheldon@x.example, sheldon@home.example", "="),
        ("run 1042 of plan 1042 had 1042 users", "="),
    ],
)
def test_messages(text: str, left: str) -> None:
    """Every form in which this program names a user goes; other people, runs and counts stay."""
    found = PERSON.scrub(text)
    assert re.fullmatch(re.escape(text if left == "=" else left).replace("…", ".*"), found), found


def test_what_people_wrote() -> None:
    """There the bare number names somebody too, but not a short one, which counts something."""
    assert PERSON.scrub_loosely("for 1042, ticket 21042") == "for [forgotten], ticket 21042"
    short = Person(instance="main", user_id=12, refs=frozenset({by_id(12)}), addresses=frozenset())
    assert short.scrub_loosely("12 users, user 12") == "12 users, [forgotten]"


@pytest.mark.parametrize(
    ("spec", "left"),
    [
        ("id:1041,1042,1043", "id:1041,1043"),
        ("id:1042", "id:[forgotten]"),
        ("sis_user_id:7,8", "sis_user_id:8"),
        ("sis_login_id:7,sheldon", "sis_login_id:7"),
        ("account:1042", "account:1042"),
        ("file:/data/1042.csv", "file:/data/1042.csv"),
        ("self", "self"),
        ("plan:1042", "plan:1042"),
        ("id:[forgotten]", "id:[forgotten]"),
    ],
)
def test_specs(spec: str, left: str) -> None:
    """A spec loses the person and keeps everybody else."""
    assert spec_texts_without([spec], PERSON) == [left]


def test_hashes() -> None:
    """A hash is of one number, in one instance, with one key; where nobody was forgotten none is made."""
    known = Forgotten("main", b"key", [digest(b"key", "main", 1042)])
    assert known
    assert known.among([1041, 1042, 1043]) == {1042}
    assert 1042 not in Forgotten("other", b"key", [digest(b"key", "main", 1042)])
    assert 1042 not in Forgotten("main", b"yek", [digest(b"key", "main", 1042)])
    nobody = Forgotten("main")
    assert not nobody
    assert nobody.among([1042]) == frozenset()

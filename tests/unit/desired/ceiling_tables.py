"""All that the ceiling must say."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from sync_worker.desired.diff import Change, Kind
from tests.unit.desired.builders import channel, creating, deleting, plan, user, wanted, wish
from tests.unit.desired.ceiling_cases import (
    Creating,
    Deleting,
    Remaining,
    addresses,
    check_creates,
    check_deletes,
    check_remaining,
)
from tests.unit.desired.ceiling_deletes import DELETES

# --- creates ---------------------------------------------------------------------------------------------

GAINING = user(wanted(["n@x", "m@x", wish("+1", "sms")], manage=frozenset({"email", "sms"})), [channel(1, "a@x")])
CREATES = [
    Creating(name="as it was", approved=GAINING, live=(channel(1, "a@x"),), due=("n@x", "m@x", "+1")),
    Creating(name="nothing is there", approved=GAINING, live=(), due=("n@x", "m@x", "+1")),
    Creating(
        name="one is there",
        approved=GAINING,
        live=(channel(1, "a@x"), channel(7, "m@x")),
        due=("n@x", "+1"),
        existed=("m@x",),
    ),
    Creating(
        name="in other letters, unconfirmed",
        approved=GAINING,
        live=(channel(7, "N@X", workflow_state="unconfirmed"),),
        due=("m@x", "+1"),
        existed=("n@x",),
    ),
    Creating(
        name="of another type",
        approved=GAINING,
        live=(channel(7, "+1"), channel(8, "n@x", "sms")),
        due=("n@x", "m@x", "+1"),
    ),
    Creating(
        name="all are there",
        approved=GAINING,
        live=(channel(7, "+1", "sms"), channel(8, "m@x"), channel(9, "n@x")),
        existed=("n@x", "m@x", "+1"),
    ),
]

CREATE = Change(kind=Kind.CREATE, user_id=1, type="email", address="n@x")
DELETE = Change(kind=Kind.DELETE, user_id=1, type="email", address="b@x", channel_id=2)

# --- what is left of a plan --------------------------------------------------------------------------------

ONE, TWO = creating(1, 2), deleting(2, 2)
WHOLE = plan(ONE, TWO, unchanged=3)
ALL_LEFT = {1: addresses(ONE), 2: addresses(TWO)}
LEFT = [
    Remaining(name="everything", plan=WHOLE, left=ALL_LEFT),
    Remaining(
        name="a part",
        plan=WHOLE,
        settled=(ONE.diff.changes[0], TWO.diff.changes[1]),
        left={1: addresses(ONE)[1:], 2: addresses(TWO)[:1]},
    ),
    Remaining(name="one user", plan=WHOLE, settled=ONE.diff.changes, left={2: addresses(TWO)}),
    Remaining(name="nothing", plan=WHOLE, settled=tuple(WHOLE.changes()), left={}),
    Remaining(name="what is of no plan", plan=WHOLE, settled=(CREATE, DELETE), left=ALL_LEFT),
]

Case = Creating | Deleting | Remaining
CASES: Final[tuple[Case, ...]] = (*CREATES, *DELETES, *LEFT)


def check(names: Mapping[str, Callable[..., Any]], case: Case) -> None:
    """Check a case against the functions of `desired.ceiling`, or of a mutant of it."""
    match case:
        case Creating():
            check_creates(names["creates_due"], case)
        case Deleting():
            check_deletes(names["deletes_due"], case)
        case Remaining():
            check_remaining(names["remaining"], case)

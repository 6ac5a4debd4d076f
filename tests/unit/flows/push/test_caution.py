"""When an apply stops by itself."""

import pytest

from sync_worker.channels import Channel
from sync_worker.flows.push.caution import Caution
from tests.unit.desired.builders import channel
from tests.unit.flows.actions import create

ACTIVE = channel(9, "new@x")
UNCONFIRMED = channel(9, "new@x", workflow_state="unconfirmed")
NO_RIGHT = (
    "the token has no right to skip confirmations: user 1 was sent a message although none was to be sent; apply with "
    "the token of an account administrator"
)


def in_a_row(number: int, limit: int, last: str) -> str:
    """Why it stops after so many."""
    return (
        f"{number} actions in a row were refused or failed, the last one: {last} (limit guards.max_failures = {limit})"
    )


def test_at_first_nothing_is_proven_and_nothing_is_wrong() -> None:
    """One create has to show what the token may do."""
    caution = Caution(3)
    assert (caution.proven, caution.halted) == (False, None)


def test_a_create_that_sent_no_message_proves_the_token() -> None:
    """It was to send none, and is active."""
    caution = Caution(3)
    caution.created(create(), ACTIVE)
    assert (caution.proven, caution.halted) == (True, None)


def test_a_message_that_was_not_to_be_sent_stops_the_apply() -> None:
    """`skip_confirmation` was ignored: what Canvas made of it counts. The sentence names the person."""
    caution = Caution(3)
    caution.created(create(), UNCONFIRMED)
    assert (caution.proven, caution.halted) == (False, NO_RIGHT)


@pytest.mark.parametrize("made", [ACTIVE, UNCONFIRMED])
def test_a_message_that_was_to_be_sent_proves_nothing(made: Channel) -> None:
    """Neither for the token nor against it."""
    caution = Caution(3)
    caution.created(create(skip_confirmation=False), made)
    assert (caution.proven, caution.halted) == (False, None)


@pytest.mark.parametrize(
    ("limit", "outcomes", "halted"),
    [
        (3, "xx", None),
        (3, "xxx", in_a_row(3, 3, "no 3")),
        (3, "xx.xx", None),
        (3, "xx.xxx", in_a_row(3, 3, "no 6")),
        (3, "xxcxx", None),
        (3, "xxmxx", None),
        (3, "xxxx", in_a_row(3, 3, "no 3")),  # the first reason stays
        (3, "xxx.c", in_a_row(3, 3, "no 3")),  # what was on its way ends well, and changes nothing
        (1, "x", in_a_row(1, 1, "no 1")),
        (0, "x" * 50, None),  # 0: never
        (1, ".c.", None),
    ],
)
def test_a_run_of_failures_stops_the_apply(limit: int, outcomes: str, halted: str | None) -> None:
    """At the limit, in a row; x: wrong, full stop: well, c: created, m: created with the message that was wanted."""
    caution = Caution(limit)
    for number, outcome in enumerate(outcomes, start=1):
        match outcome:
            case "x":
                caution.went_wrong(f"no {number}")
            case "c":
                caution.created(create(), ACTIVE)
            case "m":
                caution.created(create(skip_confirmation=False), UNCONFIRMED)
            case _:
                caution.went_well()
    assert caution.halted == halted


def test_the_first_reason_to_stop_stays() -> None:
    """Actions that were on their way do not talk over it."""
    caution = Caution(1)
    caution.created(create(), UNCONFIRMED)
    caution.went_wrong("no")
    assert caution.halted == NO_RIGHT
    other = Caution(1)
    other.went_wrong("no")
    other.created(create(), UNCONFIRMED)
    assert other.halted == in_a_row(1, 1, "no")

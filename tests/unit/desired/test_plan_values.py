"""A plan in numbers, and what it warns of."""

import pytest

from sync_worker.desired.model import Mode
from sync_worker.desired.plan import PlannedUser, Suspicion, Totals, Warn, totals
from tests.unit.desired.builders import NOON, channel, creating, deleting, plan, user, wanted, wish
from tests.unit.desired.stories import everything, quiet

REFUSED = Suspicion(channel_id=1, warn=Warn.SIS_REFUSED)
REAPPEARED = Suspicion(channel_id=1, warn=Warn.SIS_REAPPEARED)
A, B = channel(1, "a@x"), channel(2, "b@x")


def test_totals_count_everything_once() -> None:
    """Of the plan in which everything occurs."""
    assert totals(everything()[0]) == Totals(
        users=6,
        creates=5,
        deletes=6,
        replaced=3,
        messages=2,
        default_changes=3,
        last_emails=1,
        suspicious=2,
        unmanaged=2,
    )


def test_a_suspicious_delete_is_one_for_whatever_reasons() -> None:
    """Refused, and came back besides."""
    twice = user(wanted(["b@x"], mode=Mode.EXACT), [A, B], [REFUSED, REAPPEARED])
    assert totals(plan(twice)).suspicious == 1


def test_an_empty_plan_is_empty() -> None:
    """Also where only wishes outside `manage` are in it."""
    assert quiet()[0].empty
    assert plan(user(wanted([wish("+1", "sms")]))).empty
    assert not plan(creating(1)).empty


def test_changes_come_in_the_order_of_users() -> None:
    """Each user's creates before the deletes."""
    whole = plan(deleting(1), creating(2, 2))
    assert [change.user_id for change in whole.changes()] == [1, 2, 2]


@pytest.mark.parametrize(
    ("person", "warnings"),
    [
        (creating(1), []),
        (creating(1, skip_confirmation=False), [Warn.MESSAGES]),
        (deleting(1), []),
        (user(wanted(mode=Mode.EXACT), [A]), [Warn.LOSES_LAST_EMAIL, Warn.CHANGES_DEFAULT]),
        (user(wanted(["b@x"], mode=Mode.EXACT), [A, B]), [Warn.CHANGES_DEFAULT]),
        (user(wanted(["a@x"], mode=Mode.EXACT), [A, B], [REFUSED]), []),  # of a channel that stays
        (
            user(wanted(["b@x"], mode=Mode.EXACT), [A, B], [REFUSED, REAPPEARED, REFUSED]),
            [Warn.CHANGES_DEFAULT, Warn.SIS_REFUSED, Warn.SIS_REAPPEARED],
        ),
    ],
)
def test_warnings_of_a_user(person: PlannedUser, warnings: list[Warn]) -> None:
    """Each once, gravest first."""
    assert list(person.warnings) == warnings


def test_suspicions_are_of_deletes_only() -> None:
    """What the journal knows of other channels is no news."""
    person = user(wanted(["b@x"], mode=Mode.EXACT), [A, B], [REFUSED, Suspicion(channel_id=2, warn=Warn.SIS_REFUSED)])
    assert person.suspicions == (REFUSED,)
    assert person.read_at == NOON

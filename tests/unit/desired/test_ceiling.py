"""Approval is a ceiling: what of a plan is still done, by what a user has now."""

from dataclasses import FrozenInstanceError

import pytest

from sync_worker.desired import ceiling
from sync_worker.desired.ceiling import creates_due
from tests.unit.desired.ceiling_cases import (
    Creating,
    Deleting,
    Remaining,
    check_creates,
    check_deletes,
    check_remaining,
)
from tests.unit.desired.ceiling_deletes import (
    APPROVED,
    DEFAULT_ADDRESS,
    GUARDED,
    LAST_ADDRESS,
    ORDER,
    REPLACED,
)
from tests.unit.desired.ceiling_tables import CREATE, CREATES, LEFT


@pytest.mark.parametrize("case", CREATES, ids=lambda case: case.name)
def test_a_create_is_due_where_nothing_of_its_key_is_there(case: Creating) -> None:
    """What is there already, in whatever state and by whomever, is not created again."""
    check_creates(ceiling.creates_due, case)


@pytest.mark.parametrize("case", APPROVED, ids=lambda case: case.name)
def test_a_delete_is_due_where_the_channel_is_the_approved_one(case: Deleting) -> None:
    """The same id with the same key in the same state; what is gone is gone, what is another is skipped."""
    check_deletes(ceiling.deletes_due, case)


@pytest.mark.parametrize("case", REPLACED, ids=lambda case: case.name)
def test_a_replaced_channel_goes_after_its_replacement_came(case: Deleting) -> None:
    """All that the plan creates of that type has to be there, and active unless the person is asked."""
    check_deletes(ceiling.deletes_due, case)


@pytest.mark.parametrize("case", GUARDED, ids=lambda case: case.name)
def test_the_guards_are_asked_again_about_all_deletes_together(case: Deleting) -> None:
    """And again about what is left, until nobody objects."""
    check_deletes(ceiling.deletes_due, case)


@pytest.mark.parametrize("case", LAST_ADDRESS, ids=lambda case: case.name)
def test_nobody_loses_the_last_address_unless_the_plan_says_so(case: Deleting) -> None:
    """What is the last deliverable one is seen now, not when the plan was made; the guard keeps it in any case."""
    check_deletes(ceiling.deletes_due, case)


@pytest.mark.parametrize("case", DEFAULT_ADDRESS, ids=lambda case: case.name)
def test_mail_goes_where_the_plan_says(case: Deleting) -> None:
    """A default address that changes otherwise than approved is a reason to wait, whatever is allowed."""
    check_deletes(ceiling.deletes_due, case)


@pytest.mark.parametrize("case", ORDER, ids=lambda case: case.name)
def test_the_default_address_goes_last(case: Deleting) -> None:
    """Otherwise mail would go to one that is about to be deleted; but for that, the order is that of the plan."""
    check_deletes(ceiling.deletes_due, case)


@pytest.mark.parametrize("case", LEFT, ids=lambda case: case.name)
def test_what_is_settled_leaves_the_plan(case: Remaining) -> None:
    """Users without anything left leave it too; warnings and figures stay those that were approved."""
    check_remaining(ceiling.remaining, case)


def test_what_is_due_is_frozen() -> None:
    """Nobody adds to it afterwards."""
    still = creates_due([CREATE], ())
    with pytest.raises(FrozenInstanceError):
        still.due = ()  # type: ignore[misc] # that it is refused is the point

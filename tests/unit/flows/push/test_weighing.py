"""What is left of a plan, and what the guards say to it."""

from dataclasses import replace

import pytest

from sync_worker.desired.guards import Allowances, GuardLimits
from sync_worker.flows.push.weighing import Case, Left, limits, weigh
from sync_worker.mirror.actions import IN_DOUBT, SETTLED, DoneBefore, Status
from sync_worker.settings.tables import GuardsTable
from tests.unit.desired.builders import LIMITS, creating, deleting, plan
from tests.unit.desired.guard_cases import C10, D10, M2
from tests.unit.flows.actions import action

PLAN = plan(creating(1, 2), creating(2, skip_confirmation=False), deleting(3, 2))
CHANGES = tuple(PLAN.changes())
NOTHING = DoneBefore()


def left(statuses: list[Status], before: DoneBefore = NOTHING, guards: GuardLimits = LIMITS) -> Left:
    """What is left where the first actions of the plan have these statuses."""
    actions = [
        action(change, id=number, ordinal=number, status=status)
        for number, (change, status) in enumerate(zip(CHANGES, statuses, strict=False), start=1)
    ]
    case = Case(plan_id=1, plan=PLAN, allowances=Allowances(max_messages=1))
    return weigh(case, actions, before, guards)


def test_before_the_first_apply_everything_is_left() -> None:
    """There is no journal yet."""
    found = left([])
    assert (found.plan, found.actions, found.ruling.tripped) == (PLAN, {}, ())


@pytest.mark.parametrize("status", Status)
def test_what_is_settled_is_left_no_more(status: Status) -> None:
    """Everything else is, the doubtful too, with its action."""
    found = left([status, *[Status.PLANNED] * 4])
    open_changes = CHANGES[1:] if status in SETTLED else CHANGES
    assert tuple(found.plan.changes()) == open_changes
    assert tuple(found.actions) == open_changes
    assert all(CHANGES[each.ordinal - 1] is change for change, each in found.actions.items())


@pytest.mark.parametrize("status", sorted(IN_DOUBT))
def test_what_may_have_been_done_counts_once(status: Status) -> None:
    """It is among what was done before, and not weighed again beside it."""
    before = DoneBefore(creates=1, messages=1)
    statuses = [Status.PLANNED, Status.PLANNED, status, Status.PLANNED, Status.PLANNED]
    at_the_limit = replace(M2, max_creates=3)
    assert left(statuses, before, at_the_limit).ruling.tripped == ()
    tripped = left(statuses, before, replace(at_the_limit, max_creates=2)).ruling.tripped
    assert [trip.figure for trip in tripped] == ["3 creates"]


@pytest.mark.parametrize(
    ("before", "guards", "figure"),
    [
        (DoneBefore(creates=8), C10, "11 creates"),
        (DoneBefore(deletes=9), D10, "11 deletes"),
        (DoneBefore(deletes=4, deletes_unattended=5), D10, "11 deletes"),
        (DoneBefore(messages=1), LIMITS, "2 confirmation messages to people"),
    ],
)
def test_what_was_done_before_counts(before: DoneBefore, guards: GuardLimits, figure: str) -> None:
    """Under this plan, and of other plans what nobody was asked about."""
    assert [trip.figure for trip in left([], before, guards).ruling.tripped] == [figure]


@pytest.mark.parametrize(
    ("run_id", "statuses", "creates", "tripped"),
    [
        (5, [Status.DONE, Status.STARTED], 3, []),
        (5, [Status.REFUSED, Status.FAILED], 3, []),
        (5, [], 3, []),
        (6, [Status.DONE, Status.STARTED], 3, []),
        (None, [Status.DONE, Status.REFUSED], 3, []),
        (6, [Status.DONE, Status.STARTED], 1, []),
        (6, [Status.DONE, Status.STARTED], 2, ["create"]),
        (6, [], 4, ["create"]),
    ],
)
def test_what_was_expected_holds_for_the_rest(
    run_id: int | None, statuses: list[Status], creates: int, tripped: list[str]
) -> None:
    """The number of the whole plan, as long as it goes on, or that of what is left; no other."""
    actions = [
        action(change, id=number, ordinal=number, status=status)
        for number, (change, status) in enumerate(zip(CHANGES, statuses, strict=False), start=1)
    ]
    expected = Allowances(max_messages=1, expect_creates=creates, expect_deletes=2)
    guards = replace(M2, max_creates=0, max_deletes=0)
    found = weigh(Case(plan_id=1, plan=PLAN, allowances=expected, run_id=run_id), actions, NOTHING, guards)
    assert [trip.kind for trip in found.ruling.tripped] == tripped


def test_limits_are_those_of_the_configuration() -> None:
    """Each by its name."""
    table = GuardsTable(
        max_creates=1,
        max_deletes=2,
        max_delete_percent=3.0,
        percent_from=4,
        max_deletes_per_user=5,
        max_messages=6,
        keep_last_email=False,
        protect=("*@x",),
    )
    found = limits(table)
    others = {"max_failures", "settle_after"}  # of the apply, not of its plan
    assert {name: getattr(found, name) for name in type(table).model_fields if name not in others} == (
        table.model_dump(exclude=others)
    )

"""What must become of approved changes: the tests of the ceiling check it, and the mutants of the ceiling die of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sync_worker.channels import Channel, Snapshot
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.guards import Allowances, GuardLimits, Rules
from sync_worker.desired.plan import Plan, PlannedUser
from tests.unit.desired.builders import NOON
from tests.unit.desired.guard_cases import GENEROUS

OPEN = replace(GENEROUS, keep_last_email=False)
FREE = Allowances(default_change=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Creating:
    """Approved creates, and what of them is due."""

    name: str
    approved: PlannedUser
    live: tuple[Channel, ...]
    due: tuple[str, ...] = ()  # addresses, in order
    existed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleting:
    """Approved deletes, and what of them is due."""

    name: str
    approved: PlannedUser
    live: tuple[Channel, ...]
    settled: frozenset[str] = frozenset()  # addresses whose delete is not asked for any more
    limits: GuardLimits = OPEN
    allowances: Allowances = FREE
    due: tuple[str, ...] = ()  # addresses, in order
    dropped: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # address to standing and reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """A plan, and what is left of it."""

    name: str
    plan: Plan
    settled: tuple[Change, ...] = ()
    left: Mapping[int, tuple[str, ...]]  # user to addresses, in order


def check_creates(creates_due: Callable[..., Any], case: Creating) -> None:
    """What is due is due as approved; the rest is there."""
    creates = [change for change in case.approved.diff.changes if change.kind is Kind.CREATE]
    still = creates_due(creates, case.live)
    assert [change for change in creates if change.address in case.due] == list(still.due)
    assert tuple(change.address for change in still.due) == case.due
    assert tuple(each.change.address for each in still.dropped) == case.existed
    assert {(each.standing, each.why) for each in still.dropped} <= {("existed", "it is there already")}


def check_deletes(deletes_due: Callable[..., Any], case: Deleting) -> None:
    """What is due, in its order, and of everything else what became of it, in every word."""
    deletes = [change for change in case.approved.diff.changes if change.kind is Kind.DELETE]
    asked = [change for change in deletes if change.address not in case.settled]
    live = Snapshot(user_id=1, read_at=NOON, channels=case.live)
    still = deletes_due(case.approved, asked, live, Rules(limits=case.limits, allowances=case.allowances))
    assert tuple(change.address for change in still.due) == case.due
    assert {each.change.address: (each.standing, each.why) for each in still.dropped} == case.dropped
    assert sorted(map(id, asked)) == sorted(map(id, (*still.due, *(each.change for each in still.dropped))))


def check_remaining(remaining: Callable[..., Any], case: Remaining) -> None:
    """The changes that are left; nothing else of the plan or of its users moves."""
    left = remaining(case.plan, iter(case.settled))
    assert {user.diff.desired.user_id: addresses(user) for user in left.users} == case.left
    assert replace(left, users=()) == replace(case.plan, users=())
    before = {user.diff.desired.user_id: user for user in case.plan.users}
    for user in left.users:
        same = before[user.diff.desired.user_id]
        assert replace(user, diff=replace(user.diff, changes=same.diff.changes)) == same


def addresses(user: PlannedUser) -> tuple[str, ...]:
    """Of all changes of a user."""
    return tuple(change.address for change in user.diff.changes)

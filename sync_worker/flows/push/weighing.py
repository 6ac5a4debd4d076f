"""What is left of a saved plan, and what the guards say to it now."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sync_worker.desired.ceiling import remaining
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.guards import Allowances, Done, GuardLimits, Ruling, rule
from sync_worker.desired.plan import Plan, totals
from sync_worker.mirror.actions import IN_DOUBT, SETTLED, Action, DoneBefore, Status, actions_of_plan, done_before
from sync_worker.mirror.database import Database
from sync_worker.settings import GuardsTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A saved plan, and what a person allows for it."""

    plan_id: int
    plan: Plan
    allowances: Allowances = field(default_factory=Allowances)
    run_id: int | None = None  # of the run at work, whose deeds are a part of what the person expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is left of a plan, and what the guards say to it."""

    plan: Plan
    ruling: Ruling
    actions: Mapping[Change, Action]  # not settled ones; empty before the first apply

    @property
    def all_withheld(self) -> bool:
        """Whether the guards let nothing of it pass."""
        return not self.plan.empty and not any(map(self.ruling.allows, self.plan.changes()))


async def what_is_left(database: Database, case: Case, guards: GuardsTable, now: datetime) -> Left:
    """Weigh what of a plan is not settled yet."""
    actions = await actions_of_plan(database, case.plan_id)
    before = await done_before(database, case.plan.instance, case.plan_id, now)
    return weigh(case, actions, before, limits(guards))


def weigh_new(plan: Plan, table: GuardsTable) -> Ruling:
    """What the guards say to a plan as it stands, with nothing allowed and nothing done yet; pure."""
    return rule(plan, limits(table), Allowances(), Done())


def weigh(case: Case, actions: Sequence[Action], before: DoneBefore, guards: GuardLimits) -> Left:
    """What the guards say to the actions that are not settled; pure.

    An action in doubt is left, for it has to be settled; to the guards it is done, as it may be, and `before` has it.
    """
    changes = tuple(case.plan.changes())
    by_change = {changes[action.ordinal - 1]: action for action in actions}
    left = remaining(case.plan, _with_status(by_change, SETTLED))
    to_do = remaining(left, _with_status(by_change, IN_DOUBT))
    done = Done(creates=before.creates, deletes=before.deletes + before.deletes_unattended, messages=before.messages)
    ruling = rule(to_do, guards, _still_expected(case, by_change, to_do), done)
    open_actions = {change: action for change, action in by_change.items() if action.status not in SETTLED}
    return Left(plan=left, ruling=ruling, actions=open_actions)


def _still_expected(case: Case, by_change: Mapping[Change, Action], to_do: Plan) -> Allowances:
    """What a person expects of what is to do.

    The numbers of the whole plan stay right when the same command goes on with it. Any other number is that of what was
    left when the command was given: less what its very run has done before it had to go on.
    """
    ours = Counter(
        change.kind
        for change, action in by_change.items()
        if case.run_id is not None and action.run_id == case.run_id and action.status in SETTLED | IN_DOUBT
    )
    said, whole, left = case.allowances, totals(case.plan), totals(to_do)
    creates = left.creates if said.expect_creates == whole.creates else _less(said.expect_creates, ours[Kind.CREATE])
    deletes = left.deletes if said.expect_deletes == whole.deletes else _less(said.expect_deletes, ours[Kind.DELETE])
    return replace(said, expect_creates=creates, expect_deletes=deletes)


def _less(said: int | None, done: int) -> int | None:
    return None if said is None else said - done


def _with_status(by_change: Mapping[Change, Action], statuses: frozenset[Status]) -> list[Change]:
    return [change for change, action in by_change.items() if action.status in statuses]


def limits(table: GuardsTable) -> GuardLimits:
    """`[guards]` as the guards take them."""
    return GuardLimits(
        max_creates=table.max_creates,
        max_deletes=table.max_deletes,
        max_delete_percent=table.max_delete_percent,
        percent_from=table.percent_from,
        max_deletes_per_user=table.max_deletes_per_user,
        max_messages=table.max_messages,
        keep_last_email=table.keep_last_email,
        protect=table.protect,
    )

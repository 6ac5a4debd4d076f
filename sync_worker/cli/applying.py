"""The wiring of what writes to Canvas: a saved plan is shown, approved, carried out and summed up."""

import asyncio
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rich.console import Console

from sync_worker.cli.applysummary import print_apply
from sync_worker.cli.asking import agree, somebody_to_ask
from sync_worker.cli.context import CliContext
from sync_worker.cli.display import shown
from sync_worker.cli.endedearly import ended_early, hurried
from sync_worker.cli.exits import DONE, IN_PART, WITHHELD, say
from sync_worker.cli.opening import Opened, opening
from sync_worker.desired.ceiling import remaining
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.guards import Allowances
from sync_worker.desired.plan import Plan, totals
from sync_worker.desired.render import text
from sync_worker.desired.render.words import counted
from sync_worker.errors import NotUtf8, Stopped, UsageError
from sync_worker.flows.push.apply import ApplyRequest
from sync_worker.flows.push.carryout import CarriedOut, carry_out
from sync_worker.flows.push.saving import Kept, find_plan, load_plan, save_plan
from sync_worker.flows.push.weighing import Case, Left, what_is_left
from sync_worker.flows.stop import Stop, stopping_on_signals
from sync_worker.mirror.actions import Status, actions_of_plan
from sync_worker.textfiles import read_text

_KINDS: Final = {"undo": "undo", "channels": "hand"}
"""The kind of a plan by that of its run."""

WHAT_PLAN_IS: Final = (
    "PLAN is the number of a saved plan (sync-worker plans list shows them) or a file that sync-worker plan --out wrote"
)

NOT_SAVED: Final = 0
"""No plan has this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What the command line says about carrying a plan out."""

    yes: bool = False
    reason: str | None = None
    limit: int | None = None  # users
    only: Kind | None = None
    allowances: Allowances = field(default_factory=Allowances)


async def apply_saved(context: CliContext, which: str, options: ApplyOptions) -> int:
    """Carry out a saved plan, by its number or out of its file; the exit code."""
    async with stopping_on_signals() as stop, opening(context, migrate=True) as opened:
        kept = await _find(opened, which)
        if kept.saved.status == "applied":
            return await _over(opened, kept)
        _refuse_ended(kept)
        if not await _approved(opened, kept.plan, options, kept.saved.id):
            return WITHHELD
        return await run_apply(context, opened, _request(kept.plan, kept.saved.id, options, "apply"), stop=stop)


async def _over(opened: Opened, kept: Kept) -> int:
    """Say that nothing is left of a plan; what Canvas refused of it is not tried again."""
    journal = await actions_of_plan(opened.database, kept.saved.id)
    refused = sum(action.status is Status.REFUSED for action in journal)
    rest = f"; Canvas refused {counted(refused, 'action', 'actions')} of it: see sync-worker report actions" * (
        refused > 0
    )
    say(f"{kept.saved.instance}: plan {kept.saved.id} was applied already; nothing is left to do{rest}")
    return IN_PART if refused else DONE


async def apply_new(
    context: CliContext, opened: Opened, plan: Plan, options: ApplyOptions, *, stop: Stop, kind: str
) -> int:
    """Save a plan that was just made, once it is approved, and carry it out; the exit code.

    Args:
        context: for the progress.
        opened: the database.
        plan: what.
        options: what the command line says.
        stop: asked between two calls.
        kind: of the run: `undo`, `channels`.

    Raises:
        UsageError: not approved; nothing was saved.
    """
    if not await _approved(opened, plan, options, None):
        return WITHHELD
    instance = opened.settings.instance(plan.instance)
    number = await save_plan(opened.database, instance, plan, _KINDS[kind])
    return await run_apply(context, opened, _request(plan, number, options, kind), stop=stop)


async def _approved(opened: Opened, plan: Plan, options: ApplyOptions, number: int | None) -> bool:
    """Show what is left of a plan and ask; False where the guards withhold all of it, and nobody needs to be asked."""
    if options.yes:
        return True
    somebody_to_ask()
    case = Case(plan_id=number or NOT_SAVED, plan=plan, allowances=options.allowances)
    guards = opened.settings.instance(plan.instance).guards
    left = await what_is_left(opened.database, case, guards, opened.clock.now())
    asked = _portion(left, options)
    text.show(Console(highlight=False), asked.plan, asked.ruling)
    sys.stdout.flush()
    if left.all_withheld:
        say(f"{plan.instance}: the guards withhold all of it; nothing was done")
        return False
    await agree(_question(plan, asked, options, number))
    return True


def _portion(left: Left, options: ApplyOptions) -> Left:
    """What of it `--limit` and `--only` leave, as the apply will choose it: users with something to do count."""
    if options.limit is None and options.only is None:
        return left
    chosen: set[Change] = set()
    busy = 0
    for user in left.plan.users:
        if busy == options.limit:
            break
        mine = [change for change in user.diff.changes if options.only in {None, change.kind}]
        chosen.update(mine)
        busy += any(map(left.ruling.allows, mine))
    withheld = {change: why for change, why in left.ruling.withheld.items() if change in chosen}
    others = (change for change in left.plan.changes() if change not in chosen)
    return replace(left, plan=remaining(left.plan, others), ruling=replace(left.ruling, withheld=withheld))


def _request(plan: Plan, number: int, options: ApplyOptions, kind: str) -> ApplyRequest:
    return ApplyRequest(
        plan_id=number,
        plan=plan,
        allowances=options.allowances,
        limit=options.limit,
        only=options.only,
        reason=options.reason,
        kind=kind,
    )


async def run_apply(context: CliContext, opened: Opened, request: ApplyRequest, *, stop: Stop) -> int:
    """Carry out a plan that was approved, and sum it up; the exit code."""
    try:
        carried = await carry_out(opened, request, stop=stop, showing=shown(context))
    except asyncio.CancelledError:
        if stop.hurried:
            say(hurried(request))
        raise
    tell_carried(carried)
    if carried.error is not None and not isinstance(carried.error, Stopped):
        raise carried.error
    return carried.exit_code


def tell_carried(carried: CarriedOut) -> None:
    """Sum up an apply; where an error ended it, how far it came. The error itself is told by others."""
    if carried.report is not None:
        print_apply(carried.report)
    elif isinstance(carried.error, Stopped):
        say(ended_early(carried, "stopped by a signal"))
    elif carried.progress.run_id:
        say(ended_early(carried, "ended early"))


async def _find(opened: Opened, which: str) -> Kept:
    if which.isdecimal():
        kept = await load_plan(opened.database, opened.clock, opened.names, int(which))
        if kept is None:
            raise UsageError(f"there is no plan {which}", hint="See: sync-worker plans list")
        return kept
    try:
        content = await asyncio.to_thread(read_text, Path(which))
    except (OSError, NotUtf8) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"the plan cannot be read: {why}", where=which, hint=WHAT_PLAN_IS) from error
    kept = await find_plan(opened.database, opened.clock, opened.names, content)
    if kept is None:
        raise UsageError(
            "this plan was not saved in this database, or is of another instance",
            where=which,
            hint="Plan again where you apply: sync-worker plan",
        )
    return kept


def _refuse_ended(kept: Kept) -> None:
    saved = kept.saved
    if saved.status not in {"open", "applying"}:
        when = f" ({saved.ended_at:%Y-%m-%d %H:%M} UTC)" if saved.ended_at else ""
        why = f": {saved.reason}" if saved.reason else ""
        raise UsageError(f"plan {saved.id} is {saved.status}{when}{why}", hint="Make a new one: sync-worker plan")


def _question(plan: Plan, left: Left, options: ApplyOptions, number: int | None) -> str:
    counts = totals(left.plan)
    withheld = sum(not left.ruling.allows(change) for change in left.plan.changes())
    parts = [counted(counts.creates, "create", "creates"), counted(counts.deletes, "delete", "deletes")]
    parts += [counted(counts.messages, "message to people", "messages to people")] if counts.messages else []
    parts += [f"{withheld:,} of these withheld"] if withheld else []
    some = f" for the first {counted(options.limit, 'user', 'users')}" if options.limit else ""
    some += f", {options.only}s only" if options.only else ""
    what = "this" if number is None else f"plan {number}"
    return f"Carry out {what} at {plan.origin}{some}? {', '.join(parts)}."

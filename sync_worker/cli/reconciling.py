"""What `run` does after it has read: plan towards the desired state, and with `auto` carry the plan out."""

from dataclasses import dataclass

import typer

from sync_worker.cli.applying import NOT_SAVED, run_apply
from sync_worker.cli.context import CliContext
from sync_worker.cli.display import showing
from sync_worker.cli.exits import DONE, IMPLAUSIBLE, IN_PART, WITHHELD, say, worst
from sync_worker.cli.opening import Opened
from sync_worker.cli.planning import PlanOptions, plan_request, weigh
from sync_worker.desired.plan import Plan, fingerprint
from sync_worker.desired.render.words import counted, summary
from sync_worker.flows.apply import ApplyRequest
from sync_worker.flows.persistent import persistently, reach
from sync_worker.flows.planning import make_plan
from sync_worker.flows.progress import Progress
from sync_worker.flows.report import RunReport
from sync_worker.flows.rooms import open_rooms
from sync_worker.flows.saving import save_plan
from sync_worker.flows.stop import Stop
from sync_worker.mirror import plans
from sync_worker.settings import Instance

UNATTENDED = "run --apply auto"
"""The reason in the journal of what nobody was asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How far a run goes; None: as configured."""

    desired: str | None = None  # a file, or query:FILE.sql
    apply: str | None = None  # off, plan, auto

    def level(self, instance: Instance) -> str:
        """off, plan, auto; a desired state that only the command line names is planned."""
        if self.apply is not None:
            return self.apply
        return "plan" if self.desired is not None and instance.desired.file is None else instance.desired.apply


async def reconcile(context: CliContext, opened: Opened, report: RunReport, wishes: Wishes, stop: Stop) -> int:
    """Plan, and with `auto` apply, what the desired state asks for; the exit code of that part."""
    instance = opened.settings.instance(report.instance)
    level = wishes.level(instance)
    if level == "off":
        return DONE
    if report.exit_code == IMPLAUSIBLE:
        say(f"{instance.name}: nothing is planned after an implausible run")
        return DONE
    progress = Progress(instance=instance.name, run_id=report.run_id)
    async with (
        open_rooms(opened.settings, opened.database, instance.name, opened.clock) as rooms,
        showing(progress, rooms, enabled=context.progress),
    ):

        async def make() -> tuple[Plan, int]:
            await reach(rooms, progress)
            plan = await make_plan(rooms, plan_request(instance, PlanOptions(desired=wishes.desired)), progress)
            return plan, NOT_SAVED if plan.empty else await _kept(opened, instance, plan)

        plan, number = await persistently(rooms, stop, progress, make)
    code = IN_PART if progress.failed else DONE
    if plan.empty and (tripped := weigh(plan, instance.guards).tripped):
        for trip in tripped:
            say(f"{instance.name}: {trip}")
        return worst([code, WITHHELD])
    if plan.empty:
        typer.echo(f"{instance.name}: the desired state is reached, nothing to do ({_size(plan)})")
        return code
    if level == "auto":
        request = ApplyRequest(plan_id=number, plan=plan, reason=UNATTENDED, unattended=True)
        return worst([code, await run_apply(context, opened, request, stop=stop)])
    _tell(instance, plan, number)
    return code


async def _kept(opened: Opened, instance: Instance, plan: Plan) -> int:
    """The number of the plan; one that waits already and says the same stays as it is."""
    waiting = await plans.waiting_same(opened.database, opened.clock, instance.name, fingerprint(plan))
    if waiting is not None:
        return waiting
    number = await save_plan(opened.database, instance, plan)
    await plans.supersede(opened.database, opened.clock, instance.name, number)
    return number


def _tell(instance: Instance, plan: Plan, number: int) -> None:
    ruling = weigh(plan, instance.guards)
    withheld = sum(not ruling.allows(change) for change in plan.changes())
    held = f"; the guards would withhold {withheld:,}" if withheld else ""
    typer.echo(f"{instance.name}: plan {number} waits: {summary(plan)}{held} ({_size(plan)})")
    typer.echo(f"  look: sync-worker plans show {number}")
    typer.echo(f"  then: sync-worker apply {number}   (or: sync-worker plans reject {number})")


def _size(plan: Plan) -> str:
    return f"{counted(plan.source.users, 'user', 'users')} in {plan.source.document}"

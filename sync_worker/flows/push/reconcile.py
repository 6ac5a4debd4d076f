"""What `run` does after it has read: plan towards the desired state, and with `auto` carry the plan out."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sync_worker.desired.document import named
from sync_worker.desired.entries import Terms
from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan, fingerprint
from sync_worker.errors import ConfigError
from sync_worker.exitcodes import DONE, IMPLAUSIBLE, IN_PART, WITHHELD, worst
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.push.apply import ApplyRequest
from sync_worker.flows.push.carryout import CarriedOut, Showing, carry_out
from sync_worker.flows.push.planning import PlanRequest, make_plan
from sync_worker.flows.push.saving import note_comparison, save_plan
from sync_worker.flows.push.weighing import weigh_new
from sync_worker.flows.rooms import Opened, open_rooms
from sync_worker.flows.stop import Stop
from sync_worker.flows.waiting.persistent import persistently, reach
from sync_worker.mirror import plans
from sync_worker.settings import Instance

UNATTENDED: Final = "run --apply auto"
"""The reason in the journal of what nobody was asked about."""

State: TypeAlias = Literal["off", "implausible", "blocked", "reached", "waiting", "carried out"]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A plan that was made, and how the guards see it."""

    plan: Plan
    ruling: Ruling  # as it stands, with nothing allowed
    number: int | None  # in the table; None: empty, not saved
    failed: int  # users about whom Canvas gave no usable answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What planning and applying after a run came to.

    `state`: off (nobody asked for it), implausible (nothing is planned after such a run), blocked (the guards leave
    nothing of it), reached (nothing to do), waiting (for a person), carried out.
    """

    state: State
    made: Made | None = None
    carried: CarriedOut | None = None

    @property
    def exit_code(self) -> int:
        """Of this part."""
        codes = [IN_PART if self.made and self.made.failed else DONE]
        codes += [WITHHELD] if self.state == "blocked" else []
        codes += [self.carried.exit_code] if self.carried else []
        return worst(codes)


def document_request(instance: Instance, desired: str | None) -> PlanRequest:
    """What to plan where nothing but the document is said; None: the configured one.

    Raises:
        ConfigError: neither names a desired state.
    """
    document = desired or instance.desired.file
    if not document:
        raise ConfigError(
            "no desired state", hint="Name one with --desired FILE, or as desired.file in the configuration"
        )
    return PlanRequest(document=named(document), terms=Terms(), max_age=instance.desired.max_mirror_age)


async def reconcile(opened: Opened, report: RunReport, wishes: Wishes, stop: Stop, showing: Showing) -> Reconciled:
    """Plan, and with `auto` apply, what the desired state asks for.

    Raises:
        SyncWorkerError: it could not be planned.
    """
    instance = opened.settings.instance(report.instance)
    level = wishes.level(instance)
    if level == "off" or report.exit_code == IMPLAUSIBLE:
        return Reconciled(state="off" if level == "off" else "implausible")
    made = await _make(opened, report, wishes, stop, showing)
    if made.number is None:
        return Reconciled(state="blocked" if made.ruling.tripped else "reached", made=made)
    if level != "auto":
        return Reconciled(state="waiting", made=made)
    request = ApplyRequest(plan_id=made.number, plan=made.plan, reason=UNATTENDED, unattended=True)
    carried = await carry_out(opened, request, stop=stop, showing=showing)
    return Reconciled(state="carried out", made=made, carried=carried)


async def _make(opened: Opened, report: RunReport, wishes: Wishes, stop: Stop, showing: Showing) -> Made:
    """Plan, and save what is not empty; again after an absence of the database."""
    instance = opened.settings.instance(report.instance)
    progress = Progress(instance=instance.name, run_id=report.run_id)
    async with (
        open_rooms(opened.settings, opened.database, instance.name, opened.clock) as rooms,
        showing(progress, rooms),
    ):

        async def make() -> tuple[Plan, int | None]:
            await reach(rooms, progress)
            plan = await make_plan(rooms, document_request(instance, wishes.desired), progress)
            return plan, await _kept(opened, instance, plan)

        plan, number = await persistently(rooms, stop, progress, make)
    return Made(plan=plan, ruling=weigh_new(plan, instance.guards), number=number, failed=progress.failed)


async def _kept(opened: Opened, instance: Instance, plan: Plan) -> int | None:
    """The number of the plan, None where nothing differs; one that waits already and says the same stays as it is."""
    number = None
    if not plan.empty:
        number = await plans.waiting_same(opened.database, opened.clock, instance.name, fingerprint(plan))
    if number is None and not plan.empty:
        number = await save_plan(opened.database, instance, plan, whole=True)
    else:
        await note_comparison(opened.database, plan, number)
    if number is not None or not plan.source.unresolved:
        await plans.supersede(opened.database, opened.clock, instance.name, plan.source.document, number)
    return number

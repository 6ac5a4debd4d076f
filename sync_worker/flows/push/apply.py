"""`apply`: carry out a saved plan, never more than it says.

Under the instance's lock: look after actions with an unknown outcome, weigh what is left of the plan against the
guards, try one create alone, then go through the users, a few at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Final

from sync_worker.desired.diff import Kind
from sync_worker.desired.guards import Allowances, Rules, Ruling
from sync_worker.desired.plan import Plan
from sync_worker.desired.render.words import why_withheld
from sync_worker.errors import PlanError, Stopped
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.canvas import bind_to_canvas, outage_watch, reader, token_owner
from sync_worker.flows.pull.record import Recorder
from sync_worker.flows.pull.recorded import recorded
from sync_worker.flows.pull.recovery import UNKNOWN, Recovered, recover
from sync_worker.flows.push.acting import Actor, Before, Task
from sync_worker.flows.push.applied import ApplyReport, findings
from sync_worker.flows.push.caution import Caution
from sync_worker.flows.push.ending import Ending
from sync_worker.flows.push.sofar import SoFar
from sync_worker.flows.push.weighing import Case, Left, limits, what_is_left
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from sync_worker.flows.waiting.outage import OutageWatch
from sync_worker.flows.waiting.persistent import begin, persistently
from sync_worker.flows.watch import watched
from sync_worker.mirror.actions import (
    IN_DOUBT,
    Aside,
    Author,
    NewAction,
    Status,
    actions_of_plan,
    betrayed_at,
    done_since,
)
from sync_worker.mirror.forgotten import forgotten
from sync_worker.mirror.journal import Journal
from sync_worker.mirror.lock import Writer, writing
from sync_worker.mirror.runs import Run, RunRequest
from sync_worker.mirror.unknown import LATE_EFFECT

WRITERS: Final = 8
"""Users that are worked on together: what goes wrong is noticed before it has gone wrong for many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyRequest:
    """What to carry out, and what a person allows for it."""

    plan_id: int
    plan: Plan
    allowances: Allowances = field(default_factory=Allowances)
    limit: int | None = None  # users at most
    only: Kind | None = None
    reason: str | None = None
    unattended: bool = False  # nobody was asked
    kind: str = "apply"  # of the run: apply, undo, channels


async def apply(rooms: Rooms, request: ApplyRequest, *, stop: Stop, progress: Progress) -> ApplyReport:
    """Carry out what is left of a saved plan.

    Args:
        rooms: of the plan's instance, with the token for writing.
        request: what, and how much of it.
        stop: asked between two calls.
        progress: is counted up.

    Raises:
        PlanError: the plan is of another Canvas, has expired, or was applied or rejected meanwhile.
        LockHeld, WrongCanvas, TokenRefused, Unreachable, Stopped: as for a run; the same plan goes on later.
    """
    _check_origin(rooms, request.plan)
    sofar = SoFar(caution=Caution(rooms.instance.guards.max_failures))
    start = partial(_start, rooms, request, sofar, stop=stop, progress=progress)
    return await persistently(rooms, stop, progress, start)


async def _start(rooms: Rooms, request: ApplyRequest, sofar: SoFar, *, stop: Stop, progress: Progress) -> ApplyReport:
    command = f"{request.kind} {request.plan_id}"
    outage = outage_watch(rooms, progress)
    async with writing(rooms.database, rooms.instance.name, command, rooms.clock) as writer:
        async with watched(rooms, writer, stop):
            await bind_to_canvas(rooms, writer, outage if sofar.run else None)
        await _check_people(rooms, request)

        async def body(run: Run, recorder: Recorder) -> ApplyReport:
            sofar.run = run
            begin(progress, run.id)
            return await _Apply(rooms, request, sofar, writer, outage, progress).run(run, recorder, stop)

        return await recorded(rooms, writer, stop, _run_request(rooms, request), body, sofar.run)


def _check_origin(rooms: Rooms, plan: Plan) -> None:
    if plan.origin != rooms.instance.origin or plan.instance != rooms.instance.name:
        raise PlanError(
            f"the plan is for {plan.instance} at {plan.origin}",
            where=f"{rooms.instance.name} at {rooms.instance.origin}",
            hint="Make a new one",
        )


async def _check_people(rooms: Rooms, request: ApplyRequest) -> None:
    """`forget` rejects plans that name the person; one that was being made meanwhile is noticed here."""
    known = await forgotten(rooms.database, rooms.instance.name)
    if known.among(user.diff.desired.user_id for user in request.plan.users):
        hint = f"Make a new one, and run: sync-worker plans reject {request.plan_id}"
        raise PlanError(f"plan {request.plan_id} names somebody who was forgotten meanwhile", hint=hint)


def _run_request(rooms: Rooms, request: ApplyRequest) -> RunRequest:
    return RunRequest(
        kind=request.kind,
        specs=(f"plan:{request.plan_id}",),
        fingerprint="",
        resume_max_age=rooms.settings.database.resume_max_age,
    )


class _Apply:
    """One start of an apply."""

    def __init__(
        self,
        rooms: Rooms,
        request: ApplyRequest,
        sofar: SoFar,
        writer: Writer,
        outage: OutageWatch,
        progress: Progress,
    ) -> None:
        self._rooms = rooms
        self._request = request
        self._sofar = sofar
        self._writer = writer
        self._outage = outage
        self._progress = progress
        self._tally = sofar.tally
        self._caution = sofar.caution

    async def run(self, run: Run, recorder: Recorder, stop: Stop) -> ApplyReport:
        """Settle, weigh, carry out, count."""
        rooms, request, outage = self._rooms, self._request, self._outage
        owner = await token_owner(rooms, outage)
        author = Author(canvas_user_id=owner, reason=request.reason, unattended=request.unattended)
        journal = Journal(self._writer, run, author, rooms.clock)
        recovered = await recover(rooms, journal, reader(rooms, outage))
        for change in recovered.betrayed:
            self._caution.betrayed(change)
        await self._begin(journal, run)
        if run.resumed:
            self._sofar.recall(request.plan, await actions_of_plan(rooms.database, request.plan_id), run)
        await self._tell_given_up(recovered)
        left = await self._mistrust(await self._weigh(run), owner)
        scope = self._sofar.choose(self._tasks(left, recovered), left.ruling, request.limit)
        await self._hold_back(journal, scope, left.ruling)
        tasks = [task for each in scope if (task := _allowed(each, left.ruling)).actions]
        actor = Actor(
            rooms=rooms,
            outage=outage,
            journal=journal,
            rules=Rules(limits=limits(rooms.instance.guards), allowances=request.allowances),
            caution=self._caution,
            tally=self._tally,
            before=await self._before(left),
            ending=(ending := Ending(stop)),
        )
        with rooms.gate.kept_open():
            await self._carry_out(tasks, actor, ending)
            if ending.asked:
                await journal.finish(request.plan_id)  # perhaps nothing is left
                raise Stopped(stop.signum or 0)
        rest = await self._hold_the_rest(journal, tasks)
        halted = self._caution.halted if rest or not self._caution.undecided else None
        return await self._report(journal, left, halted, run, recorder)

    async def _tell_given_up(self, recovered: Recovered) -> None:
        """Actions of this plan that are not sent again, now that their outcome is known."""
        changes = tuple(self._request.plan.changes()) if recovered.settled else ()
        for action in await actions_of_plan(self._rooms.database, self._request.plan_id) if changes else ():
            if action.id in recovered.settled and action.status is Status.SKIPPED:
                self._tally.note(changes[action.ordinal - 1], action.status, action.note, messaged=action.messaged)

    async def _begin(self, journal: Journal, run: Run) -> None:
        actions = [
            NewAction(
                user_id=change.user_id,
                kind=change.kind.value,
                type=change.type,
                address=change.address,
                channel_id=change.channel_id,
                skip_confirmation=change.skip_confirmation,
            )
            for change in self._request.plan.changes()
        ]
        closed = await journal.begin(self._request.plan_id, actions)
        if closed is not None:
            self._sofar.closed += closed
            return
        if not (run.resumed and (await self._weigh(run)).plan.empty):  # else it was on its last commit
            raise PlanError(
                f"plan {self._request.plan_id} may not be carried out any more: it has expired, or was applied or "
                "rejected meanwhile",
                hint="See: sync-worker plans list",
            )

    async def _weigh(self, run: Run) -> Left:
        rooms, request = self._rooms, self._request
        case = Case(plan_id=request.plan_id, plan=request.plan, allowances=request.allowances, run_id=run.id)
        return await what_is_left(rooms.database, case, rooms.instance.guards, rooms.clock.now())

    async def _mistrust(self, left: Left, owner: int | None) -> Left:
        """A token that was seen to send messages although none were to be sent is tried again only if one may go."""
        seen = await betrayed_at(self._rooms.database, self._rooms.instance.name, owner)
        if seen is None or self._request.allowances.max_messages:
            return left
        why = (
            f"on {seen:%Y-%m-%d %H:%M} UTC this token sent a message although none was to be sent; use the token of an "
            f"account administrator, or try it again: sync-worker apply {self._request.plan_id} --max-messages 1"
        )
        creates = {c: why for c in left.plan.changes() if c.kind is Kind.CREATE and c.skip_confirmation}
        return replace(left, ruling=replace(left.ruling, withheld={**left.ruling.withheld, **creates}))

    def _tasks(self, left: Left, recovered: Recovered) -> Iterator[Task]:
        """The users of this apply as they were approved, with their actions; nobody of whom an outcome is unknown."""
        approved = {user.diff.desired.user_id: user for user in self._request.plan.users}
        for user in left.plan.users:
            user_id = user.diff.desired.user_id
            if not self._sofar.concerns(user_id):
                continue
            wanted = {c: left.actions[c] for c in user.diff.changes if self._request.only in {None, c.kind}}
            if user_id not in recovered.users:
                yield Task(user=approved[user_id], actions=wanted)
                continue
            for change, action in wanted.items():
                if action.status in IN_DOUBT:
                    self._tally.note(change, action.status, recovered.why(action), messaged=action.messaged)
                else:
                    self._tally.note(change, Status.PLANNED, UNKNOWN)

    async def _before(self, left: Left) -> Before:
        """What earlier applies have done to the users of this one."""
        database, name, now = self._rooms.database, self._rooms.instance.name, self._rooms.clock.now()
        recent = await done_since(database, name, now - self._rooms.instance.guards.settle_after)
        by_user = {user_id: tuple(group) for user_id, group in groupby(recent, key=attrgetter("user_id"))}
        sent = {action.user_id for action in left.actions.values() if action.sent_at is not None}
        done = await done_since(database, name, now - 2 * LATE_EFFECT, sorted(sent)) if sent else ()
        return Before(recent=by_user, done=done)

    def _tripped(self, ruling: Ruling) -> list[str]:
        """The guards that withhold a kind which this apply is about."""
        return [str(trip) for trip in ruling.tripped if self._request.only in {None, trip.kind}]

    async def _hold_back(self, journal: Journal, scope: tuple[Task, ...], ruling: Ruling) -> None:
        """Write down what the guards withhold from the plan as a whole."""
        held = [(change, action) for task in scope for change, action in task.actions.items()]
        asides = [
            Aside(action=action, status=Status.WITHHELD, note=why_withheld(change, ruling))
            for change, action in held
            if not ruling.allows(change)
        ]
        await journal.set_aside(asides)
        for change, _ in held:
            if not ruling.allows(change):  # what holds for all of a kind is told once, as a guard that tripped
                self._tally.note(change, Status.WITHHELD, ruling.withheld.get(change))

    async def _carry_out(self, tasks: list[Task], actor: Actor, ending: Ending) -> None:
        """First one create that sends no message, alone: it shows whether the token may skip confirmations."""
        self._progress.phase, self._progress.users, self._progress.listed = "applying", len(tasks), True
        trials = iter([task for task in tasks if any(change.skip_confirmation for change in task.of(Kind.CREATE))])
        tried: set[int] = set()
        while not self._caution.proven and self._caution.halted is None and (task := next(trials, None)) is not None:
            await ending.each([partial(self._act, actor, task)])
            tried.add(id(task))
        waiting = iter([task for task in tasks if id(task) not in tried])

        async def work() -> None:
            for task in waiting:
                if self._caution.halted is not None:
                    return
                await self._act(actor, task)

        await ending.each([work] * min(WRITERS, len(tasks)))

    async def _act(self, actor: Actor, task: Task) -> None:
        try:
            await actor.act(task)
            self._progress.done += 1
        finally:
            self._progress.failed = self._tally.wrong
            self._progress.changes = self._tally.number(Status.DONE)

    async def _hold_the_rest(self, journal: Journal, tasks: list[Task]) -> int:
        """What was not begun because the apply stopped by itself is withheld; how many actions that are."""
        why = self._caution.halted
        if why is None:
            return 0
        rest = [(c, a) for task in tasks for c, a in task.actions.items() if not self._tally.has(c)]
        await journal.set_aside([Aside(action=action, status=Status.WITHHELD, note=why) for _, action in rest])
        for change, _ in rest:
            self._tally.note(change, Status.WITHHELD)
        return len(rest)

    async def _report(
        self, journal: Journal, left: Left, halted: str | None, run: Run, recorder: Recorder
    ) -> ApplyReport:
        applied = await journal.finish(self._request.plan_id)
        after = await self._weigh(run)
        journalled = await actions_of_plan(self._rooms.database, self._request.plan_id)
        before = sum(action.status is Status.REFUSED and action.run_id != run.id for action in journalled)
        self._progress.phase = "done"
        traffic = recorder.traffic()
        return ApplyReport(
            instance=self._rooms.instance.name,
            origin=self._rooms.instance.origin,
            kind=self._request.kind,
            run_id=run.id,
            plan_id=self._request.plan_id,
            tally=self._tally,
            findings=(
                *findings(self._tally, self._tripped(left.ruling), halted, before),
                *recorder.canvas_clock(),
            ),
            left=0 if applied else sum(1 for _ in after.plan.changes()),
            requests=traffic.requests,
            refusals=traffic.refusals,
            took=recorder.took(),
            closed=self._sofar.closed,
        )


def _allowed(task: Task, ruling: Ruling) -> Task:
    return replace(task, actions={change: action for change, action in task.actions.items() if ruling.allows(change)})

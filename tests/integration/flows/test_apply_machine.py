"""Plans, applies, undos and crashes in any order, while Canvas changes underneath: what may never happen does not.

What was written is judged at the school itself (`witness.py`). `make schedules COUNT=500 SEED=1` plays more of them.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from hypothesis import HealthCheck, event, note, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from sync_worker.clock import Clock
from sync_worker.desired.diff import Kind
from sync_worker.desired.plan import totals
from sync_worker.errors import DocumentError, PlanError, Stopped, SyncWorkerError, TokenRefused, UsageError
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.flows.push.saving import load_plan
from sync_worker.flows.push.undo import plan_undo
from sync_worker.flows.stop import Stop
from sync_worker.mirror.clocks import repair_times
from sync_worker.mirror.lock import writing
from sync_worker.sandbox import Fault, Role
from sync_worker.sandbox.lag import LateCalls
from sync_worker.sandbox.world import Call
from tests.conftest import Cluster
from tests.integration.flows.carrying_out import GENEROUS as NO_GUARDS
from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.desire import FRESH, Desire
from tests.integration.flows.forks import FORK
from tests.integration.flows.happenings import ADDRESSES, Happening, happen, happenings, own_address
from tests.integration.flows.harness import quick, staged
from tests.integration.flows.stepping import Countdown, Order, carry_out, dying, stepping
from tests.integration.flows.witness import InHand, Witness
from tests.sampling import examples
from tests.stepping_clock import SteppingCanvasClock, SteppingClock

T = TypeVar("T")


@dataclass(kw_only=True)
class HeldCalls(LateCalls):
    """What a gateway holds back, and somebody is told of it."""

    tell: Callable[[Call], None]

    @override
    def add(self, call: Call, seconds: float) -> None:
        self.tell(call)
        super().add(call, seconds)


COUNT = int(os.environ.get("SCHEDULES", "0"))  # make schedules; 0: sixty in make test-all, six in make test
SEED = int(os.environ.get("SCHEDULES_SEED", "7"))
PARTS = 3  # side by side
STEPS = 15
USERS = 4  # beside the owner of the token
PHONE = "+1 555 0100"
SETTLE = {"settle_after": "10m"}
LOST = ("close", "reset_after", "status", "cut", "truncated_json", "html", "empty")

# --- what is drawn --------------------------------------------------------------------------------------

WHO = st.integers(0, USERS - 1)
WISHES = st.sampled_from(["present", "present", "Present", "ask", "absent"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a document says about one user."""

    by: str  # id, sis
    mode: str
    manage: str
    wishes: dict[str, str]  # by address


ENTRIES = st.builds(
    Entry,
    by=st.sampled_from(["id", "sis"]),
    mode=st.sampled_from(["add", "exact"]),
    manage=st.sampled_from(["[email]", "[email]", "[email, sms]"]),
    wishes=st.dictionaries(st.sampled_from((*ADDRESSES, PHONE)), WISHES, min_size=1, max_size=3),
)
DOCUMENTS = st.dictionaries(WHO, ENTRIES, min_size=1, max_size=USERS)
WRITES = st.builds(
    Fault,
    route=st.sampled_from(["create", "delete"]),
    kind=st.sampled_from([*LOST, "unauthorized"]),
    status=st.sampled_from([500, 400]),
    body=st.just('{"errors":{}}'),
    first=st.sampled_from([1, 1, 2, 3]),
    times=st.integers(1, 3),
)
LATE = st.builds(
    Fault,
    route=st.sampled_from(["create", "delete"]),
    kind=st.just("late"),
    status=st.sampled_from([500, 502, 504]),  # no clear rejection: that is final
    seconds=st.sampled_from([0.0, 300.0, 3 * 3600.0]),
    first=st.sampled_from([1, 1, 2, 3]),
    times=st.integers(1, 3),
)
READS = st.builds(
    Fault,
    route=st.sampled_from(["list_channels", "list_channels", "get_user"]),
    kind=st.sampled_from(["status", "close", "unauthorized", "truncated_json", "stale", "stale"]),
    seconds=st.just(300.0),  # that a replica lags
    first=st.integers(1, 8),
    times=st.integers(1, 4),
)
FAULTS: st.SearchStrategy[list[Fault]] = st.one_of(
    st.just([]),
    st.lists(st.one_of(WRITES, LATE, READS), min_size=1, max_size=3),
    st.lists(WRITES, min_size=1, max_size=3),
)
FEW = st.sampled_from([0, 1, 2, 100])
GUARDS = st.one_of(
    st.just(NO_GUARDS | {"max_messages": 100, "max_deletes_per_user": 100}),
    st.fixed_dictionaries(
        {
            "max_creates": FEW,
            "max_deletes": FEW,
            "max_delete_percent": st.just(100.0),
            "max_deletes_per_user": st.integers(1, 3),
            "max_messages": st.integers(0, 2),
            "keep_last_email": st.booleans(),
            "protect": st.sampled_from([(), ("*@keep.example",)]),
            "max_failures": st.sampled_from([0, 2, 10]),
        }
    ),
)
MOSTLY = st.sampled_from([True, True, True, False])
ALLOWANCES = st.fixed_dictionaries(
    {"default_change": MOSTLY, "empty": MOSTLY},
    optional={
        "max_messages": st.integers(0, 3),
        "expect_deletes": st.integers(0, 3),
        "expect_creates": st.integers(0, 3),
    },
)
FATES = st.sampled_from(["none", "none", "none", "kill", "kill", "cancel", "stop", "cut", "revoke", "meddle"])
HAPPENINGS = happenings(USERS)
HOURS = st.sampled_from([-30, -1, 0, 0, 1, 30])  # that a clock is ahead


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """How an apply is started, and what befalls it."""

    guards: dict[str, Any]
    allow: dict[str, Any]
    limit: int | None
    only: Kind | None
    unattended: bool
    weak: bool  # the token may not skip confirmations
    faults: list[Fault]
    fate: str
    step: int
    happening: Happening


CIRCUMSTANCES = st.builds(
    Circumstances,
    guards=GUARDS,
    allow=ALLOWANCES,
    limit=st.sampled_from([None, None, 1, 2]),
    only=st.sampled_from([None, None, None, Kind.CREATE, Kind.DELETE]),
    unattended=st.booleans(),
    weak=st.sampled_from([False, False, False, True]),
    faults=FAULTS,
    fate=FATES,
    step=st.integers(3, 45),
    happening=HAPPENINGS,
)
ALL = {"default_change": True, "empty": True, "max_messages": 100, "expect_deletes": None, "expect_creates": None}
KINDLY = Circumstances(
    guards=NO_GUARDS | {"max_messages": 100, "max_deletes_per_user": 100, "keep_last_email": False},
    allow=ALL,
    limit=None,
    only=None,
    unattended=False,
    weak=False,
    faults=[],
    fate="none",
    step=0,
    happening=Happening(what="create", who=0, which=0),
)


# --- the machine ----------------------------------------------------------------------------------------


class Machine(RuleBasedStateMachine):
    """One school, one mirror, and everything that may come between them."""

    cluster: Cluster
    template: str
    applies: Counter[str]  # of all examples, by what befell them

    # --- life

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self.closing = ExitStack()
        self.room = AsyncExitStack()
        self.plans: list[int] = []
        self.kinds: dict[int, str] = {}
        self.runs: list[int] = []
        self.complete = True  # the undo that was planned last left nobody out

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, on the loop of this example."""
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        """A small school, mirrored."""
        self.closing.enter_context(self.runner)
        folder = self.closing.enter_context(tempfile.TemporaryDirectory())
        self.do(self._begin(Path(folder)))

    async def _begin(self, folder: Path) -> None:
        self.name = f"machine_{next(self.cluster.numbers)}"
        await self._admin(f"CREATE DATABASE {self.name} TEMPLATE {self.template}")
        self.room.push_async_callback(self._admin, f"DROP DATABASE {self.name} WITH (FORCE)")
        url = self.cluster.server.dsn(self.name)
        self.clock = SteppingClock()
        canvas_clock = SteppingCanvasClock(self.clock)
        stage = await self.room.enter_async_context(
            staged(url, options=quick(users=USERS + 1), canvas_clock=canvas_clock, clock=self.clock)
        )
        stage.instance["guards"] = dict(SETTLE)
        stage.limits = replace(
            stage.limits, max_tombstone_percent=100.0, min_listing_percent=0.0, min_coverage_percent=0.0
        )
        self.stage, self.school = stage, stage.school
        self.users = stage.ids[1:]
        stage.sandbox.add_token("weak", role=Role.SUPPORT)
        for user in self.users:
            self.school.create(user, "email", "a@x.example", confirmed=user % 2 == 0)
            self.school.create(user, "push", "device")
        await stage.run()
        self.applying = Applying(stage=stage, desire=Desire(stage=stage, folder=folder))
        self.witness = Witness(self.school)
        self.before = self._facts()
        stage.sandbox._exchange._late = HeldCalls(clock=canvas_clock, tell=self.witness.hold)
        self.room.enter_context(self.witness.seeing())

    async def _admin(self, command: str) -> None:
        connection = await asyncpg.connect(self.cluster.server.dsn("postgres"))
        try:
            await connection.execute(command)
        finally:
            await connection.close()

    @override
    def teardown(self) -> None:
        """The quiet end, and then the lights go out."""
        try:
            if hasattr(self, "witness"):
                self.do(self._calm_end())
        finally:
            if hasattr(self, "name"):
                self.do(self.room.aclose())
            self.closing.close()

    async def _calm_end(self) -> None:
        """After undisturbed runs nothing is unknown, the mirror is the school, and everything of ours can be undone."""
        self._calm()
        self.stage.sandbox.carry_out_late()
        await self._mend_the_clock()
        for _ in range(2):
            self.clock.step(minutes=11)
            await self.stage.run()
        self.clock.step(minutes=11)
        report = await self.stage.run()
        assert report.exit_code == 0, report.findings
        await self.stage.assert_equal()
        await self._check_nothing_forgotten()
        await self._undo_everything()

    async def _mend_the_clock(self) -> None:
        """It is right again; what it has written wrong is repaired as the finding says, where it is in the future."""
        self.clock.error = self.clock.canvas_error = timedelta()
        async with (
            self.stage.rooms() as rooms,
            writing(rooms.database, "main", "db repair-times", rooms.clock) as writer,
        ):
            await repair_times(writer, rooms.clock)

    async def _check_nothing_forgotten(self) -> None:
        """What was done at the school, and not changed by somebody else since, is in the journal as ours."""
        statuses = {row["status"] for row in await self.applying.actions()}
        assert not statuses & {"started", "uncertain"}, statuses
        last = {(e.change.user_id, e.change.key): e for e in self.witness.effects}
        for effect in last.values():
            if self.witness.after(effect.change.user_id):
                found = await self.stage.value(
                    "SELECT count(*) FROM worker.actions WHERE plan_id = $1 AND user_id = $2 AND kind = $3"
                    " AND type = $4 AND folded_address = $5 AND status = 'done'",
                    effect.plan_id, effect.change.user_id, effect.change.kind.value, *effect.change.key,
                )  # fmt: skip
                assert found, f"{effect} is not in the journal"

    async def _undo_everything(self) -> None:
        """Run by run, the last one first: whom nobody else has touched has the channels of the beginning."""
        rows = await self.stage.fetch(
            "SELECT DISTINCT run_id FROM worker.actions WHERE status = 'done' ORDER BY 1 DESC"
        )
        for row in rows:
            number = await self._plan_undo(row["run_id"])
            assert self.complete
            report = None if number is None else await self._apply(number, KINDLY)
            assert report is None or report.exit_code in {0, 3, 4}, report.findings
            if report is not None and report.exit_code == 4:  # users who are gone: a guard blocks the other deletes
                event("a guard blocked an undo")
                return
        touched = self.witness.disturbed
        now = [fact for fact in self._facts() if fact[1] not in touched]
        assert now == [fact for fact in self.before if fact[1] not in touched]
        event("undid everything")

    def _calm(self) -> None:
        sandbox = self.stage.sandbox
        sandbox.clear_faults()
        for token in (sandbox.token, "weak"):
            sandbox.tokens.renew(token)
        self.stage.instance.pop("token", None)

    # --- Canvas changes

    @rule(happening=HAPPENINGS)
    def canvas_changes(self, happening: Happening) -> None:
        """A person, an import or a gateway is at work."""
        self._happen(happening)

    def _happen(self, happening: Happening) -> None:
        happen(self.school, self.users, happening, self.witness.disturb)

    @rule(minutes=st.sampled_from([1, 11, 11, 30, 600]))
    def time_passes(self, minutes: int) -> None:
        """For Canvas, too: what a gateway holds back may come."""
        self.clock.step(minutes=minutes)

    @rule(ours=HOURS, theirs=HOURS)
    def clock_steps(self, ours: int, theirs: int) -> None:
        """The clock of worker and database (all times in SQL are the worker's) and Canvas's are set wrong or right."""
        self.clock.error, self.clock.canvas_error = timedelta(hours=ours), timedelta(hours=theirs)

    @rule()
    def late_requests_arrive(self) -> None:
        """All that a gateway holds back."""
        self.stage.sandbox.carry_out_late()

    # --- planning

    @rule(document=DOCUMENTS, mirror_first=st.booleans())
    def plan(self, document: dict[int, Entry], mirror_first: bool) -> None:  # noqa: FBT001  (drawn)
        """A document is planned and saved."""
        self.do(self._plan(document, mirror_first=mirror_first))

    async def _plan(self, document: dict[int, Entry], *, mirror_first: bool = False) -> int | None:
        path = self.applying.desire.yaml("".join(self._said(who, entry) for who, entry in document.items()))
        try:
            plan = await self.applying.desire.plan(path, max_age=FRESH if mirror_first else None)
        except DocumentError:  # two names for one person
            return None
        counts = totals(plan)
        event(f"planned {min(counts.creates, 3)} creates, {min(counts.deletes, 3)} deletes")
        return await self._save(plan, "document")

    async def _save(self, plan: Any, kind: str) -> int:
        number = await self.applying.save(plan, kind)
        self.plans.append(number)
        self.kinds[number] = "apply" if kind == "document" else kind
        return number

    def _said(self, who: int, entry: Entry) -> str:
        user = self.users[who]
        sis = self.school.users[user].sis_user_id
        name = f"sis:{sis}" if entry.by == "sis" and sis else str(user)
        lines = [f"  - user: {name}", f"    mode: {entry.mode}", f"    manage: {entry.manage}"]
        for head, wanted in (("channels", {"present", "Present", "ask"}), ("absent", {"absent"})):
            wishes = [self._wish(address, wish, user) for address, wish in entry.wishes.items() if wish in wanted]
            lines += [f"    {head}:", *wishes] if wishes else []
        return "\n".join(lines) + "\n"

    def _wish(self, name: str, wish: str, user: int) -> str:
        address = own_address(name, user)
        address = address.upper() if wish == "Present" else address
        kind = "sms" if name == PHONE else "email"
        skip = ", skip_confirmation: false" if wish == "ask" else ""
        return f'      - {{type: {kind}, address: "{address}"{skip}}}'

    # --- applying

    @precondition(lambda self: self.plans)
    @rule(circumstances=CIRCUMSTANCES, back=st.sampled_from([0, 0, 0, 1, 2]))
    def apply(self, circumstances: Circumstances, back: int) -> None:
        """A saved plan is carried out, or some of it."""
        number = self.plans[max(len(self.plans) - 1 - back, 0)]
        self.do(self._apply(number, circumstances))

    @rule(document=DOCUMENTS, between=st.lists(HAPPENINGS, max_size=3), first=CIRCUMSTANCES, again=CIRCUMSTANCES)
    def plan_and_apply(
        self, document: dict[int, Entry], between: list[Happening], first: Circumstances, again: Circumstances
    ) -> None:
        """The usual story: planned, changed meanwhile, applied, and gone on with."""
        number = self.do(self._plan(document))
        for happening in between:
            self._happen(happening)
        if number is not None:
            self.do(self._apply(number, first))
            self.do(self._apply(number, again))

    @precondition(lambda self: self.runs)
    @rule(circumstances=CIRCUMSTANCES, back=st.integers(0, 3))
    def undo(self, circumstances: Circumstances, back: int) -> None:
        """What a run did is taken back."""
        run = self.runs[max(len(self.runs) - 1 - back, 0)]
        number = self.do(self._plan_undo(run))
        if number is not None:
            self.do(self._apply(number, circumstances))

    async def _plan_undo(self, run: int) -> int | None:
        async with self.stage.rooms() as rooms:
            try:
                undoing = await plan_undo(rooms, run, Progress())
            except UsageError:
                return None
        unknown = await self.stage.fetch(
            "SELECT user_id FROM worker.actions WHERE status IN ('started', 'uncertain') AND user_id IN"
            " (SELECT user_id FROM worker.actions WHERE run_id = $1)",
            run,
        )
        assert {row["user_id"] for row in unknown} <= {each.user_id for each in undoing.unsettled}
        self.complete = not undoing.unsettled  # else the command ends with 3
        event("planned an undo")
        return await self._save(undoing.plan, "undo")

    async def _apply(self, number: int, given: Circumstances) -> ApplyReport | None:
        order = Order(
            plan_id=number,
            allow=given.allow,
            limit=given.limit,
            only=given.only,
            unattended=given.unattended,
            kind=self.kinds[number],
        )
        async with self.stage.rooms() as rooms:
            kept = await load_plan(rooms.database, rooms.clock, ("main",), number)
        assert kept is not None
        self.applies[given.fate] += 1
        now = InHand(order=order, plan=kept.plan, guards=given.guards)
        self.witness.begin(now)
        self._calm()
        for fault in given.faults:
            self.stage.sandbox.add_fault(fault)
        self.stage.instance |= {
            "guards": given.guards | SETTLE,
            "token": "weak" if given.weak else self.stage.sandbox.token,
        }
        report = await (self._die(order, given.step) if given.fate == "kill" else self._live(now, given))
        self._calm()
        event(f"{given.fate}: {'no report' if report is None else report.exit_code}")
        self._tell(now, given, report)
        note(f"-> {None if report is None else [f.message for f in report.findings]}, {now.effects}")
        self.witness.check_sums(now)
        await self._check_journal(now, given, report)
        return report

    def _tell(self, now: InHand, given: Circumstances, report: ApplyReport | None) -> None:
        """For the statistics: how much of what can happen does."""
        struck = self.stage.sandbox.counters.faults
        self.stage.sandbox.counters.faults = 0
        for what, happened in (
            ("faults struck", struck > 0),
            ("halted", report is not None and any("stopped" in f.message for f in report.findings)),
            ("messages", any(effect.messages for effect in now.effects)),
            ("weak and mailed", given.weak and any(effect.messages for effect in now.effects)),
            ("effects", bool(now.effects)),
        ):
            if happened:
                event(what)
        for kind, status in report.tally.counts if report is not None else ():
            event(f"{kind} {status}")

    async def _die(self, order: Order, step: int) -> None:
        """In a process of its own, which is killed."""
        sandbox, clock = self.stage.sandbox, Clock()
        arguments = (self.stage.settings(), self.stage.database_url, order, step, self.clock)
        process = FORK.Process(target=dying, args=arguments)
        process.start()
        while process.is_alive():
            await clock.sleep(0.005)
        process.join()
        event(f"killed: {process.exitcode == -9}")
        while sandbox.counters.open or await self._sessions():
            await clock.sleep(0.005)

    async def _sessions(self) -> int:
        """Of the worker; PostgreSQL notices the death of one in a moment."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        number: int = await self.stage.value(query)
        return number

    async def _live(self, now: InHand, given: Circumstances) -> ApplyReport | None:
        stop = Stop()

        async def once() -> ApplyReport:
            async with self.stage.rooms() as rooms:
                deeds = {
                    "cancel": task.cancel,
                    "stop": lambda: stop.request(15),
                    "cut": rooms.database.abandon,
                    "revoke": lambda: self.stage.sandbox.tokens.revoke(self.stage.instance["token"]),
                    "meddle": lambda: self._meddle(now, given.happening),
                    "none": lambda: None,
                }
                what: Any = deeds[given.fate]
                return await carry_out(stepping(rooms, Countdown(given.step, what)), now.order, stop)

        task = asyncio.create_task(once())
        try:
            return await task
        except asyncio.CancelledError:
            assert given.fate == "cancel"
        except PlanError:
            event("plan not carried out any more")
        except (SyncWorkerError, Stopped, TokenRefused) as error:
            event(f"{given.fate} ends with {type(error).__name__}")
            if given.fate not in {"stop", "cut", "revoke"} and not given.faults:
                raise
        return None

    def _meddle(self, now: InHand, happening: Happening) -> None:
        now.meddled = True
        self._happen(happening)

    # --- what the journal says of it

    async def _check_journal(self, now: InHand, given: Circumstances, report: ApplyReport | None) -> None:
        """It agrees with the school; nothing that was started is forgotten."""
        number = now.order.plan_id
        actions = await self.applying.actions(number)
        by_change = dict(zip(now.plan.changes(), actions, strict=bool(actions)))
        known = {"done", "started", "uncertain"}
        for effect in self.witness.effects:
            if effect.plan_id == number and self.witness.after(effect.change.user_id):
                action = by_change[effect.change]
                assert action["status"] in known or action["sent_at"], f"{effect} is {action['status']}"
        deeds = {(e.plan_id, e.change) for e in self.witness.effects}
        for change, action in by_change.items():
            if action["status"] == "done" and (number, change) not in deeds:
                assert now.meddled or self.witness.disturbed.get(change.user_id) is not None, f"{change} was not done"
        if report is None:
            return
        if any(row["run_id"] == report.run_id and row["status"] == "done" for row in actions):
            self.runs.append(report.run_id)
        assert report.tally.messages >= sum(effect.messages for effect in now.effects) or now.meddled
        if not given.faults:
            await self._check_settled(report, now, given)

    async def _check_settled(self, report: ApplyReport, now: InHand, given: Circumstances) -> None:
        """Canvas could be read: nothing is in doubt that a look can settle, and the mirror has what was done."""
        left = Counter(row["status"] for row in await self.applying.actions())
        assert not left["started"], left
        done = {
            row["user_id"]
            for row in await self.applying.actions(now.order.plan_id)
            if row["run_id"] == report.run_id and row["status"] == "done"
        }
        if not now.meddled and not given.weak and not self.witness.holding:
            await self._assert_mirrored(done)

    async def _assert_mirrored(self, users: set[int]) -> None:
        """The mirror has what these users have; what somebody else has taken away waits for a second read."""
        waiting = await self.stage.candidates()
        rows = {number: row for number, row in (await self.stage.rows_of(*users)).items() if number not in waiting}
        assert rows == {number: row for number, row in self.stage.truth().items() if row["user_id"] in users}

    # --- quiet times

    @rule()
    def pull(self) -> None:
        """A run reads everybody."""
        self._calm()
        self.do(self._pull())

    async def _pull(self) -> None:
        report = await self.stage.run()
        left = Counter(row["status"] for row in await self.applying.actions())
        assert not left["started"], left
        assert report.exit_code or not left["uncertain"], "an outcome is unknown, and nobody is told"

    @rule(document=DOCUMENTS, back=st.booleans())
    def there(self, document: dict[int, Entry], back: bool) -> None:  # noqa: FBT001  (drawn)
        """Plan, apply, plan: nothing is left. Apply, undo: the channels are what they were."""
        self.do(self._there(document, back=back))

    async def _there(self, document: dict[int, Entry], *, back: bool) -> None:
        number = await self._plan(document)
        if number is None:
            return
        before = self._facts()
        report = await self._apply(number, KINDLY)
        if report is None or report.exit_code != 0:
            event("not all of it could be done")
            return
        assert report.left == 0
        again = await self.applying.desire.plan(self.applying.desire.folder / "desired.yaml", max_age=None)
        assert again.empty, list(again.changes())
        if back and report.run_id in self.runs:
            await self._back(report.run_id, before)

    async def _back(self, run: int, before: Any) -> None:
        number = await self._plan_undo(run)
        assert number is not None
        report = await self._apply(number, KINDLY)
        assert report is not None
        if report.exit_code == 0 and self.complete:
            event("there and back")
            assert self._facts() == before

    def _facts(self) -> Any:
        return sorted(
            (channel.id, channel.user_id, channel.type, channel.address.lower(), channel.state)
            for user in self.school.users.values()
            for channel in user.live_channels()
        )


@pytest.mark.timeout(max(600, COUNT * 60))
@pytest.mark.parametrize("part", range(PARTS))
def test_what_may_never_happen(cluster: Cluster, migrated: str, part: int) -> None:
    """In any order of plans, applies, undos, changes, late effects, stale reads, clock steps, faults and deaths."""
    applies: Counter[str] = Counter()
    kind = type("ApplyMachine", (Machine,), {"cluster": cluster, "template": migrated, "applies": applies})
    profile = settings(
        max_examples=-(-(COUNT or examples(60, 60, least=6)) // PARTS),
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(SEED * PARTS + part)(kind), settings=profile)
    print(f"part {part}, {profile.max_examples} schedules, {applies.total()} applies: {dict(applies)}")

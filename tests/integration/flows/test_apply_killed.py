"""`kill -9` and SIGTERM at every step of an apply: the same command goes on, and nothing is done twice or forgotten.

One school serves all tests; each takes users of its own from it, and has a database of its own.
"""

import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from sync_worker.clock import Clock
from sync_worker.flows.push.apply import WRITERS
from tests.integration.flows.harness import Row, expected, fetch, live
from tests.integration.flows.processes import Program, SandboxProcess, configured, sandbox_process

FOREVER = 600
"""Seconds: longer than any test lasts."""

Met = Callable[[], Awaitable[bool]]


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Four hundred users, in a process of its own."""
    with sandbox_process(tmp_path_factory.mktemp("school"), 400) as running:
        yield running


@pytest.fixture(scope="module")
def plain(school: SandboxProcess) -> Iterator[int]:
    """Users with nothing special; each is given out once."""
    return iter(school.plain())


@dataclass(kw_only=True)
class Scene:
    """A document over some users, applied by the command line; its plan is the first one of its database."""

    program: Program
    canvas: SandboxProcess
    database_url: str
    plain: Iterator[int]
    creates: set[int] = field(default_factory=set)  # users who are to get new…@x.example
    deletes: dict[int, int] = field(default_factory=dict)  # users who are to lose old…@x.example, and its id

    def creating(self, *, message: bool = False) -> int:
        """A user who is to get an address."""
        user = next(self.plain)
        self.creates.add(user)
        self._write(f"{user},email,new{user}@x.example,present,{str(not message).lower()}")
        return user

    def deleting(self, user: int | None = None) -> int:
        """A user who is to lose an address."""
        user = next(self.plain) if user is None else user
        (made,) = self.canvas.many("POST", "mutate", do="create", user_id=user, kind="email", address=_old(user))
        self.deletes[user] = made["channel_id"]
        self._write(f"{user},email,{_old(user)},absent,")
        return user

    def replacing(self) -> int:
        """A user who is to get one address and then to lose another."""
        return self.deleting(self.creating())

    def plan(self) -> None:
        """Save the plan; the counters begin with its apply."""
        done = self.program.run("plan", "--desired", "desired.csv")
        assert done.returncode == 10, done.stderr
        self.canvas.ask("DELETE", "counters")

    def fault(self, **fields: Any) -> None:
        """Trouble from now on."""
        self.canvas.ask("POST", "faults", **fields)

    def lift(self) -> None:
        """No more trouble; what hangs goes on hanging."""
        self.canvas.ask("DELETE", "faults")

    def go_on(self, *options: str) -> subprocess.CompletedProcess[str]:
        """The same command again, without trouble."""
        done = self.program.run("apply", "1", "--yes", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def _write(self, row: str) -> None:
        path = self.program.folder / "desired.csv"
        if not path.exists():
            path.write_text("user,type,address,state,skip_confirmation\n")
        with path.open("a") as file:
            file.write(f"{row}\n")

    # --- looking

    @property
    def users(self) -> set[int]:
        """Whom the document names."""
        return self.creates | set(self.deletes)

    def struck(self) -> int:
        """Requests that a fault has struck since the plan."""
        return int(self.canvas.ask("GET", "counters")["faults"])

    def calls(self, route: str) -> int:
        """Calls of one route since the plan."""
        return int(self.canvas.ask("GET", "counters")["by_route"].get(route, 0))

    def channels(self) -> list[Row]:
        """The live channels of the document's users."""
        return [channel for channel in self.canvas.many("GET", "channels") if channel["user_id"] in self.users]

    async def actions(self) -> dict[tuple[int, str], Row]:
        """The journal by user and kind."""
        rows = await fetch(self.database_url, "SELECT * FROM worker.actions")
        return {(row["user_id"], row["kind"]): row for row in rows}

    async def statuses(self) -> dict[tuple[int, str], str]:
        """The same, and only what became of them."""
        return {key: row["status"] for key, row in (await self.actions()).items()}

    async def value(self, query: str) -> Any:
        """The one value of a query."""
        (row,) = await fetch(self.database_url, query)
        (found,) = row.values()
        return found

    async def waiting(self) -> int:
        """Sessions that wait for a lock."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        return int(await self.value(query))

    # --- truths

    async def assert_settled(self, attempts: Mapping[tuple[int, str], int]) -> None:
        """Everything is done, once; the mirror has it. `attempts`: how often a call was begun, where not once."""
        actions = await self.actions()
        assert {key: row["status"] for key, row in actions.items()} == dict.fromkeys(actions, "done")
        assert {key: row["attempts"] for key, row in actions.items()} == {**dict.fromkeys(actions, 1), **attempts}
        assert not any(row["messaged"] for row in actions.values())
        assert {user for user, kind in actions if kind == "create"} == self.creates
        assert {user for user, kind in actions if kind == "delete"} == set(self.deletes)
        await self.assert_channels()
        assert self.canvas.ask("GET", "counters")["messages"] == 0
        assert await self.value("SELECT status FROM worker.plans") == "applied"

    async def assert_channels(self) -> None:
        """One live channel for each create, none of those to be deleted, and the same in the mirror."""
        channels = self.channels()
        assert sorted(c["address"] for c in channels if c["address"].startswith("new")) == sorted(
            f"new{user}@x.example" for user in self.creates
        )
        assert {c["workflow_state"] for c in channels} <= {"active"}
        assert not {c["id"] for c in channels} & set(self.deletes.values())
        mirrored = await live(self.database_url)
        assert {i: row for i, row in mirrored.items() if row["user_id"] in self.users} == expected(channels)


def _old(user: int) -> str:
    return f"old{user}@x.example"


@pytest.fixture
def scene(tmp_path: Path, database_url: str, school: SandboxProcess, plain: Iterator[int]) -> Iterator[Scene]:
    """Nothing planned yet, no trouble."""
    program = configured(tmp_path, database_url, school.base_url)
    yield Scene(program=program, canvas=school, database_url=database_url, plain=plain)
    school.ask("DELETE", "faults")


async def killed(scene: Scene, when: Met, *options: str) -> None:
    """Apply the plan, and kill the process as soon as `when` holds."""
    with scene.program.started("apply", "1", "--yes", *options) as running:
        await _until(when, running)
        running.send_signal(signal.SIGKILL)
        assert running.wait(10) == -signal.SIGKILL


async def _until(met: Met, running: subprocess.Popen[str]) -> None:
    deadline = time.perf_counter() + 20
    while not await met():
        assert running.poll() is None, running.communicate()
        assert time.perf_counter() < deadline, "it never came"
        await Clock().sleep(0.02)


@asynccontextmanager
async def locked(scene: Scene, query: str) -> AsyncIterator[None]:
    """Hold the row locks of a query meanwhile."""
    connection = await asyncpg.connect(scene.database_url)
    try:
        async with connection.transaction():
            assert await connection.fetch(query)
            yield
    finally:
        await connection.close()


# --- one moment after the other -------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Party:
    """Users who are all brought to the same moment; one create has gone through before, as always."""

    first: int  # a create, done
    new: int  # at its create
    old: int  # at its delete
    moving: int  # replaces: at its create
    leaving: int  # replaces: at its delete

    def done(self) -> set[tuple[int, str]]:
        """What is over when the moment comes."""
        return {(self.first, "create"), (self.leaving, "create")}

    def at_work(self) -> set[tuple[int, str]]:
        """What is under way."""
        return {
            (self.new, "create"),
            (self.moving, "create"),
            (self.old, "delete"),
            (self.leaving, "delete"),
        }

    def moment(self, statuses: Mapping[tuple[int, str], str]) -> bool:
        """Whether exactly that is so."""
        wanted = dict.fromkeys(self.done(), "done") | dict.fromkeys(self.at_work(), "started")
        return statuses == wanted | {(self.moving, "delete"): "planned"}


@pytest.fixture
def party(scene: Scene) -> Party:
    """A plan for all of them."""
    first, new, old = scene.creating(), scene.creating(), scene.deleting()
    party = Party(first=first, new=new, old=old, moving=scene.replacing(), leaving=scene.replacing())
    scene.plan()
    return party


def at_calls(scene: Scene, party: Party, **fault: Any) -> None:
    """Strike the calls."""
    scene.fault(route="create", user_ids=[party.new, party.moving], **fault)
    scene.fault(route="delete", user_ids=[party.old, party.leaving], **fault)


def at_reads(scene: Scene, party: Party, **fault: Any) -> None:
    """Strike the reads that verify them: the second of each user, the third of whom has had a create before."""
    for user in (party.new, party.moving, party.old):
        scene.fault(route="list_channels", user_ids=[user], first=2, **fault)
    scene.fault(route="list_channels", user_ids=[party.leaving], first=3, **fault)


@pytest.mark.sampled("before the call is carried out")
@pytest.mark.parametrize(
    ("strike", "fault", "carried_out"),
    [
        pytest.param(at_calls, {"kind": "hang", "seconds": FOREVER}, False, id="before the call is carried out"),
        pytest.param(at_calls, {"kind": "drip", "seconds": FOREVER, "size": 1}, True, id="before its answer is read"),
        pytest.param(at_reads, {"kind": "hang", "seconds": FOREVER}, True, id="before the verifying read ends"),
    ],
)
async def test_killed_at_the_calls(
    scene: Scene, party: Party, strike: Any, fault: dict[str, Any], *, carried_out: bool
) -> None:
    """Creates, deletes and replacements: what Canvas has done is found, what it has not done is done, each once."""
    strike(scene, party, **fault)

    async def moment() -> bool:
        return scene.struck() == 4 and party.moment(await scene.statuses())

    await killed(scene, moment)
    scene.lift()
    addresses = {channel["address"] for channel in scene.channels()}
    assert (f"new{party.new}@x.example" in addresses) is carried_out
    assert (_old(party.leaving) not in addresses) is carried_out
    scene.go_on()
    await scene.assert_settled({} if carried_out else dict.fromkeys(party.at_work(), 2))
    assert (scene.calls("create"), scene.calls("delete")) == ((4, 3) if carried_out else (6, 5))


@pytest.mark.long
async def test_killed_before_the_closing_commit(scene: Scene, party: Party) -> None:
    """The read has shown it, the transaction that would say so waits for its fence: nothing of it is written."""
    at_reads(scene, party, kind="hang", seconds=2)

    async def moment() -> bool:
        return scene.struck() == 4

    async def at_the_fence() -> bool:
        return await scene.waiting() >= 2

    with scene.program.started("apply", "1", "--yes") as running:
        await _until(moment, running)
        async with locked(scene, "SELECT FROM worker.instances FOR UPDATE"):
            assert party.moment(await scene.statuses())
            await _until(at_the_fence, running)
            running.send_signal(signal.SIGKILL)
            assert running.wait(10) == -signal.SIGKILL
    assert party.moment(await scene.statuses())
    scene.lift()
    scene.go_on()
    await scene.assert_settled({})
    assert (scene.calls("create"), scene.calls("delete")) == (4, 3)
    assert scene.program.run("plan", "--desired", "desired.csv").returncode == 0


@pytest.mark.long
async def test_killed_between_two_actions_of_a_user(scene: Scene) -> None:
    """The replacement is there and closed, the old address still waits: it is deleted by the next apply."""
    user = scene.replacing()
    scene.plan()
    scene.fault(route="list_channels", user_ids=[user], first=2, kind="hang", seconds=1)

    async def verifying() -> bool:
        return scene.struck() == 1

    async def between() -> bool:
        return await scene.waiting() == 1 and (await scene.statuses())[user, "create"] == "done"

    with scene.program.started("apply", "1", "--yes") as running:
        await _until(verifying, running)
        async with locked(scene, "SELECT FROM worker.actions WHERE kind = 'delete' FOR UPDATE"):
            await _until(between, running)
            running.send_signal(signal.SIGKILL)
            assert running.wait(10) == -signal.SIGKILL
    assert await scene.statuses() == {(user, "create"): "done", (user, "delete"): "planned"}
    assert scene.calls("delete") == 0
    scene.lift()
    scene.go_on()
    await scene.assert_settled({})
    assert (scene.calls("create"), scene.calls("delete")) == (1, 1)


@pytest.mark.long
async def test_in_doubt_and_not_to_be_read(scene: Scene) -> None:
    """What cannot be looked at is not sent again: exit 3, and it is said; the others go on, and it counts once."""
    users = sorted(scene.creating() for _ in range(3))
    scene.plan()
    with (scene.program.folder / "c.toml").open("a") as file:
        file.write("[guards]\nmax_creates = 3\n")
    scene.fault(route="create", user_ids=users[1:], kind="hang", seconds=FOREVER)

    async def sent() -> bool:
        return scene.struck() == 2

    await killed(scene, sent)
    scene.lift()
    scene.fault(route="list_channels", user_ids=[users[1]], status=500)
    part = scene.program.run("apply", "1", "--yes")
    assert part.returncode == 3
    assert "  creates   1 done, 1 with an unknown outcome\n  left      1 action;" in part.stdout
    assert (
        "  ! 1 action with an unknown outcome: the process that sent it was interrupted; the user cannot be read: "
        in part.stdout
    )
    assert scene.calls("create") == 4
    scene.lift()
    scene.go_on()
    await scene.assert_settled({(user, "create"): 2 for user in users[1:]})


@pytest.mark.long
async def test_killed_again_and_again(scene: Scene) -> None:
    """Wherever it happens to be: some are done, some in doubt, some not begun; at the end everything is done once."""
    for _ in range(6):
        scene.creating()
        scene.deleting()
        scene.replacing()
    scene.plan()
    scene.fault(kind="hang", seconds=0.2)
    for process in (1, 2):

        async def in_the_middle(process: int = process) -> bool:
            rows = list((await scene.actions()).values())
            runs = sorted({row["run_id"] for row in rows if row["run_id"] is not None})
            done = [row for row in rows if row["run_id"] == runs[-1] and row["status"] == "done"] if runs else []
            return len(runs) == process and len(done) >= 3 and any(row["status"] == "started" for row in rows)

        await killed(scene, in_the_middle)
        assert "an apply was interrupted and not gone on with: plan 1" in scene.program.run("check").stdout
        assert f"{process:>6}  apply  killed, go on with: sync-worker apply 1" in scene.program.run("status").stdout
    scene.lift()
    scene.go_on()
    actions = await scene.actions()
    again = {key: row["attempts"] for key, row in actions.items() if row["attempts"] > 1}
    await scene.assert_settled(again)
    assert len(again) <= 2 * WRITERS
    for kind in ("create", "delete"):
        assert scene.calls(kind) <= sum(row["attempts"] for row in actions.values() if row["kind"] == kind)
    assert len({row["run_id"] for row in actions.values()}) == 3
    assert "interrupted" not in scene.program.run("check").stdout
    assert "go on with" not in scene.program.run("status").stdout


async def test_undo_of_a_killed_apply(scene: Scene) -> None:
    """What the killed process did is its run's, also where only the next apply found out: undo takes it back."""
    user, other = sorted((scene.replacing(), scene.creating()))
    scene.plan()
    scene.fault(route="delete", kind="drip", seconds=FOREVER, size=1)

    async def executed() -> bool:
        return scene.struck() == 1

    await killed(scene, executed, "--limit", "1")
    scene.lift()
    scene.go_on()
    runs = {key: row["run_id"] for key, row in (await scene.actions()).items()}
    assert runs == {(user, "create"): 1, (user, "delete"): 1, (other, "create"): 2}
    undone = scene.program.run("undo", "1", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert {c["id"] for c in scene.channels()} >= set(scene.deletes.values())
    assert [c["address"] for c in scene.channels() if c["address"].startswith("new")] == [f"new{other}@x.example"]


# --- calls that are carried out late --------------------------------------------------------------------


@pytest.mark.long
async def test_calls_that_are_carried_out_after_the_kill(scene: Scene) -> None:
    """Canvas carries four POSTs out when the next apply has looked already: each user has one channel.

    One comes after the next apply's own create, one before it, one between its two reads: each counts as ours, so
    that it can be undone. The fourth was to send a message: it is not sent again, and the person is mailed once.
    The others go on although that message counts.
    """
    scene.creating()
    after, before, between, mailed = (scene.creating(message=number == 3) for number in range(4))
    late = [after, before, between, mailed]
    scene.plan()
    scene.fault(route="create", user_ids=late, kind="hang", seconds=12)

    async def sent() -> bool:
        return scene.struck() == 4

    await killed(scene, sent, "--max-messages", "1")
    scene.lift()
    scene.fault(route="create", user_ids=[before], kind="hang", seconds=12)
    scene.fault(route="list_channels", user_ids=[between], first=3, last=3, kind="hang", seconds=12)
    looked: list[int] = []

    async def own_create_is_there() -> bool:
        looked[:] = [c["user_id"] for c in scene.channels() if c["address"].startswith("new") and c["user_id"] in late]
        return bool(looked)

    with scene.program.started("apply", "1", "--yes") as running:
        await _until(own_create_is_there, running)
        assert looked == [after]  # nothing of the killed process is carried out yet
        out, err = running.communicate(timeout=90)
    assert running.returncode == 3, out + err
    assert "1 action skipped as stale: two reads did not find it; it is not sent again" in out
    statuses = await scene.statuses()
    assert [statuses[user, "create"] for user in late] == ["done", "done", "done", "skipped"]
    channels = [c for c in scene.channels() if c["address"].startswith("new")]
    assert sorted(c["user_id"] for c in channels) == sorted(scene.creates)
    assert {c["user_id"] for c in channels if c["workflow_state"] != "active"} == {mailed}
    assert scene.canvas.ask("GET", "counters")["messages"] == 1
    assert await scene.value("SELECT status FROM worker.plans") == "applied"
    assert "nothing is left to do" in scene.program.run("apply", "1", "--yes").stderr
    assert scene.calls("create") == 1 + 4 + 2


# --- a gentle end ---------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.sampled("requests come home")
@pytest.mark.parametrize("comes_home", [True, False], ids=["requests come home", "a request hangs"])
async def test_sigterm(scene: Scene, *, comes_home: bool) -> None:
    """143 within the grace period; it says how to go on; the next apply repeats nothing that was carried out."""
    users = [scene.creating() for _ in range(16)]
    scene.plan()
    config = scene.program.folder / "c.toml"
    config.write_text(config.read_text().replace("grace_period = '2s'", "grace_period = '700ms'"))
    if comes_home:
        scene.fault(route="create", kind="hang", seconds=0.15)
    else:
        scene.fault(route="create", user_ids=[max(users)], kind="hang", seconds=FOREVER)

    async def under_way() -> bool:
        statuses = list((await scene.statuses()).values())
        return "done" in statuses and scene.struck() >= (3 if comes_home else 1)

    with scene.program.started("apply", "1", "--yes") as running:
        await _until(under_way, running)
        running.send_signal(signal.SIGTERM)
        asked = time.perf_counter()
        out, err = running.communicate(timeout=10)
        assert time.perf_counter() - asked < 0.7 + 5  # the grace period, and the end of the process on a busy machine
    assert (running.returncode, out) == (143, "")
    said = err.splitlines()[-1]
    assert said.startswith("sync-worker: main: apply run 1 stopped by a signal after ")
    assert " of 16 users: " in said
    assert said.endswith("go on with: sync-worker apply 1, or take it back with: sync-worker undo 1")
    (run,) = await fetch(scene.database_url, "SELECT status, exit_code FROM worker.runs")
    assert run == {"status": "interrupted", "exit_code": 143}
    assert await scene.value("SELECT status FROM worker.plans") == "applying"
    scene.lift()
    scene.go_on()
    assert scene.calls("create") == (16 if comes_home else 17)
    started = {key: row["attempts"] for key, row in (await scene.actions()).items() if row["attempts"] > 1}
    assert len(started) <= WRITERS if comes_home else (max(users), "create") in started
    await scene.assert_settled(started)


@pytest.mark.long
async def test_undo_of_what_is_in_doubt(scene: Scene) -> None:
    """A killed apply that nobody wants to go on with: undo looks first, and takes back what was carried out."""
    scene.creating()
    scene.plan()
    scene.fault(route="create", kind="drip", seconds=FOREVER, size=1)

    async def executed() -> bool:
        return scene.struck() == 1

    await killed(scene, executed)
    scene.lift()
    undone = scene.program.run("undo", "1", "--yes")
    assert undone.returncode == 0, undone.stderr
    assert [c for c in scene.channels() if c["address"].startswith("new")] == []


@pytest.mark.long
async def test_canary_of_a_killed_apply(scene: Scene) -> None:
    """The canary of a killed apply was mailed: the next apply sees that, and mails nobody else; nor do later ones."""
    first = scene.creating()
    scene.creating()
    scene.plan()
    before = scene.canvas.ask("GET", "counters")["messages"]
    scene.canvas.ask("POST", "tokens", do="add", token="weak", role="support", user_id=first)
    (scene.program.folder / "token").write_text("weak")
    scene.fault(route="list_channels", user_ids=[first], first=2, kind="hang", seconds=FOREVER)

    async def mailed() -> bool:
        return scene.struck() == 1

    await killed(scene, mailed)
    scene.lift()
    assert scene.program.run("apply", "1", "--yes").returncode == 4
    later = scene.program.run("apply", "1", "--yes")
    assert later.returncode == 4
    assert "this token sent a message although none was to be sent" in later.stdout
    assert scene.canvas.ask("GET", "counters")["messages"] == before + 1
    assert scene.program.run("apply", "1", "--yes", "--max-messages", "2").returncode == 4  # it may try once more
    assert scene.canvas.ask("GET", "counters")["messages"] == before + 2

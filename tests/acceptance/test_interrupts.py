"""Ctrl-C and SIGTERM while something is written to Canvas, with a Canvas that takes its time.

What was sent is answered, read back and closed within the grace period; no more is begun; the figures of the last line
are those of the journal; the same command goes on.
"""

import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.flows.harness import expected, fetch, live
from tests.integration.flows.processes import Program, SandboxProcess, configured, sandbox_process, wait_until

FOREVER = 600
SLOW = 0.8
"""Seconds for one answer."""

SIGNALS = pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])

FIGURES = re.compile(r"(\d+) actions? done, (\d+) with an unknown outcome, (\d+) not begun")


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Six hundred users, in a process of its own; each test takes some for itself."""
    with sandbox_process(tmp_path_factory.mktemp("canvas"), 600, edit_institution_email=True) as running:
        yield running


@pytest.fixture(scope="module")
def plain(canvas: SandboxProcess) -> Iterator[int]:
    """Users with nothing special; each is given out once."""
    return iter(canvas.plain())


@dataclass(kw_only=True)
class Stage:
    """A program, its Canvas and its journal."""

    program: Program
    canvas: SandboxProcess
    database_url: str
    plain: Iterator[int]

    def users(self, number: int) -> list[int]:
        """So many that no other test has."""
        return [next(self.plain) for _ in range(number)]

    def give(self, *users: int) -> None:
        """Give each an address that is to go."""
        for user in users:
            self.canvas.many("POST", "mutate", do="create", user_id=user, kind="email", address=f"old{user}@x.example")

    def document(self, *, creates: list[int], deletes: list[int] = []) -> None:  # noqa: B006  (never changed)
        """What is wanted."""
        rows = [f"{user},email,new{user}@x.example,present" for user in creates]
        rows += [f"{user},email,old{user}@x.example,absent" for user in deletes]
        text = "\n".join(("user,type,address,state", *rows, ""))
        (self.program.folder / "desired.csv").write_text(text)

    def planned(self, *, creates: list[int], deletes: list[int] = []) -> None:  # noqa: B006  (never changed)
        """A saved plan."""
        self.give(*deletes)
        self.document(creates=creates, deletes=deletes)
        done = self.program.run("plan", "--desired", "desired.csv")
        assert done.returncode == 10, done.stderr

    def fault(self, **fields: Any) -> None:
        """Trouble from now on, and nothing struck yet."""
        self.canvas.ask("DELETE", "counters")
        self.canvas.ask("POST", "faults", **fields)

    def struck(self, number: int = 1) -> Callable[[], bool]:
        """Whether faults have struck so often."""
        return lambda: self.canvas.ask("GET", "counters")["faults"] >= number

    def interrupted(
        self, signum: int, when: Callable[[], bool], *command: str, again: bool = False
    ) -> tuple[subprocess.Popen[str], str, float]:
        """The process that a signal ended, the last thing it said, and how long its end took."""
        with self.program.started(*command) as running:
            wait_until(lambda: running.poll() is not None or when())
            assert running.poll() is None, running.communicate()
            running.send_signal(signum)
            asked = time.perf_counter()
            if again:
                with pytest.raises(subprocess.TimeoutExpired):
                    running.wait(0.5)
                running.send_signal(signum)
            _, err = running.communicate(timeout=60)
        took = time.perf_counter() - asked
        assert running.returncode == 128 + signum, err
        said = [line for line in err.splitlines() if line.startswith("sync-worker: ")]
        return running, said[-1], took

    async def journal(self) -> Counter[str]:
        """Actions of the latest plan by status."""
        query = "SELECT status FROM worker.actions WHERE plan_id = (SELECT max(plan_id) FROM worker.actions)"
        return Counter(row["status"] for row in await fetch(self.database_url, query))

    async def assert_told(self, said: str) -> Counter[str]:
        """The figures are those of the journal, in which nothing is under way; the journal."""
        journal = await self.journal()
        found = FIGURES.search(said)
        assert found is not None, said
        unknown = journal["started"] + journal["uncertain"]
        assert tuple(map(int, found.groups())) == (journal["done"], unknown, journal["planned"])
        return journal

    async def assert_true(self) -> None:
        """Of everybody who was acted on, the mirror has what Canvas has."""
        acted = await fetch(self.database_url, "SELECT DISTINCT user_id FROM worker.actions WHERE status = 'done'")
        users = {row["user_id"] for row in acted}
        truth = [channel for channel in self.canvas.many("GET", "channels") if channel["user_id"] in users]
        mirrored = await live(self.database_url)
        assert {i: row for i, row in mirrored.items() if row["user_id"] in users} == expected(truth)


@pytest.fixture
def stage(tmp_path: Path, database_url: str, canvas: SandboxProcess, plain: Iterator[int]) -> Iterator[Stage]:
    """Without trouble, and with a grace period as users have it."""
    yield Stage(program=program(tmp_path, database_url, canvas), canvas=canvas, database_url=database_url, plain=plain)
    canvas.ask("DELETE", "faults")


def program(folder: Path, database_url: str, canvas: SandboxProcess, grace: str = "20s", instance: str = "") -> Program:
    """The command line."""
    found = configured(folder, database_url, canvas.base_url, instance=instance)
    config = folder / "c.toml"
    config.write_text(config.read_text().replace("grace_period = '2s'", f"grace_period = '{grace}'"))
    return found


@pytest.mark.parametrize(
    ("slow", "signum"),
    [
        pytest.param({"route": "create"}, signal.SIGINT, id="the create"),
        pytest.param({"route": "list_channels", "first": 3}, signal.SIGTERM, id="the reads", marks=pytest.mark.long),
        pytest.param({"route": "*"}, signal.SIGINT, id="everything", marks=pytest.mark.long),
    ],
)
async def test_apply(stage: Stage, slow: dict[str, Any], signum: int) -> None:
    """Some are done, some are not begun, and nothing is in between."""
    users = stage.users(18)
    stage.planned(creates=users[:12], deletes=users[12:])
    stage.fault(kind="hang", seconds=SLOW, **slow)
    done = lambda: stage.canvas.ask("GET", "counters")["by_route"].get("create", 0) >= 4  # noqa: E731
    _, said, took = stage.interrupted(signum, done, "apply", "1", "--yes")
    journal = await stage.assert_told(said)
    assert set(journal) == {"done", "planned"}
    assert took < 8 * SLOW
    assert said.endswith("; go on with: sync-worker apply 1, or take it back with: sync-worker undo 1")
    await stage.assert_true()
    stage.canvas.ask("DELETE", "faults")
    again = stage.program.run("apply", "1", "--yes")
    assert again.returncode == 0, again.stderr
    assert await stage.journal() == {"done": 18}
    attempts = await fetch(stage.database_url, "SELECT DISTINCT attempts FROM worker.actions")
    assert [row["attempts"] for row in attempts] == [1]


@pytest.mark.long
@pytest.mark.parametrize(("route", "signum"), [("delete", signal.SIGTERM), ("list_channels", signal.SIGINT)])
async def test_deletes(stage: Stage, route: str, signum: int) -> None:
    """The same where addresses go."""
    users = stage.users(12)
    stage.planned(creates=[], deletes=users)
    stage.fault(kind="hang", seconds=SLOW, route=route)
    done = lambda: stage.canvas.ask("GET", "counters")["by_route"].get("delete", 0) >= 3  # noqa: E731
    _, said, _ = stage.interrupted(signum, done, "apply", "1", "--yes")
    assert set(await stage.assert_told(said)) == {"done", "planned"}
    await stage.assert_true()
    stage.canvas.ask("DELETE", "faults")
    assert stage.program.run("undo", "1", "--yes").returncode == 0


@pytest.mark.long
@SIGNALS
async def test_undo(stage: Stage, signum: int) -> None:
    """What is taken back is closed too; the command that it names takes back the rest."""
    users = stage.users(16)
    stage.planned(creates=users[:8], deletes=users[8:])
    assert stage.program.run("apply", "1", "--yes").returncode == 0
    stage.fault(kind="hang", seconds=SLOW, route="*")
    deleted = lambda: stage.canvas.ask("GET", "counters")["by_route"].get("delete", 0) >= 2  # noqa: E731
    _, said, _ = stage.interrupted(signum, deleted, "undo", "1", "--yes")
    journal = await stage.assert_told(said)
    assert set(journal) == {"done", "planned"}
    await stage.assert_true()
    stage.canvas.ask("DELETE", "faults")
    assert "sync-worker apply 2" in said
    assert stage.program.run("apply", "2", "--yes").returncode == 0
    assert await stage.journal() == {"done": 16}


@pytest.mark.long
@pytest.mark.parametrize(("slow", "signum"), [("call", signal.SIGINT), ("read", signal.SIGTERM)])
async def test_create_by_hand(stage: Stage, slow: str, signum: int) -> None:
    """The one action is done; nothing is left."""
    (user,) = stage.users(1)
    routes: dict[str, dict[str, Any]] = {
        "call": {"route": "create"},
        "read": {"route": "list_channels", "user_ids": [user], "first": 3},
    }
    stage.fault(kind="hang", seconds=SLOW, **routes[slow])
    _, said, _ = stage.interrupted(signum, stage.struck(), "channels", "create", str(user), "by@x.example", "--yes")
    assert await stage.assert_told(said) == {"done": 1}
    assert said.endswith("1 action done, 0 with an unknown outcome, 0 not begun; nothing is left to do; "
                         "take it back with: sync-worker undo 1")  # fmt: skip
    await stage.assert_true()
    (plan,) = await fetch(stage.database_url, "SELECT status FROM worker.plans")
    assert plan["status"] == "applied"


@pytest.mark.long
@pytest.mark.parametrize(("slow", "signum"), [("call", signal.SIGTERM), ("read", signal.SIGINT)])
async def test_delete_by_hand(stage: Stage, slow: str, signum: int) -> None:
    """The same."""
    (user,) = stage.users(1)
    stage.give(user)
    routes: dict[str, dict[str, Any]] = {
        "call": {"route": "delete"},
        "read": {"route": "list_channels", "user_ids": [user], "first": 3},
    }
    stage.fault(kind="hang", seconds=SLOW, **routes[slow])
    command = ("channels", "delete", str(user), f"old{user}@x.example", "--yes")
    _, said, _ = stage.interrupted(signum, stage.struck(), *command)
    assert await stage.assert_told(said) == {"done": 1}
    await stage.assert_true()


@pytest.mark.long
@SIGNALS
async def test_run_with_apply_auto(stage: Stage, signum: int) -> None:
    """The same where nobody was asked."""
    users = stage.users(12)
    stage.document(creates=users)
    stage.fault(kind="hang", seconds=SLOW, route="create")
    command = ("run", "--users", f"id:{','.join(map(str, users))}", "--desired", "desired.csv", "--apply", "auto")
    _, said, _ = stage.interrupted(signum, stage.struck(4), *command)
    assert set(await stage.assert_told(said)) == {"done", "planned"}
    await stage.assert_true()
    (run,) = await fetch(stage.database_url, "SELECT status, exit_code FROM worker.runs WHERE kind = 'apply'")
    assert run == {"status": "interrupted", "exit_code": 128 + signum}


@pytest.mark.long
async def test_canvas_does_not_answer(stage: Stage, tmp_path: Path, database_url: str) -> None:
    """The grace period ends the wait: the others are closed, this one is unknown, and said so; the next apply looks."""
    users = stage.users(12)
    stage.program = program(tmp_path, database_url, stage.canvas, grace="2s")
    stage.planned(creates=users)
    stage.fault(kind="hang", seconds=FOREVER, route="list_channels", user_ids=[users[4]], first=2)
    stage.canvas.ask("POST", "faults", kind="hang", seconds=0.5, route="create")
    _, said, took = stage.interrupted(signal.SIGTERM, stage.struck(6), "apply", "1", "--yes")
    assert 1.5 < took < 2 + 4
    journal = await stage.assert_told(said)
    assert (journal["started"], set(journal)) == (1, {"done", "started", "planned"})
    assert ". The next run, apply or undo first looks at what has an unknown outcome; go on with: " in said
    stage.canvas.ask("DELETE", "faults")
    assert stage.program.run("apply", "1", "--yes").returncode in {0, 3}


@pytest.mark.long
async def test_no_user_is_waited_for_of_whom_nothing_was_sent(stage: Stage) -> None:
    """Reads before the first call are given up at once."""
    users = stage.users(12)
    stage.planned(creates=users)
    stage.fault(kind="hang", seconds=FOREVER, route="list_channels", user_ids=users[1:])
    _, said, took = stage.interrupted(signal.SIGINT, stage.struck(8), "apply", "1", "--yes")
    assert await stage.assert_told(said) == {"done": 1, "planned": 11}
    assert took < 5


@pytest.mark.long
async def test_a_call_that_was_not_admitted(stage: Stage) -> None:
    """A create that the rate limit refuses was surely not carried out: it is not begun."""
    users = stage.users(6)
    stage.planned(creates=users)
    headers = {"Retry-After": "300"}
    stage.fault(kind="throttle", headers=headers, route="create", user_ids=users[2:4])
    _, said, took = stage.interrupted(signal.SIGTERM, stage.struck(), "apply", "1", "--yes")
    journal = await stage.assert_told(said)
    assert set(journal) <= {"done", "planned"}
    assert journal["planned"] >= 1
    assert took < 5
    await stage.assert_true()


@pytest.mark.long
async def test_a_delete_that_waits_to_be_sent_again(stage: Stage, tmp_path: Path, database_url: str) -> None:
    """It is not sent again, but looked at."""
    users = stage.users(3)
    stage.program = program(tmp_path, database_url, stage.canvas, instance="backoff_max = '60s'")
    config = tmp_path / "c.toml"
    config.write_text(config.read_text().replace("backoff_base = '10ms'", "backoff_base = '60s'"))
    stage.planned(creates=[], deletes=users)
    stage.fault(kind="reset_after", route="delete", user_ids=users[:1])
    _, said, took = stage.interrupted(signal.SIGINT, stage.struck(), "apply", "1", "--yes")
    journal = await stage.assert_told(said)
    assert set(journal) <= {"done", "planned"}
    assert journal["done"] >= 1
    assert took < 5
    await stage.assert_true()


@pytest.mark.long
async def test_asked_twice(stage: Stage) -> None:
    """A second signal does not wait, and what was sent is called unknown."""
    users = stage.users(10)
    stage.planned(creates=users)
    stage.fault(kind="hang", seconds=FOREVER, route="create", user_ids=users[1:])
    _, said, took = stage.interrupted(signal.SIGINT, stage.struck(8), "apply", "1", "--yes", again=True)
    assert took < 5
    assert "unknown outcome" in said
    assert "sync-worker apply 1" in said
    assert (await stage.journal())["started"] == 8

"""`apply`, `undo`, `channels create|delete` and `run --apply` as people and scripts see them."""

import getpass
import json
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import TOKEN, Program, SandboxProcess, configured, sandbox_process, wait_until
from tests.integration.flows.terminal import CTRL_C, CTRL_D, at_terminal

HEAD = "user,type,address,state\n"


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Two hundred and forty users, in a process of its own; each test takes some for itself."""
    with sandbox_process(tmp_path_factory.mktemp("canvas"), 240, edit_institution_email=True) as running:
        yield running


@pytest.fixture(scope="module")
def plain(canvas: SandboxProcess) -> Iterator[int]:
    """Users with nothing special; each is given out once."""
    return iter(canvas.plain())


@dataclass(kw_only=True)
class School:
    """What a test does to the school behind the program's back, and what it looks at there."""

    canvas: SandboxProcess
    plain: Iterator[int]

    def users(self, number: int) -> list[int]:
        """So many that no other test has, in order."""
        return [next(self.plain) for _ in range(number)]

    def add(self, user: int, kind: str = "email", address: str = "") -> int:
        """Give a user one more address; the number of the channel."""
        given = {"user_id": user, "kind": kind, "address": address or f"old{user}@x.example"}
        (made,) = self.canvas.many("POST", "mutate", do="create", **given)
        return int(made["channel_id"])

    def addresses(self, user: int) -> list[str]:
        """The live addresses of a user."""
        return [c["address"] for c in self.canvas.many("GET", "channels") if c["user_id"] == user]

    def fault(self, **fields: Any) -> None:
        """Trouble from now on."""
        self.canvas.ask("POST", "faults", **fields)

    def written(self) -> int:
        """Writing calls since the last look."""
        routes = self.canvas.ask("GET", "counters")["by_route"]
        self.canvas.ask("DELETE", "counters")
        return sum(routes.get(name, 0) for name in ("create", "delete", "delete_by_address", "delete_push"))


@pytest.fixture
def school(canvas: SandboxProcess, plain: Iterator[int]) -> Iterator[School]:
    """Without trouble, with a good token, and with the counters at nothing."""
    canvas.ask("DELETE", "counters")
    yield School(canvas=canvas, plain=plain)
    canvas.ask("DELETE", "faults")
    canvas.ask("POST", "tokens", do="renew", token=TOKEN)


@pytest.fixture
def program(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> Program:
    """The command line, configured for both."""
    return configured(tmp_path, database_url, canvas.base_url)


def document(program: Program, *rows: str) -> None:
    """A CSV."""
    (program.folder / "desired.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows))


def planned(program: Program, *rows: str) -> None:
    """A saved plan; the first one of a test is plan 1."""
    document(program, *rows)
    done = program.run("plan", "--desired", "desired.csv", "--out", "plan.json")
    assert done.returncode == 10, done.stderr


def creates(*users: int) -> list[str]:
    """Rows that give each of these users an address."""
    return [f"{user},email,new{user}@x.example,present" for user in users]


def deletes(school: School, *users: int) -> list[str]:
    """Rows that take an address from each of these users, which they are given first."""
    for user in users:
        school.add(user)
    return [f"{user},email,old{user}@x.example,absent" for user in users]


async def statuses(database_url: str) -> dict[str, int]:
    """The journal in numbers."""
    return dict(Counter(row["status"] for row in await fetch(database_url, "SELECT status FROM worker.actions")))


async def plans(database_url: str) -> list[str]:
    """What became of each plan."""
    return [row["status"] for row in await fetch(database_url, "SELECT status FROM worker.plans ORDER BY id")]


# --- approval -------------------------------------------------------------------------------------------


@pytest.mark.long
async def test_nobody_to_ask(program: Program, school: School, database_url: str) -> None:
    """No terminal and no --yes: exit 2, it says what to add, nothing is written anywhere; with --yes it goes."""
    (user,) = school.users(1)
    planned(program, *creates(user))
    refused = program.run("apply", "1")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == (
        "sync-worker: there is no terminal to ask at, and nothing was done. Add --yes to go on without a question"
    )
    assert school.written() == 0
    assert (await statuses(database_url), await plans(database_url)) == ({}, ["open"])
    done = program.run("apply", "1", "--yes")
    assert (done.returncode, school.written()) == (0, 1)
    assert "sync-worker undo 1" in done.stdout


async def test_the_question(program: Program, school: School, database_url: str, canvas: SandboxProcess) -> None:
    """The plan, then a question with number, host and figures; `yes` goes on, and the summary follows."""
    one, two, three = school.users(3)
    planned(program, *creates(one, two), *deletes(school, three))
    with at_terminal(program, "apply", "1") as terminal:
        terminal.wait_for("to go on: ")
        assert f"+ email  new{one}@x.example" in terminal.screen
        assert f"Carry out plan 1 at {canvas.base_url}? 2 creates, 1 delete. Type `yes` to go on: " in terminal.screen
        assert school.written() == 0
        terminal.type("yes\n")
        assert terminal.end() == 0, terminal.screen
    assert f"main: apply run 1 of plan 1 done ({canvas.base_url})" in terminal.screen
    assert await statuses(database_url) == {"done": 3}
    assert await plans(database_url) == ["applied"]


@pytest.mark.sampled("y")
@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [
        ("y\n", 2, "not approved; nothing was done"),
        ("\n", 2, "not approved; nothing was done"),
        (CTRL_D, 2, "not approved; nothing was done"),
        (CTRL_C, 130, "stopped"),
    ],
    ids=["y", "nothing", "Ctrl-D", "Ctrl-C"],
)
async def test_another_answer(
    program: Program, school: School, database_url: str, keys: str, code: int, said: str
) -> None:
    """Anything but `yes`, and the keys that end programs: nothing is written, the plan still waits."""
    planned(program, *creates(*school.users(1)))
    with at_terminal(program, "apply", "1", "--limit", "1", "--only", "creates") as terminal:
        terminal.wait_for("for the first 1 user, creates only? 1 create, 0 deletes. Type `yes` to go on: ")
        terminal.type(keys)
        assert terminal.end() == code, terminal.screen
    assert said in terminal.screen.rpartition("to go on: ")[2]
    assert school.written() == 0
    assert (await statuses(database_url), await plans(database_url)) == ({}, ["open"])


@pytest.mark.long
async def test_the_question_is_about_the_portion(program: Program, school: School) -> None:
    """With `--limit` and `--only` the plan that is shown and counted is what they leave of it."""
    one, two, three = school.users(3)
    planned(program, *creates(one, two), *deletes(school, two, three))
    with at_terminal(program, "apply", "1", "--limit", "1") as terminal:
        terminal.wait_for("for the first 1 user? 1 create, 0 deletes. Type `yes` to go on: ")
        terminal.type(CTRL_D)
        assert terminal.end() == 2
    assert f"new{one}@x.example" in terminal.screen
    assert f"new{two}@x.example" not in terminal.screen
    with at_terminal(program, "apply", "1", "--limit", "1", "--only", "deletes") as terminal:
        terminal.wait_for("for the first 1 user, deletes only? 0 creates, 1 delete. Type `yes` to go on: ")
        terminal.type(CTRL_D)
        assert terminal.end() == 2
    assert f"old{two}@x.example" in terminal.screen
    assert f"new{two}@x.example" not in terminal.screen
    assert f"old{three}@x.example" not in terminal.screen
    assert school.written() == 0


# --- which plan -----------------------------------------------------------------------------------------


@pytest.mark.long
async def test_a_plan_out_of_a_file(program: Program, school: School, database_url: str) -> None:
    """The file of `plan --out` names the plan that was saved; one that was edited is refused, whatever was edited."""
    (user,) = school.users(1)
    planned(program, *creates(user))
    path = program.folder / "plan.json"
    content = json.loads(path.read_text())
    edited = program.folder / "edited.json"
    edited.write_text(path.read_text().replace(f"new{user}@", f"someone{user}@"))
    refused = program.run("apply", "edited.json", "--yes")
    assert (refused.returncode, "the plan was changed after it was made" in refused.stderr) == (2, True)
    edited.write_text(json.dumps({**content, "made_at": "2027-01-01T00:00:00Z"}))
    assert "this plan was not saved in this database" in program.run("apply", "edited.json", "--yes").stderr
    edited.write_text("{}")
    assert program.run("apply", "edited.json", "--yes").returncode == 2
    assert program.run("apply", "none.json", "--yes").returncode == 2
    assert (school.written(), await statuses(database_url)) == (0, {})
    done = program.run("apply", "plan.json", "--yes")
    assert (done.returncode, "run 1 of plan 1 done" in done.stdout) == (0, True), done.stderr
    assert f"new{user}@x.example" in school.addresses(user)


@pytest.mark.long
async def test_a_plan_whose_time_is_over(program: Program, school: School, database_url: str) -> None:
    """Rejected, expired, not there: exit 2, and it says which; applied: exit 0, for nothing is left to do."""
    users = school.users(4)
    for user in users[:3]:
        planned(program, *creates(user))
    assert program.run("plans", "reject", "1", "--reason", "wrong term").returncode == 0
    await fetch(database_url, "UPDATE worker.plans SET expires_at = now() - interval '1 s' WHERE id = 2 RETURNING 1")
    for number, why in (
        ("1", "UTC): wrong term"),
        ("1", "plan 1 is rejected (20"),
        ("2", "plan 2 is expired (20"),
        ("9", "there is no plan 9"),
    ):
        refused = program.run("apply", number, "--yes")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert why in refused.stderr
    refused = program.run("apply", "foo", "--yes")
    assert refused.returncode == 2
    assert refused.stderr.startswith(
        "sync-worker: foo: the plan cannot be read: No such file or directory. PLAN is the"
    )
    assert "sync-worker plans list" in refused.stderr
    assert (school.written(), await statuses(database_url)) == (0, {})
    assert program.run("apply", "3", "--yes").returncode == 0
    assert school.written() == 1
    again = program.run("apply", "3", "--yes")
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr == "sync-worker: main: plan 3 was applied already; nothing is left to do\n"
    assert school.written() == 0
    assert await plans(database_url) == ["rejected", "expired", "applied"]


# --- guards and portions --------------------------------------------------------------------------------


@pytest.mark.long
async def test_guards(tmp_path: Path, school: School, database_url: str, canvas: SandboxProcess) -> None:
    """Exit 4 with figure, limit and option, the other kind goes on; with that option exit 0."""
    guards = "[guards]\nmax_deletes = 2\nmax_creates = 1\n"
    program = configured(tmp_path, database_url, canvas.base_url, more=guards)
    one, two, *more = school.users(5)
    planned(program, *creates(one), *deletes(school, *more))
    withheld = program.run("apply", "1", "--yes")
    assert withheld.returncode == 4
    assert "all deletes are withheld: 3 deletes (limit guards.max_deletes = 2, option --expect-deletes 3)" in (
        withheld.stdout
    )
    assert "  creates   1 done\n  deletes   3 withheld\n" in withheld.stdout
    assert (
        "  left      3 actions, withheld as said below; where that names an option: sync-worker apply 1 OPTION"
        in withheld.stdout
    )
    assert program.run("apply", "1", "--yes", "--expect-deletes", "4").returncode == 4
    assert school.written() == 1
    allowed = program.run("apply", "1", "--yes", "--expect-deletes", "3")
    assert (allowed.returncode, school.written()) == (0, 3), allowed.stdout
    planned(program, *creates(two, *more))
    assert "all creates are withheld: 4 creates (limit guards.max_creates = 1, option --expect-creates 4)" in (
        program.run("apply", "2", "--yes").stdout
    )
    assert program.run("apply", "2", "--yes", "--expect-creates", "4").returncode == 0
    assert await plans(database_url) == ["applied", "applied"]


@pytest.mark.long
def test_a_message_and_another_default(program: Program, school: School) -> None:
    """Mail to people, and mail that would go elsewhere, wait for their options; --yes is none of them."""
    mailed, moved = school.users(2)
    (old,) = school.addresses(moved)
    yaml = (
        f"version: 1\nusers:\n  - {{user: {mailed}, channels: [{{type: email, address: m@x.example, "
        f"skip_confirmation: false}}]}}\n  - {{user: {moved}, channels: [{{type: email, address: n@x.example}}], "
        f"absent: [{{type: email, address: {old}}}]}}\n"
    )
    (program.folder / "desired.yaml").write_text(yaml)
    assert program.run("plan", "--desired", "desired.yaml").returncode == 10
    held = program.run("apply", "1", "--yes")
    assert (held.returncode, school.written()) == (4, 0)
    assert "1 confirmation message to people (limit guards.max_messages = 0, option --max-messages 1)" in held.stdout
    part = program.run("apply", "1", "--yes", "--max-messages", "1")
    assert (part.returncode, school.written()) == (4, 2)
    assert "  messages  1 person was sent one, or may have been" in part.stdout
    assert "it would change the user's default address (option --allow-default-change)" in part.stdout
    done = program.run("apply", "1", "--yes", "--allow-default-change")
    assert (done.returncode, school.addresses(moved)) == (0, ["n@x.example"]), done.stdout


@pytest.mark.long
async def test_portions(program: Program, school: School, database_url: str) -> None:
    """`--limit`: the first users; `--only`: one kind; the same plan goes on until it is applied."""
    one, two, three = school.users(3)
    planned(program, *creates(one, two), *deletes(school, two, three))
    first = program.run("apply", "1", "--yes", "--limit", "1")
    assert (first.returncode, "  left      3 actions; go on with: sync-worker apply 1" in first.stdout) == (0, True)
    assert f"new{one}@x.example" in school.addresses(one)
    assert f"new{two}@x.example" not in school.addresses(two)
    shown = program.run("plans", "show", "1")
    figures = "creates: 1 done, 1 not yet; deletes: 2 not yet; see them: sync-worker report actions"
    assert shown.stderr.endswith(f"sync-worker: main: done so far of plan 1: {figures}\n")
    assert program.run("apply", "1", "--yes", "--only", "creates").returncode == 0
    assert f"new{two}@x.example" in school.addresses(two)
    assert f"old{three}@x.example" in school.addresses(three)
    assert await plans(database_url) == ["applying"]
    assert program.run("apply", "1", "--yes", "--only", "deletes").returncode == 0
    assert f"old{three}@x.example" not in school.addresses(three)
    assert (await plans(database_url), await statuses(database_url)) == (["applied"], {"done": 4})
    assert program.run("apply", "1", "--yes", "--only", "pushes").returncode == 2
    asked = program.run("undo", "1")
    assert [line for line in asked.stderr.splitlines() if "went on" in line] == [
        f"sync-worker: main: run {later} went on with the same plan later: take that back first "
        f"(sync-worker undo {later})"
        for later in (3, 2)
    ]


@pytest.mark.long
async def test_a_part_fails(program: Program, school: School, database_url: str) -> None:
    """Exit 3: what Canvas refuses is said and not tried again; everybody else is done."""
    one, two = school.users(2)
    planned(program, *creates(one, two))
    school.fault(route="create", user_ids=[two], status=400, body='{"errors":{"path":[]}}')
    part = program.run("apply", "1", "--yes")
    assert part.returncode == 3
    assert "  creates   1 done, 1 refused by Canvas\n" in part.stdout
    assert f"user {two}, create email new{two}@x.example" in part.stdout
    assert await plans(database_url) == ["applied"]
    again = program.run("apply", "1", "--yes")
    assert (again.returncode, school.written()) == (3, 2)
    assert "nothing is left to do; Canvas refused 1 action of it: see sync-worker report actions" in again.stderr


@pytest.mark.long
async def test_a_part_failed_before(program: Program, school: School, database_url: str) -> None:
    """What Canvas refused while an apply was killed is said by the one that goes on, and it is exit 3."""
    one, two, three = school.users(3)
    planned(program, *creates(one, two, three))
    school.fault(route="create", user_ids=[one], status=400, body='{"errors":{"path":[]}}')
    assert program.run("apply", "1", "--yes", "--limit", "1").returncode == 3
    rest = program.run("apply", "1", "--yes", "--expect-creates", "3")
    assert rest.returncode == 3
    assert "  creates   2 done\n" in rest.stdout
    assert (
        "  ! 1 action of the plan was refused by Canvas in an earlier run: see sync-worker report actions"
        in rest.stdout
    )
    assert await plans(database_url) == ["applied"]


# --- who and why ----------------------------------------------------------------------------------------


async def test_the_journal(program: Program, school: School, database_url: str, canvas: SandboxProcess) -> None:
    """Reason, operating-system user, database role, the owner of the token, the run."""
    (user,) = school.users(1)
    planned(program, *creates(user))
    assert program.run("apply", "1", "--yes", "--reason", "new mail domain").returncode == 0
    (action,) = await fetch(database_url, "SELECT * FROM worker.actions")
    owner = next(iter(canvas.many("GET", "users")))["id"]
    assert (action["reason"], action["os_user"]) == ("new mail domain", getpass.getuser())
    assert (action["canvas_user_id"], action["run_id"], action["unattended"]) == (owner, 1, False)
    assert action["database_role"] == "sync_worker"
    (run,) = await fetch(database_url, "SELECT kind, status, exit_code, started_by FROM worker.runs")
    assert run == {"kind": "apply", "status": "done", "exit_code": 0, "started_by": getpass.getuser()}


@pytest.mark.long
async def test_the_token_for_writing(tmp_path: Path, school: School, database_url: str, canvas: SandboxProcess) -> None:
    """`write_token_file` is for apply, undo and channels; plans are made with the token for reading."""
    program = configured(tmp_path, database_url, canvas.base_url, instance="write_token_file = 'writing'")
    owner, user = school.users(2)
    for name, role in (("reads", "support"), ("writes", "account_admin")):
        canvas.ask("POST", "tokens", do="add", token=name, role=role, user_id=owner)
    (tmp_path / "token").write_text("reads")
    (tmp_path / "writing").write_text("writes")
    canvas.ask("POST", "tokens", do="revoke", token="writes")
    planned(program, *creates(user))
    refused = program.run("apply", "1", "--yes")
    assert (refused.returncode, school.written()) == (5, 0)
    canvas.ask("POST", "tokens", do="renew", token="writes")
    canvas.ask("POST", "tokens", do="revoke", token="reads")
    assert program.run("plan", "--desired", "desired.csv").returncode == 5
    done = program.run("apply", "1", "--yes")
    assert done.returncode == 0, done.stderr
    assert canvas.ask("GET", "counters")["messages"] == 0  # the other one may not skip confirmations
    assert program.run("channels", "create", str(user), "more@x.example", "--yes").returncode == 0
    assert program.run("undo", "1", "--yes").returncode == 0
    assert [address for address in school.addresses(user) if "x.example" in address] == ["more@x.example"]
    (action, *_) = await fetch(database_url, "SELECT canvas_user_id FROM worker.actions ORDER BY id")
    assert action["canvas_user_id"] == owner


@pytest.mark.long
def test_two_at_once(program: Program, school: School) -> None:
    """The second apply ends with 6, says who is at work, and has written nothing."""
    one, two = school.users(2)
    planned(program, *creates(one))
    planned(program, *creates(two))
    school.fault(route="create", user_ids=[one], kind="hang", seconds=30)
    school.written()
    with program.started("apply", "1", "--yes") as running:
        wait_until(lambda: school.canvas.ask("GET", "counters")["faults"] == 1)
        second = program.run("apply", "2", "--yes")
        assert second.returncode == 6
        assert f"process {running.pid}" in second.stderr
        assert "`apply 1`" in second.stderr
        assert f"new{two}@x.example" not in school.addresses(two)
        assert program.run("channels", "create", str(two), "b@x.example", "--yes").returncode == 6
        assert school.canvas.ask("GET", "counters")["by_route"]["create"] == 1
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 143


# --- undo, and changes by hand --------------------------------------------------------------------------


@pytest.mark.long
async def test_undo(program: Program, school: School, database_url: str) -> None:
    """The opposite of a run: what was deleted has its number again, what was created is gone; asked as any plan."""
    one, two = school.users(2)
    rows = [*creates(one), *deletes(school, two)]
    planned(program, *rows)
    before = [c for c in school.canvas.many("GET", "channels") if c["user_id"] in {one, two}]
    assert program.run("apply", "1", "--yes").returncode == 0
    assert program.run("undo", "1").returncode == 2  # nobody to ask
    assert school.written() == 2
    undone = program.run("undo", "1", "--yes", "--reason", "wrong term")
    assert (undone.returncode, "main: undo run 2 of plan" in undone.stdout) == (0, True), undone.stderr
    after = [c for c in school.canvas.many("GET", "channels") if c["user_id"] in {one, two}]
    assert [{**c, "position": 0} for c in after] == [{**c, "position": 0} for c in before]
    again = program.run("undo", "1", "--yes")
    assert (again.returncode, "nothing of run 1 is left to take back" in again.stderr) == (0, True)
    nothing = program.run("undo", "77", "--yes")
    assert (nothing.returncode, "main has no run 77. See the runs: sync-worker status" in nothing.stderr) == (2, True)
    kinds = await fetch(database_url, "SELECT reason FROM worker.actions WHERE run_id = 2")
    assert {row["reason"] for row in kinds} == {"wrong term"}


@pytest.mark.long
async def test_create_by_hand(program: Program, school: School, database_url: str) -> None:
    """One create through guards and journal; there already: 0 and nothing done; what cannot be: 2."""
    (user,) = school.users(1)
    assert program.run("channels", "create", str(user), "a@x.example").returncode == 2  # nobody to ask
    assert school.written() == 0
    done = program.run("channels", "create", str(user), "a@x.example", "--yes", "--reason", "asked by phone")
    assert (done.returncode, "main: channels run 1 of plan" in done.stdout) == (0, True), done.stderr
    (action,) = [row for row in await fetch(database_url, "SELECT * FROM worker.actions") if row["status"] == "done"]
    assert (action["reason"], action["os_user"]) == ("asked by phone", getpass.getuser())
    school.written()
    for arguments, code, said in (
        ((str(user), "A@X.example"), 0, "the address is there already; nothing to do"),
        ((str(user), "nobody"), 2, "an e-mail address has an @"),
        ((str(user), " "), 2, "the address is blank"),
        (("999999999", "a@x.example"), 2, "Canvas knows no user id:999999999"),
        (("sis:NOBODY", "a@x.example"), 2, "Canvas knows no user sis_user_id:NOBODY"),
    ):
        answer = program.run("channels", "create", *arguments, "--yes")
        assert (answer.returncode, said in answer.stderr) == (code, True), answer.stderr
    assert school.written() == 0
    mailed = program.run("channels", "create", str(user), "b@x.example", "--yes", "--send-confirmation")
    assert (mailed.returncode, "1 person was sent one" in mailed.stdout) == (0, True)
    assert school.canvas.ask("GET", "counters")["messages"] == 1


@pytest.mark.long
async def test_delete_by_hand(program: Program, school: School, database_url: str) -> None:
    """By number and by address; the last e-mail is withheld (4); no such channel, or several: 2."""
    (user,) = school.users(1)
    (last,) = school.addresses(user)
    withheld = program.run("channels", "delete", str(user), last, "--yes", "--allow-default-change")
    assert withheld.returncode == 4
    assert "it would leave the user without a deliverable e-mail (guards.keep_last_email)" in withheld.stdout
    twin = "+15551234567"
    number = school.add(user, "sms", twin)
    school.add(user, "slack", twin)
    school.add(user)
    for which, said in ((twin, f"has 2 channels {twin}"), ("12", "has no channel 12"), ("x@y.example", "no channel")):
        refused = program.run("channels", "delete", str(user), which, "--yes")
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
    assert school.written() == 0
    default = program.run("channels", "delete", str(user), last, "--yes")
    assert (default.returncode, "option --allow-default-change" in default.stdout) == (4, True)
    assert program.run("channels", "delete", str(user), str(number), "--yes").returncode == 0
    done = program.run("channels", "delete", str(user), f"OLD{user}@x.example", "--yes")
    assert (done.returncode, school.written()) == (0, 2), done.stdout + done.stderr
    assert school.addresses(user) == [last, twin]
    run = done.stdout.splitlines()[-1].rpartition(" ")[2]
    assert program.run("undo", run, "--yes").returncode == 0
    assert f"old{user}@x.example" in school.addresses(user)
    assert await statuses(database_url) == {"done": 3, "withheld": 2}


# --- the scheduled job ----------------------------------------------------------------------------------


def reconciled(program: Program, users: list[int], *arguments: str) -> Any:
    """`run` over some users."""
    return program.run("run", "--users", f"id:{','.join(map(str, users))}", *arguments)


@pytest.mark.long
async def test_run_plans(program: Program, school: School, database_url: str) -> None:
    """`--apply plan`: exit 0, it says which plan waits and what to do.

    The same one is saved once, a changed document replaces it, and where nothing differs nothing waits.
    """
    one, two = users = school.users(2)
    document(program, *creates(one))
    first = reconciled(program, users, "--desired", "desired.csv")
    assert first.returncode == 0, first.stderr
    assert "main: plan 1 waits: 1 create, 0 deletes (1 user in desired.csv)" in first.stdout
    assert "  then: sync-worker apply 1   (or: sync-worker plans reject 1)" in first.stdout
    again = reconciled(program, users, "--desired", "desired.csv", "--apply", "plan")
    assert (again.returncode, "main: plan 1 waits: " in again.stdout) == (0, True)
    assert await plans(database_url) == ["open"]
    document(program, *creates(one, two))
    changed = reconciled(program, users, "--desired", "desired.csv")
    assert "main: plan 2 waits: 2 creates, 0 deletes" in changed.stdout
    rows = await fetch(database_url, "SELECT status, reason FROM worker.plans ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("rejected", "replaced by plan 2"), ("open", None)]
    assert (school.written(), await statuses(database_url)) == (0, {})
    off = reconciled(program, users, "--desired", "desired.csv", "--apply", "off")
    assert (off.returncode, "plan" in off.stdout) == (0, False)
    assert program.run("apply", "2", "--yes").returncode == 0
    reached = reconciled(program, users, "--desired", "desired.csv")
    assert "main: the desired state is reached, nothing to do (2 users in desired.csv)" in reached.stdout


@pytest.mark.long
async def test_a_plan_that_somebody_else_has_overtaken(program: Program, school: School, database_url: str) -> None:
    """What a later run finds done waits for nobody any more; the status says that nothing differs, and since when."""
    users = school.users(1)
    document(program, *creates(*users))
    assert "plan 1 waits" in reconciled(program, users, "--desired", "desired.csv").stdout
    said = program.run("status").stdout
    assert "  desired    1 channel differs from desired.csv, as compared " in said
    assert "  plan       1 waits until " in said
    school.add(users[0], address=f"new{users[0]}@x.example")
    assert "the desired state is reached" in reconciled(program, users, "--desired", "desired.csv").stdout
    rows = await fetch(database_url, "SELECT status, reason FROM worker.plans")
    assert [tuple(row.values()) for row in rows] == [("rejected", "a later run found nothing to do")]
    said = program.run("status").stdout
    assert "  desired    nothing differs from desired.csv, as compared " in said
    assert "  plan " not in said


@pytest.mark.long
async def test_run_applies(tmp_path: Path, school: School, database_url: str, canvas: SandboxProcess) -> None:
    """`--apply auto` asks nobody and passes no guard: 0 when done, 4 when withheld, 3 in part; the journal says so."""
    more = "[desired]\nfile = 'desired.csv'\napply = 'auto'\n[guards]\nmax_deletes = 1\n"
    program = configured(tmp_path, database_url, canvas.base_url, more=more)
    one, two, three = users = school.users(3)
    document(program, *creates(one))
    done = reconciled(program, users)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "main: apply run 2 of plan 1 done" in done.stdout
    (action,) = await fetch(database_url, "SELECT unattended, reason, os_user FROM worker.actions")
    assert action == {"unattended": True, "reason": "run --apply auto", "os_user": getpass.getuser()}
    document(program, *creates(one), *deletes(school, two, three))
    school.written()
    withheld = reconciled(program, users)
    assert (withheld.returncode, school.written()) == (4, 0)
    assert "2 deletes (limit guards.max_deletes = 1, option --expect-deletes 2)" in withheld.stdout
    document(program, *creates(one, two))
    school.fault(route="create", status=400, body='{"errors":{"path":[]}}')
    assert reconciled(program, users).returncode == 3
    school.canvas.ask("DELETE", "faults")
    canvas.ask("POST", "tokens", do="revoke", token=TOKEN)
    assert reconciled(program, users).returncode == 5


@pytest.mark.long
def test_run_with_a_wrong_document(program: Program, school: School) -> None:
    """The mirror is brought up to date all the same; exit 2 with the mistakes."""
    users = school.users(1)
    document(program, f"{users[0]},email,,present")
    wrong = reconciled(program, users, "--desired", "desired.csv")
    assert wrong.returncode == 2
    assert "main: run 1 done" in wrong.stdout
    assert "desired.csv:2: address: the address is blank" in wrong.stderr
    assert reconciled(program, users, "--desired", "none.csv").returncode == 2

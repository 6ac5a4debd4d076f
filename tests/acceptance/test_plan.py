"""`plan`, `plans`, `export` and `validate FILE` as people and scripts see them: exit codes, messages, files."""

import csv
import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from sync_worker.desired.render.as_json import plan_from_json
from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import TOKEN, Program, SandboxProcess, configured, sandbox_process

HEAD = "user,type,address,state\n"


@pytest.fixture
def canvas(tmp_path: Path) -> Any:
    """Sixty users, in a process of its own."""
    with sandbox_process(tmp_path, 60) as running:
        yield running


@pytest.fixture
def program(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> Program:
    """The command line, configured for both."""
    return configured(tmp_path, database_url, canvas.base_url)


@pytest.fixture
def addresses(canvas: SandboxProcess) -> dict[int, str]:
    """Some users with their first e-mail address."""
    found: dict[int, str] = {}
    for channel in canvas.many("GET", "channels"):
        if channel["type"] == "email" and channel["workflow_state"] == "active":
            found.setdefault(channel["user_id"], channel["address"])
    return dict(list(found.items())[18:28])


def document(program: Program, name: str, *rows: str) -> Path:
    """A CSV."""
    path = program.folder / name
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return path


@pytest.fixture
def new(program: Program, addresses: dict[int, str]) -> Path:
    """A document with two creates and one user who has it all."""
    one, two, three = list(addresses)[:3]
    rows = (f"{one},email,new@x.example,present", f"{two},email,new@x.example,present")
    return document(program, "new.csv", *rows, f"{three},email,{addresses[three]},present")


@pytest.mark.long
@pytest.mark.usefixtures("new")
def test_exit_codes(program: Program, canvas: SandboxProcess, addresses: dict[int, str]) -> None:
    """10 with changes, 0 without, 2 for a document with mistakes, 3 where somebody could not be read, 5, 7."""
    user = next(iter(addresses))
    document(program, "same.csv", f"{user},email,{addresses[user]},present")
    document(program, "bad.csv", f"{user},email,,present", f"{user},fax,a@x.example,there")
    assert program.run("plan", "--desired", "new.csv").returncode == 10  # before the first run
    assert program.run("run").returncode == 0
    assert program.run("plan", "--desired", "new.csv").returncode == 10
    same = program.run("plan", "--desired", "same.csv")
    assert (same.returncode, same.stderr) == (0, "")
    assert same.stdout.splitlines()[-1] == "nothing to do"
    bad = program.run("plan", "--desired", "bad.csv")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "bad.csv:2: address: the address is blank" in bad.stderr
    assert "bad.csv:3: state: " in bad.stderr
    canvas.ask("POST", "faults", route="list_channels", user_ids=[user], status=500)
    part = program.run("plan", "--desired", "new.csv")
    assert part.returncode == 3
    assert "Canvas gave no usable answer about 1 user; nothing is planned there" in part.stderr
    canvas.ask("POST", "tokens", do="revoke", token=TOKEN)
    refused = program.run("plan", "--desired", "new.csv")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (5, 1)
    assert (
        program.run("plan", "--desired", "new.csv", SYNC_WORKER_DATABASE__URL="postgresql://127.0.0.1:1/x").returncode
        == 7
    )


@pytest.mark.sampled("no desired state")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no desired state. Name one with --desired FILE"),
        (("--desired", "none.csv"), "none.csv: the file cannot be read"),
        (("--desired", "query:q.sql"), "q.sql: the file cannot be read"),
        (("--desired", "query:"), "no file stands behind query:. Write query:FILE.sql"),
        (("--desired", "c.toml"), "unknown kind of file '.toml'"),
        (("--desired", "new.csv", "--manage", "emial"), "Did you mean email?"),
        (("--desired", "new.csv", "--manage", ""), "the type is blank"),
        (("--desired", "new.csv", "--out", "no/where.json"), "no/where.json: the file cannot be written"),
        (("--desired", "new.csv", "--users", "everybody"), "'everybody' says no users"),
        (("--desired", "new.csv", "--users", "account:999"), "account:999: the account cannot be listed"),
    ],
)
@pytest.mark.usefixtures("new")
def test_a_wrong_command_line(program: Program, arguments: tuple[str, ...], said: str) -> None:
    """Exit 2 and a sentence that helps."""
    done = program.run("plan", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.usefixtures("new")
def test_what_a_person_sees(program: Program, canvas: SandboxProcess) -> None:
    """The host, the users with their changes, the sum; the number of the plan is told, and Canvas is as before."""
    before = canvas.many("GET", "channels")
    done = program.run("plan", "--desired", "new.csv")
    assert done.stdout.startswith(f"Plan for main at {canvas.base_url}\n")
    assert "  + email  new@x.example  new.csv:2\n" in done.stdout
    assert "\n2 creates, 0 deletes\n" in done.stdout
    assert done.stderr.startswith("sync-worker: main: saved as plan 1; it expires at 20")
    assert canvas.many("GET", "channels") == before
    assert set(canvas.ask("GET", "counters")["by_route"]) == {"list_channels"}


@pytest.mark.long
@pytest.mark.usefixtures("new")
def test_every_form(program: Program) -> None:
    """Text, JSON, Markdown, HTML, CSV: the same plan on stdout, nothing else with it."""
    forms = ("text", "json", "markdown", "html", "csv")
    outputs = {form: program.run("plan", "--desired", "new.csv", "--format", form) for form in forms}
    assert {done.returncode for done in outputs.values()} == {10}
    assert all(done.stdout.count("new@x.example") >= 2 for done in outputs.values())
    assert len(list(plan_from_json(outputs["json"].stdout).changes())) == 2
    assert [row["change"] for row in csv.DictReader(io.StringIO(outputs["csv"].stdout))] == ["create", "create"]
    assert outputs["html"].stdout.startswith("<!doctype html>")
    assert outputs["markdown"].stdout.startswith("# Plan for main")
    sample = program.run("plan", "--desired", "new.csv", "--sample", "1")
    assert sample.returncode == 10
    assert "a random sample: 1 of 2 users" in sample.stdout
    for form in forms:
        again = program.run("plans", "show", "1", "--format", form)
        assert (again.returncode, again.stdout) == (0, outputs["text"].stdout if form == "text" else again.stdout)


@pytest.mark.long
@pytest.mark.usefixtures("new")
def test_a_plan_as_a_file(program: Program) -> None:
    """Only its owner can read it, whatever stood there, and it is the plan that was saved."""
    path = program.folder / "plan.json"
    path.write_text("old")
    path.chmod(0o644)
    assert program.run("plan", "--desired", "new.csv", "--out", "plan.json").returncode == 10
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    plan = plan_from_json(path.read_text())
    shown = plan_from_json(program.run("plans", "show", "1", "--format", "json").stdout)
    assert plan == shown
    assert [file.name for file in program.folder.iterdir() if "plan.json" in file.name] == ["plan.json"]


@pytest.mark.long
@pytest.mark.usefixtures("new")
async def test_the_life_of_a_plan(program: Program, database_url: str) -> None:
    """Open, rejected, expired: each is told, and only an open one can be rejected."""
    assert program.run("plans", "list").stdout == "no plans\n"
    for _ in range(3):
        assert program.run("plan", "--desired", "new.csv").returncode == 10
    await fetch(database_url, "UPDATE worker.plans SET expires_at = now() - interval '1 s' WHERE id = 1 RETURNING 1")
    rejected = program.run("plans", "reject", "2", "--reason", "wrong term")
    assert (rejected.returncode, rejected.stdout) == (0, "plan 2 is rejected\n")
    for number in ("1", "2", "9"):
        refused = program.run("plans", "reject", number)
        assert (refused.returncode, f"there is no open plan {number}" in refused.stderr) == (2, True)
    listed = [line for line in program.run("plans", "list").stdout.splitlines() if not line.startswith("  ")]
    assert [line.split(":")[1].split()[:4] for line in listed] == [
        ["plan", "3", "is", "open"],
        ["plan", "2", "is", "rejected"],
        ["plan", "1", "is", "expired"],
    ]
    assert "main: plan 2 is rejected (wrong term)" in program.run("plans", "show", "2").stderr
    assert program.run("plans", "show", "9").returncode == 2
    (row,) = await fetch(database_url, "SELECT reason, ended_by, ended_at FROM worker.plans WHERE id = 2")
    assert row["reason"] == "wrong term"
    assert row["ended_by"]
    assert row["ended_at"]


@pytest.mark.long
def test_mode_and_manage(program: Program, addresses: dict[int, str]) -> None:
    """The command line wins over the document."""
    user = next(iter(addresses))
    document(program, "d.csv", f"{user},email,{addresses[user]},present", f"{user},sms,+15551112222,present")
    assert program.run("plan", "--desired", "d.csv").returncode == 0
    done = program.run("plan", "--desired", "d.csv", "--mode", "exact", "--manage", "email, sms")
    assert done.returncode == 10
    assert "+ sms  +15551112222" in done.stdout


def test_the_document_of_the_configuration(program: Program, new: Path) -> None:
    """`desired.file`, relative to the configuration."""
    with (program.folder / "c.toml").open("a") as file:
        file.write(f"[instances.main.desired]\nfile = '{new.name}'\n")
    assert program.run("plan").returncode == 10


WANTED = """
SELECT user_id AS user, type, split_part(address, '@', 1) || '@new.example' AS address
FROM mirror.communication_channels
WHERE instance = current_setting('sync_worker.instance') AND user_id IN ({users}) AND type = 'email' AND position = 1
ORDER BY user_id
"""


@pytest.mark.long
def test_a_query_as_document(program: Program, canvas: SandboxProcess, addresses: dict[int, str]) -> None:
    """On the command line and in the configuration; saved under its name; mistakes with their line."""
    assert program.run("run").returncode == 0
    one, two = list(addresses)[:2]
    (program.folder / "wanted.sql").write_text(WANTED.format(users=f"{one}, {two}"))
    before = canvas.many("GET", "channels")
    done = program.run("plan", "--desired", "query:wanted.sql")
    assert done.returncode == 10
    assert "\n2 creates, 0 deletes" in done.stdout
    assert "  document   query:wanted.sql (2 users)\n" in done.stdout
    assert "query wanted.sql, row 2\n" in done.stdout
    assert "from query:wanted.sql" in program.run("plans", "list").stdout
    assert canvas.many("GET", "channels") == before
    assert program.run("plan", "--desired", "query:wanted.sql", "--mode", "exact").returncode == 10
    with (program.folder / "c.toml").open("a") as file:
        file.write("[instances.main.desired]\nfile = 'query:wanted.sql'\n")
    assert program.run("plan").returncode == 10
    (program.folder / "wanted.sql").write_text("SELECT id AS user\nFROM mirror.user")
    bad = program.run("plan")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr.startswith("sync-worker: query wanted.sql, line 2: PostgreSQL refuses it: ")
    assert len(bad.stderr.splitlines()) == 1


@pytest.mark.long
def test_some_of_the_users(program: Program, addresses: dict[int, str]) -> None:
    """`--users`, several times: nobody else is in the plan, which says so; a query names users as for `run`."""
    one, two, three, four = list(addresses)[:4]
    document(program, "d.csv", *[f"{user},email,new@x.example,present" for user in (one, two, three)])
    (program.folder / "who.sql").write_text(f"SELECT {three}")
    done = program.run("plan", "--desired", "d.csv", "--users", f"id:{two}", "--users", "query:who.sql")
    assert done.returncode == 10
    assert "\n2 creates, 0 deletes" in done.stdout
    assert "  document   d.csv (3 users)\n" in done.stdout
    assert f"  only       id:{two} query:who.sql\n" in done.stdout
    assert f"user {one}\n" not in done.stdout
    nobody = program.run("plan", "--desired", "d.csv", "--users", f"id:{four}")
    assert (nobody.returncode, nobody.stderr) == (
        0,
        "sync-worker: main: the document names none of the users of --users\n",
    )
    assert program.run("run", "--users", "query:who.sql").returncode == 0
    (program.folder / "who.sql").write_text("SELECT now()")
    bad = program.run("backfill", "--users", "query:who.sql")
    assert bad.returncode == 2
    assert "query who.sql, row 1: a value of type timestamptz names nobody. Cast it to text" in bad.stderr


@pytest.mark.long
def test_validate_a_query(program: Program) -> None:
    """That it can be read, and who checks the rest: no database is asked."""
    (program.folder / "q.sql").write_text("SELECT 1")
    (program.folder / "c.toml").unlink()
    done = program.run("validate", "query:q.sql")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "query:q.sql can be read; `sync-worker plan` asks it and checks its rows\n"
    for wrong, said in (
        ("query:none.sql", "none.sql: the file cannot be read"),
        ("q.sql", "is named as query:FILE.sql"),
    ):
        refused = program.run("validate", wrong)
        assert (refused.returncode, said in refused.stderr) == (2, True)


@pytest.mark.long
def test_validate_a_document(program: Program, addresses: dict[int, str]) -> None:
    """0 with what it holds and its warnings, 2 with every mistake; neither Canvas, database nor configuration."""
    user = next(iter(addresses))
    (program.folder / "c.toml").unlink()
    document(program, "one.csv", f"{user},email,a@x.example,present")
    one = program.run("validate", "one.csv")
    assert (one.returncode, one.stdout, one.stderr) == (0, "one.csv is valid: 1 user, 1 entry\n", "")
    document(program, "two.csv", f"{user},push,a,present", "sis:S1,email,a@x.example,absent")
    two = program.run("validate", "two.csv").stdout.splitlines()
    assert two == [
        "two.csv is valid: 2 users, 2 entries",
        "  warning: two.csv:2: type: push channels are never touched",
    ]
    document(program, "bad.csv", f"{user},email,a@x.example,present", f"{user},email,A@x.example,absent", ",email,a@b,")
    bad = program.run("validate", "bad.csv")
    assert (bad.returncode, bad.stdout) == (2, "")
    assert "bad.csv has 2 problems" in bad.stderr
    assert program.run("validate", "none.yaml").returncode == 2
    assert "--config FILE validate" in program.run("validate", "c.toml").stderr


CASES = Path(__file__).parents[1] / "cases"


def test_validate_lists_what_does_not_look_like_an_address(program: Program) -> None:
    """Each with its line, beside the mistakes; what a spreadsheet has made of a number is one, and says what to do."""
    done = program.run("validate", str(CASES / "addresses.csv"))
    assert (done.returncode, done.stdout) == (2, "")
    mistake, *warnings = (line.removeprefix("sync-worker: ") for line in done.stderr.splitlines())
    assert "addresses.csv:10: address: a spreadsheet has rewritten the number" in mistake
    assert "Format the column as text" in mistake
    odd = [line for line in warnings if ": address: " in line]
    assert odd == [
        f"warning: addresses.csv:{line}: address: this does not look like {what}"
        for line, what in (
            *((line, "an e-mail address") for line in range(2, 8)),
            (9, "a telephone number or a mailbox at a carrier's gateway"),
        )
    ]


def test_a_typo_does_not_replace_a_good_address(
    program: Program, canvas: SandboxProcess, addresses: dict[int, str]
) -> None:
    """The plan says so before anybody approves it; applied, the good address stays until a person allows it."""
    user = canvas.plain()[0]
    before = addresses.get(user) or next(c["address"] for c in canvas.many("GET", "channels") if c["user_id"] == user)
    text = (CASES / "exact-typo.yaml").read_text().replace("1042", str(user))
    (program.folder / "typo.yaml").write_text(text)
    said = program.run("plan", "--desired", "typo.yaml")
    assert said.returncode == 10
    assert "! 1 user loses a good address to one that does not look like an address" in said.stdout
    assert "does not look like an address; typo.yaml:6" in said.stdout
    left = program.run("apply", "1", "--yes", "--allow-default-change")
    assert left.returncode == 4
    assert (
        "its replacement does not look like an address (option --allow-unusable-replacement)"
        in left.stdout + left.stderr
    )
    live = {c["address"] for c in canvas.many("GET", "channels") if c["user_id"] == user}
    assert before in live
    allowed = program.run("apply", "1", "--yes", "--allow-default-change", "--allow-unusable-replacement")
    assert allowed.returncode in {0, 3}, allowed.stderr


@pytest.mark.long
def test_export(program: Program) -> None:
    """Each form, by the name of the file, 0600; planning it changes nothing; without a file YAML on stdout."""
    assert program.run("run").returncode == 0
    for name, manage in (("e.yaml", ()), ("e.ndjson", ()), ("e.csv", ("--manage", "email,sms"))):
        done = program.run("export", "--out", name)
        assert (done.returncode, done.stdout) == (0, "")
        assert f"users: written to {name}" in done.stderr
        assert stat.S_IMODE((program.folder / name).stat().st_mode) == 0o600
        assert program.run("validate", name).returncode == 0
        planned = program.run("plan", "--desired", name, *manage)
        assert planned.returncode == 0, planned.stdout
    printed = program.run("export")
    assert printed.stdout == (program.folder / "e.yaml").read_text()
    rows = program.run("export", "--format", "csv").stdout
    assert rows == (program.folder / "e.csv").read_text(encoding="utf-8-sig")
    assert json.loads(program.run("export", "--format", "ndjson").stdout.splitlines()[0])["mode"] == "add"


BOM = "\ufeff"


@pytest.mark.long
def test_marks_of_exports_and_plans(program: Program, new: Path) -> None:
    """A CSV for a spreadsheet begins with a byte-order mark, one for a program does not, unless somebody says so."""
    assert program.run("run").returncode == 0
    assert program.run("export", "--out", "e.csv", "--no-bom").returncode == 0
    assert not (program.folder / "e.csv").read_text().startswith(BOM)
    for command, marked in (
        (("export", "--format", "csv", "--bom"), True),
        (("plan", "--desired", new.name, "--format", "csv"), False),
        (("plan", "--desired", new.name, "--format", "csv", "--bom"), True),
        (("plans", "show", "1", "--format", "csv", "--bom"), True),
    ):
        printed = program.run(*command).stdout
        assert (printed.startswith(BOM), printed.count(BOM)) == (marked, int(marked)), command
    wrong = program.run("plan", "--desired", new.name, "--bom")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "only CSV begins with a byte-order mark" in wrong.stderr


@pytest.mark.long
def test_a_spreadsheet_between_export_and_plan(program: Program, canvas: SandboxProcess) -> None:
    """Nothing changes, whatever addresses begin with and whatever the program saves the file as."""
    user, other = canvas.plain()[:2]
    for number, first in enumerate(("=", "+", "-", "'", "'=", "''-", "ü")):
        canvas.many("POST", "mutate", do="create", user_id=user, kind="email", address=f"{first}x{number}@x.example")
    canvas.many("POST", "mutate", do="create", user_id=other, kind="sms", address="+1 555 026 1041")
    assert program.run("run").returncode == 0
    assert program.run("export", "--out", "e.csv").returncode == 0
    rows = list(csv.reader((program.folder / "e.csv").read_text(encoding="utf-8-sig").splitlines()))
    for encoding, delimiter in (("utf-8-sig", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-16-le", ";")):
        with (program.folder / "saved.csv").open("w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)
        planned = program.run("plan", "--desired", "saved.csv", "--mode", "exact", "--manage", "email,sms", "--refresh")
        assert (planned.returncode, planned.stdout.splitlines()[-1]) == (0, "nothing to do"), planned.stdout


@pytest.mark.long
def test_give_back_what_was_lost(program: Program, canvas: SandboxProcess, addresses: dict[int, str]) -> None:
    """The walk from a loss to the plan that undoes it."""
    assert program.run("run").returncode == 0
    user, address = next(iter(addresses.items()))
    channel = next(c for c in canvas.many("GET", "channels") if c["user_id"] == user and c["address"] == address)
    canvas.many("POST", "mutate", do="retire", channel_id=channel["id"])
    nothing = program.run("export", "--only-missing")
    assert "users: []" in nothing.stdout
    assert nothing.stderr == "sync-worker: nothing is missing\n"
    assert program.run("run").returncode == 0
    done = program.run("export", "--only-missing", "--out", "lost.yaml")
    assert done.stderr == ("sync-worker: 1 channel of 1 user that are not there any more: written to lost.yaml\n")
    plan = program.run("plan", "--desired", "lost.yaml")
    assert (plan.returncode, "\n1 create, 0 deletes" in plan.stdout) == (10, True)
    assert f"+ email  {address}" in plan.stdout


@pytest.mark.sampled("is no time")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--as-of", "yesterday"), "'yesterday' is no time"),
        (("--out", "e.txt"), ".txt is no form of it"),
        (("--users", "account:self"), "is not available in this version"),
        (("--users", "sis:NOBODY"), "the mirror has no user for sis_user_id:NOBODY"),
        (("--out", "no/where.csv"), "no/where.csv: the file cannot be written"),
    ],
)
def test_a_wrong_export(program: Program, arguments: tuple[str, ...], said: str) -> None:
    """Exit 2 and a sentence that helps; nothing is written."""
    done = program.run("export", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr

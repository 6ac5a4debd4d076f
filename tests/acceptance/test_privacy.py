"""`forget`, `report person` and `prune` as people see them: exit codes, messages, what they ask."""

import json
import os
import pty
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import Program, configured, environment, sandbox_process

USER = 1035  # has channels and a SIS id in a small sandbox
RETENTION = "[retention]\nhistory = '400d'\nruns = '400d'\nplans = '400d'\nactions = '400d'"


@pytest.fixture
def program(tmp_path: Path, database_url: str) -> Any:
    """Sixty users, mirrored."""
    with sandbox_process(tmp_path, 60) as canvas:
        program = configured(tmp_path, database_url, canvas.base_url)
        assert program.run("run").returncode == 0
        yield program


def answered(program: Program, answer: str, *arguments: str) -> tuple[int, str]:
    """Run at a terminal at which somebody types `answer`; exit code, and what was written."""
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        done = subprocess.run(
            program.command(*arguments),
            cwd=program.folder,
            env=environment(),
            stdin=theirs,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.long
async def test_forget(program: Program, database_url: str) -> None:
    """It shows what is held and asks; then nothing is held, and no later run changes that."""
    channels = "SELECT count(*) AS n FROM mirror.communication_channels WHERE user_id = $1"
    number = (await fetch(database_url, channels, USER))[0]["n"]
    assert number
    refused = program.run("forget", str(USER))
    assert (refused.returncode, "Add --yes to go on without a question" in refused.stderr) == (2, True)
    code, said = answered(program, "no", "forget", str(USER))
    assert (code, "not approved; nothing was done" in said) == (2, True)
    assert f"main: this is held on user {USER}\n  mirror.communication_channels  {number}\n" in said
    code, said = answered(program, "yes", "forget", f"login:user{USER}")
    assert (code, f"main: user {USER} is forgotten; of these rows" in said) == (0, True), said
    assert f"  mirror.communication_channels  {number}\n  mirror.users                   1\n" in said
    assert "  out of reach:\n    backups" in said
    assert (await fetch(database_url, channels, USER))[0]["n"] == 0
    assert program.run("run").returncode == 0
    assert (await fetch(database_url, channels, USER))[0]["n"] == 0
    again = program.run("forget", str(USER), "--yes")
    assert (again.returncode, again.stdout) == (0, f"main: user {USER} was forgotten before; nothing is held\n")
    lifted = program.run("forget", str(USER), "--yes", "--until-next-run")
    assert (lifted.returncode, "is read again from the next run on" in lifted.stdout) == (0, True)
    assert program.run("run").returncode == 0
    assert (await fetch(database_url, channels, USER))[0]["n"] == number


@pytest.mark.long
def test_whom(program: Program) -> None:
    """Somebody unknown is an error that says what to do; so is what names nobody."""
    unknown = program.run("forget", "sis:NOBODY", "--yes")
    assert (unknown.returncode, "Name the user by the number that Canvas gives it" in unknown.stderr) == (2, True)
    assert program.run("forget", "999999", "--yes").stderr.startswith("sync-worker: main holds nothing on user 999999.")
    assert program.run("report", "person", "999999").returncode == 2
    assert "names no kind of user" in program.run("forget", "person:1", "--yes").stderr


def test_report_person(program: Program) -> None:
    """One JSON document of everything, or readable text; afterwards it says that the person was forgotten."""
    done = program.run("report", "person", f"login:user{USER}", "--format", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["instance"], document["user_id"]) == ("main", USER)
    assert f"id:{USER}" in document["known_as"]
    assert {"mirror.communication_channels", "mirror.users", "worker.batches"} <= set(document["held"])
    assert {row["user_id"] for row in document["held"]["mirror.communication_channels"]} == {USER}
    text = program.run("report", "person", str(USER)).stdout
    assert text.startswith(f"main: user {USER} (id:{USER}, ")
    assert all(row["address"] in text for row in document["held"]["mirror.communication_channels"])
    assert program.run("forget", str(USER), "--yes").returncode == 0
    gone = program.run("report", "person", str(USER))
    assert (gone.returncode, "was forgotten and is not read again" in gone.stderr) == (2, True)


@pytest.mark.long
def test_prune(program: Program) -> None:
    """Without [retention] everything is kept; with it each table says what went, or would."""
    assert program.run("prune").stdout == "[retention] sets no limit: everything is kept\n"
    with (program.folder / "c.toml").open("a") as file:
        file.write(f"\n{RETENTION}\n")
    for arguments, head in ((["--dry-run"], "main: would be pruned"), ([], "main: pruned")):
        done = program.run("prune", *arguments)
        assert (done.returncode, done.stdout.splitlines()[0]) == (0, head), done.stderr
        rows = [line.split()[:2] for line in done.stdout.splitlines()[1:]]
        assert rows == [
            [table, "0"]
            for table in (
                "worker.actions", "worker.plans", "worker.comparisons", "worker.batches", "worker.failures",
                "worker.runs", "mirror.channel_history", "mirror.user_history",
            )
        ]  # fmt: skip
    warned = program.run("export", "--as-of", "2020-01-01", "--out", "x.yaml")
    assert "what changed before is missing: the history was pruned on" in warned.stderr

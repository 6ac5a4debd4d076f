"""A delete that a gateway answers with 504 and Canvas carries out later, as a person with a terminal meets it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.flows.processes import Program, SandboxProcess, configured, sandbox_process

LATER, SOON = {"SYNC_WORKER_GUARDS__SETTLE_AFTER": "10m"}, {"SYNC_WORKER_GUARDS__SETTLE_AFTER": "1s"}
OLD = "old@x.example"


@pytest.fixture
def canvas(tmp_path: Path) -> Iterator[SandboxProcess]:
    """A small school."""
    with sandbox_process(tmp_path, 12) as canvas:
        yield canvas


@pytest.fixture
def program(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> Program:
    """The installed command, which never sends a delete twice."""
    program = configured(tmp_path, database_url, canvas.base_url)
    config = program.folder / "c.toml"
    config.write_text(config.read_text().replace("max_attempts = 2\n", "max_attempts = 1\n"))
    return program


def addresses(canvas: SandboxProcess, user: int) -> list[str]:
    """What is live at Canvas."""
    return [each["address"] for each in canvas.many("GET", "channels") if each["user_id"] == user]


@pytest.mark.long
def test_a_late_delete_is_undone(program: Program, canvas: SandboxProcess) -> None:
    """Apply and undo say that the outcome is unknown and exit with 3; status lists it; `undo --wait` gives it back."""
    user = canvas.plain()[0]
    canvas.many("POST", "mutate", do="create", user_id=user, kind="email", address=OLD)
    (program.folder / "d.csv").write_text(f"user,type,address,state\n{user},email,{OLD},absent\n")
    assert program.run("run").returncode == 0
    assert program.run("plan", "--desired", "d.csv").returncode == 10
    canvas.ask("POST", "faults", kind="late", route="delete", status=504, seconds=3600, times=1)

    applied = program.run("apply", "1", "--yes", **LATER)
    assert applied.returncode == 3
    assert "  deletes   1 with an unknown outcome\n" in applied.stdout
    canvas.ask("POST", "late")
    assert OLD not in addresses(canvas, user)

    undone = program.run("undo", "2", "--yes", **LATER)
    assert undone.returncode == 3
    assert "main: 1 user waits, and nothing of theirs is taken back yet:\n" in undone.stderr
    assert f"  user {user}: delete email {OLD}: the outcome is unknown\n" in undone.stderr
    assert "or let it wait: sync-worker undo 2 --wait" in undone.stderr
    assert "unknown    1 action with an unknown outcome; the next run reads again" in program.run("status").stdout
    night = program.run("run", **LATER)
    assert (night.returncode, "1 action has an unknown outcome" in night.stdout) == (3, True)

    waited = program.run("undo", "2", "--yes", "--wait", **SOON)
    assert waited.returncode == 0, waited.stderr
    assert OLD in addresses(canvas, user)
    assert program.run("run").returncode == 0

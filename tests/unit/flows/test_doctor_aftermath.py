"""What is left to others at the end of a job: whether it could be, without doing it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sync_worker.flows.doctor.aftermath import aftermath_checks, command, textfile
from sync_worker.settings import Settings


def a_file(place: Path) -> Path:
    """Its folder is a file."""
    place.write_text("")
    return place / "sync.prom"


def a_folder(place: Path) -> Path:
    """It is one itself."""
    place.mkdir()
    return place


@pytest.mark.parametrize(
    ("named", "state", "said"),
    [
        (lambda place: place.parent / "sync.prom", "ok", "can be written"),
        (lambda place: place / "sync.prom", "warning", "there is no folder"),
        (a_file, "warning", "there is no folder"),
        (a_folder, "warning", "is a folder"),
    ],
)
def test_a_textfile(tmp_path: Path, named: Callable[[Path], Path], state: str, said: str) -> None:
    """A new file has to find room beside it; looking leaves none behind."""
    path = named(tmp_path / "place")
    before = sorted(tmp_path.rglob("*"))
    opinion = textfile(path)
    assert (opinion.state.value, said in opinion.finding, opinion.exit_code) == (state, True, 0)
    assert bool(opinion.remedy) == (state == "warning")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder_of_somebody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may write everywhere, so the system's answer is given here."""
    monkeypatch.setattr("os.access", lambda path, _: path != tmp_path)
    opinion = textfile(tmp_path / "sync.prom")
    assert (opinion.state.value, "may not write in the folder" in opinion.finding) == ("warning", True)


def test_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name is looked for in PATH; a path is to be that of an executable file."""
    program = tmp_path / "tell-them"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (command("tell-them")).finding == "tell-them is not in any folder of PATH"
    assert (command(str(program))).finding == f"{program} does not exist"
    program.write_text("#!/bin/sh\n")
    opinion = command(str(program))
    assert opinion.finding == f"{program} is there, but cannot be executed"
    assert (opinion.state.value, opinion.exit_code, "full path" in opinion.remedy) == ("warning", 0, True)
    program.chmod(0o755)
    assert [(command(name)).state.value for name in ("tell-them", str(program))] == ["ok", "ok"]


def test_what_is_not_configured_is_not_looked_at() -> None:
    """No line says that something optional is not there."""
    assert aftermath_checks(Settings()) == ()

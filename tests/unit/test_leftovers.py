"""The look at the end of the tests: it finds what they have begun, however it was detached, and ends it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil
import pytest

CONFTEST: Final = """
from tests import leftovers

leftovers.PATIENCE = 1.0

def pytest_configure(config):
    leftovers.watch(config)
"""
PROGRAM: Final = "import os, signal, sys, time; {first}; print(os.getpid(), file=open(sys.argv[1], 'w')); {last}"
TEST: Final = """
import pathlib, subprocess, sys, time

def test_it(tmp_path):
    said = tmp_path / "said"
    subprocess.run(
        ["setsid", "--fork", sys.executable, "-c", {program!r}, {said!r}],
        env={environment}, cwd={cwd}, check=True,
    )
    while not (pathlib.Path({said!r}).exists() and pathlib.Path({said!r}).read_text()):
        time.sleep(0.01)
"""
STOPPED: Final = "os.kill(os.getpid(), signal.SIGSTOP)"


def played(
    folder: Path, *, first: str = "pass", last: str, environment: str = "None", cwd: str = "None"
) -> tuple[int, str, int]:
    """Exit code and words of a suite of one test, which starts a program and leaves it; the program's number."""
    said = folder / "said"
    test = TEST.format(program=PROGRAM.format(first=first, last=last), said=str(said), environment=environment, cwd=cwd)
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), str(folder)],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr, int(said.read_text())


def alive(number: int) -> bool:
    """Whether a process is there, and not only remembered until its parent looks."""
    try:
        return bool(psutil.Process(number).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.mark.sampled("its environment-time.sleep")
@pytest.mark.parametrize("last", ["time.sleep(600)", STOPPED])
@pytest.mark.parametrize(
    "found_by", [{}, {"environment": "{}", "cwd": "tmp_path"}], ids=["its environment", "its folder"]
)
def test_what_is_left_fails_the_tests(tmp_path: Path, last: str, found_by: dict[str, str]) -> None:
    """Also what is stopped; it is named, and ended."""
    code, said, number = played(tmp_path, last=last, **found_by)
    assert code == 1, said
    assert "1 passed" in said
    assert "processes that the tests have left behind" in said
    assert str(number) in said
    assert not alive(number)


def test_what_ends_by_itself_is_waited_for(tmp_path: Path) -> None:
    """A server needs a moment after its last user."""
    code, said, _ = played(tmp_path, last="time.sleep(0.3)")
    assert code == 0, said
    assert "left behind" not in said

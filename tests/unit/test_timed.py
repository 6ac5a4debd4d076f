"""What `make test` is wrapped in: it says how long it took, and is no obstacle to codes and signals."""

import signal
import subprocess
import sys

import pytest


def started(program: str) -> "subprocess.Popen[str]":
    """A wrapped program."""
    command = [sys.executable, "-m", "tests.timed", "it", sys.executable, "-u", "-c", program]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("code", [0, 3])
def test_the_code_is_the_commands(code: int) -> None:
    """The last line says how long it took, on which Python."""
    with started(f"raise SystemExit({code})") as process:
        said, _ = process.communicate()
    assert process.returncode == code
    version = ".".join(map(str, sys.version_info[:3]))
    assert said.splitlines()[-1] == f"it took 0 min 00 s on Python {version}"


def test_whoever_ends_it_ends_the_command() -> None:
    """A signal is passed on."""
    with started("import time; print('begun'); time.sleep(60)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM

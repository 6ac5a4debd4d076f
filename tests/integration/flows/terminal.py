"""A person at a terminal: the program on a pseudo terminal, what it shows there, and what is typed."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.integration.flows.processes import Program, environment

CTRL_C, CTRL_D = "\x03", "\x04"

_AT_ITS_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)
"""Makes standard input the terminal that sends the signals of its keys, and becomes the program."""


@dataclass(kw_only=True)
class Terminal:
    """What stands on the screen, and the keyboard."""

    process: subprocess.Popen[bytes]
    descriptor: int
    screen: str = ""

    def wait_for(self, text: str, seconds: float = 20) -> None:
        """Read until that stands on the screen."""
        deadline = time.perf_counter() + seconds
        while text not in self.screen:
            assert time.perf_counter() < deadline, self.screen
            assert self._read(), self.screen

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.descriptor, keys.encode())

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self.process.wait(10)

    def _read(self) -> bool:
        with suppress(OSError):  # Linux says EIO where the other end is closed
            if select.select([self.descriptor], [], [], 20)[0] and (piece := os.read(self.descriptor, 65536)):
                self.screen += piece.decode(errors="replace")
                return True
        return False


@contextmanager
def at_terminal(program: Program, *arguments: str) -> Iterator[Terminal]:
    """Run at a terminal meanwhile; killed at the end at the latest."""
    with on_terminal(program.command(*arguments), program.folder, environment()) as terminal:
        yield terminal


@contextmanager
def on_terminal(command: list[str], folder: Path, environ: Mapping[str, str]) -> Iterator[Terminal]:
    """The same for any command, named by its full path."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _AT_ITS_TERMINAL, *command],
        cwd=folder,
        env={**environ, "TERM": "dumb", "COLUMNS": "200"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        try:
            yield Terminal(process=process, descriptor=ours)
        finally:
            process.kill()
            os.close(ours)

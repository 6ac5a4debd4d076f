"""No process that the tests have begun is left when they are over: whoever finds one fails, says which, and ends it.

A process is ours by its environment (a mark that it inherits), by its working folder or by a word of its command line:
servers get an environment of their own, but live in the tests' temporary folder.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil
import pytest

from sync_worker.clock import Clock

MARK: Final = "PYTEST_RUN_OF_SYNC_WORKER"
PATIENCE: Final = 30.0  # seconds for what ends by itself, such as a server without users
_OURS_UNTIL_THE_END: Final = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


def marked(environ: dict[str, str]) -> dict[str, str]:
    """An environment of its own for a process that is ours."""
    return environ | {MARK: os.environ.get(MARK, "")}


class Leftovers:
    """Looks at the end of the session; in the process that all tests report to, not in those that play them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._mark = os.environ[MARK] = uuid.uuid4().hex
        self._found: list[str] = []

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """After the processes that play tests have ended."""
        clock = Clock()
        until = clock.monotonic() + PATIENCE
        left = list(self._left())
        while left and clock.monotonic() < until:
            psutil.wait_procs(left, timeout=0.2)
            left = list(self._left())
        for process in left:
            with suppress(psutil.NoSuchProcess):
                self._found.append(f"{process.pid} ({process.status()}) {' '.join(process.cmdline())[:300]}")
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(left, timeout=PATIENCE)
        if self._found and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which."""
        if self._found:
            terminalreporter.section("processes that the tests have left behind", red=True, bold=True)
            for line in self._found:
                terminalreporter.line(line, red=True)

    def _left(self) -> Iterator[psutil.Process]:
        folder = self._folder()
        own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        for process in psutil.process_iter():
            if process.pid not in own and self._is_ours(process, folder):
                yield process

    def _folder(self) -> Path | None:
        """The temporary folder of all tests."""
        factory: pytest.TempPathFactory | None = getattr(self._config, "_tmp_path_factory", None)
        return factory.getbasetemp() if factory else None

    def _is_ours(self, process: psutil.Process, folder: Path | None) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            words = process.cmdline()
            if process.ppid() == os.getpid() and any(each in " ".join(words) for each in _OURS_UNTIL_THE_END):
                return False
            if process.environ().get(MARK) == self._mark:
                return True
            return folder is not None and (
                any(f"{folder}/" in word for word in words) or Path(process.cwd()).is_relative_to(folder)
            )
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has ended, or is another user's
            return False


def watch(config: pytest.Config) -> None:
    """Look at the end of this session."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Leftovers(config), "leftovers")

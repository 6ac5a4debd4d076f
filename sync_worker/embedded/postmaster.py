"""The server's process: made, awaited, stopped. Used by the supervisor alone.

`postmaster.pid` is PostgreSQL's own account of itself: line 1 is the server's process, line 8 says `ready`
when it accepts connections (source: src/include/utils/pidfile.h).
"""

import signal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sync_worker.clock import Clock
from sync_worker.embedded import commands, processes
from sync_worker.embedded.account import Account
from sync_worker.embedded.home import Home
from sync_worker.embedded.locks import patiently
from sync_worker.embedded.trouble import explained, size, written_since

if TYPE_CHECKING:
    from subprocess import Popen

START_SECONDS = 300.0  # the recovery after a crash may replay a lot
STALE_SECONDS = 10.0  # for a server that is about to end: its lock, its postmaster.pid
_STOP = ((signal.SIGINT, 60.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))  # fast, immediate, none
_TAKEN = 'lock file "postmaster.pid" already exists'


class Postmaster:
    """One server process on the data of one home."""

    def __init__(self, home: Home, account: Account, clock: Clock) -> None:
        self._home = home
        self._account = account
        self._clock = clock
        self._process: Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether the process exists."""
        return self._process is not None and self._process.poll() is None

    async def start(self, binaries: Path, socket_folder: Path, *, durable: bool) -> None:
        """Start, and return when it accepts connections; the caller has proved that no other server lives.

        Raises:
            DatabaseUnreachable: it does not start; the message ends with the log's last lines.
        """
        command = partial(commands.postgres, binaries, socket_folder=socket_folder, durable=durable)
        end = self._clock.monotonic() + STALE_SECONDS
        while True:
            start = size(self._home.log)
            self._forget_dead_server()
            self._process = processes.start(command, self._home.data, self._home, self._account)
            if await patiently(lambda: self._ready() or not self.alive, self._clock, START_SECONDS) and self.alive:
                return
            await self.stop()
            said = written_since(self._home.log, start)
            if _TAKEN not in said or self._clock.monotonic() >= end:
                raise explained("the embedded PostgreSQL does not start", said, self._home.log)
            await self._clock.sleep(0.2)

    async def stop(self) -> None:
        """Fast shutdown; harder if that takes too long."""
        for number, seconds in _STOP:
            if not self.alive or self._process is None:
                return
            self._process.send_signal(number)
            await patiently(lambda: not self.alive, self._clock, seconds)

    def _ready(self) -> bool:
        lines = _lines(self._home.data / "postmaster.pid")
        process = self._process.pid if self._process else 0
        return lines[:1] == [str(process)] and "".join(lines[7:8]).startswith("ready")

    def _forget_dead_server(self) -> None:
        """Remove the `postmaster.pid` of a server that does not run.

        PostgreSQL asks only whether a process of that number exists. In a container another program soon has it, and a
        dead process that its parent has not yet reaped counts, too.
        """
        path = self._home.data / "postmaster.pid"
        lines = _lines(path)
        if lines and not _is_server(lines[0].strip()):
            path.unlink(missing_ok=True)


def _is_server(number: str) -> bool:
    try:
        return (Path("/proc") / number / "exe").readlink().name.startswith("postgres")
    except OSError:  # no such process, a dead one, or another user's
        return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []

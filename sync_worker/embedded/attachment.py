"""How a process comes to a running server: it joins the one that is there, or starts a supervisor.

First it takes the users' lock, so that a running server stays and a stopping one is waited for. Then it tries
the owner's lock: who gets it knows that no supervisor lives, starts one and hands the lock over to it, so there
is never a second one; who does not get it waits for what the supervisor says.
"""

import asyncio
import os
import sys
from pathlib import Path

from sync_worker.clock import Clock
from sync_worker.embedded import home, state, trouble
from sync_worker.embedded.account import clean_environment
from sync_worker.embedded.binaries import Binaries
from sync_worker.embedded.home import Home
from sync_worker.embedded.locks import POLL_SECONDS, FileLock, patiently
from sync_worker.embedded.options import Order, ServerOptions
from sync_worker.errors import DatabaseUnreachable, SyncWorkerError

PATIENCE_SECONDS = 600.0  # more than a supervisor allows itself for its start
_SOURCE = Path(__file__).parents[2]  # the folder that holds the package


async def joined(place: Home, clock: Clock) -> FileLock:
    """Hold the users' lock. A server that is being stopped is waited for."""
    users = FileLock(place.users_lock)
    if await patiently(users.try_shared, clock, PATIENCE_SECONDS):
        return users
    users.close()
    raise DatabaseUnreachable("the embedded server is being stopped, and does not end", where=str(place.log))


class Attachment:
    """From a held users' lock to a running server."""

    def __init__(self, place: Home, binaries: Binaries, options: ServerOptions, clock: Clock) -> None:
        self._home = place
        self._binaries = binaries
        self._options = options
        self._clock = clock
        self._log_start = 0

    async def running(self) -> state.Running:
        """Wait for the server, starting a supervisor where there is none.

        Raises:
            SyncWorkerError: the supervisor says why there is no server, or ended without a word.
        """
        owner = FileLock(self._home.owner_lock)
        started = False
        try:
            end = self._clock.monotonic() + PATIENCE_SECONDS
            while self._clock.monotonic() < end:
                if owner.try_exclusive():
                    if started:
                        raise self._ended()
                    await self._start(owner)
                    owner.close()
                    owner, started = FileLock(self._home.owner_lock), True
                elif found := self._said():
                    return found
                await self._clock.sleep(POLL_SECONDS)
        finally:
            owner.close()
        raise DatabaseUnreachable("the embedded server does not get ready", where=str(self._home.log))

    def _said(self) -> state.Running | None:
        said = state.read(self._home.state)
        if isinstance(said, state.Failed):
            raise said.error()
        if said is not None and not Path(said.socket_folder).is_dir():
            raise DatabaseUnreachable(
                "the embedded server runs, but its socket cannot be seen from here",
                where=said.socket_folder,
                hint="A process with a /tmp of its own (systemd's PrivateTmp) started it: wait until that one ends",
            )
        return said

    def _ended(self) -> SyncWorkerError:
        said = state.read(self._home.state)
        if isinstance(said, state.Failed):
            return said.error()
        lines = trouble.written_since(self._home.log, self._log_start)
        return trouble.explained("the embedded server's supervisor ended", lines, self._home.log)

    async def _start(self, owner: FileLock) -> None:
        """Start a supervisor that inherits the owner's lock. The process awaited here only makes it, detached."""
        state.clear(self._home.state)
        order = Order(
            folder=self._home.folder,
            binaries=self._binaries.folder,
            major=self._binaries.major,
            owner_lock=owner.descriptor,
            options=self._options,
        )
        log = self._open_log()
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "sync_worker.embedded.supervisor", order.to_text()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(owner.descriptor,),
                cwd="/",
                env=clean_environment(os.environ) | {"PYTHONPATH": _python_path()},
                start_new_session=True,
            )
        finally:
            os.close(log)
        await process.wait()

    def _open_log(self) -> int:
        log = self._home.log
        if trouble.size(log) > home.LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._log_start = os.fstat(descriptor).st_size
        return descriptor


def _python_path() -> str:
    """So that the supervisor is found, and finds, what this process does."""
    return os.pathsep.join([str(_SOURCE), *filter(None, sys.path)])

"""The process that owns the server: `python -m sync_worker.embedded.supervisor ORDER`.

It is detached from whoever starts it, so that the server outlives its first user, and is never asked to stop:
it sees from the users' lock that nobody is left. While it stops it keeps that lock, so that a newcomer waits
and then starts anew. If it is killed, the kernel stops the server (`processes`). If its folder is removed it stops
the server and ends; a newcomer may have made the folder again meanwhile, so it writes and removes nothing there.
"""

import asyncio
import os
import signal
import sys
from enum import Enum
from pathlib import Path

from sync_worker.clock import Clock
from sync_worker.embedded import sockets, state
from sync_worker.embedded.account import Account, server_account
from sync_worker.embedded.cluster import ensure_data
from sync_worker.embedded.home import Home
from sync_worker.embedded.locks import FileLock, patiently
from sync_worker.embedded.options import Order
from sync_worker.embedded.postmaster import STALE_SECONDS, Postmaster
from sync_worker.embedded.transplant import executable_binaries
from sync_worker.embedded.trouble import translated
from sync_worker.errors import DatabaseUnreachable, SyncWorkerError

POLL_SECONDS = 0.1
RESTARTS = 3  # after crashes, in one supervisor's life


class End(Enum):
    """Why the watch is over."""

    IDLE = "nobody uses the server"
    TOLD = "a signal asks for the end"
    CRASHED = "the server is gone"
    REMOVED = "somebody removed the folder, or its data"


class Idleness:
    """How long nobody has been there. Seconds of any monotonic clock."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._since: float | None = None

    def over(self, *, nobody: bool, now: float) -> bool:
        """Take in what is seen now; True when nobody was seen for `limit` seconds."""
        if not nobody:
            self._since = None
            return False
        if self._since is None:
            self._since = now
        return now - self._since >= self._limit


class Supervisor:
    """Starts the server, watches it and its users, stops it."""

    def __init__(self, order: Order, account: Account, clock: Clock) -> None:
        self._order = order
        self._account = account
        self._clock = clock
        self._home = Home(order.folder)
        self._users = FileLock(self._home.users_lock)
        self._socket_folder = self._home.folder  # until one is made
        self._postmaster = Postmaster(self._home, account, clock)
        self.told = asyncio.Event()

    async def run(self) -> None:
        """All of the supervisor's life.

        Raises:
            SyncWorkerError: the server cannot be started.
            OSError: as from the file system.
        """
        binaries = executable_binaries(self._order.binaries, self._account)
        try:
            await self._serve(binaries)
        finally:
            await self._postmaster.stop()
            sockets.remove(self._socket_folder)

    async def _serve(self, binaries: Path) -> None:
        for _ in range(1 + RESTARTS):
            await self._start(binaries)
            end = await self._watch()
            if not self._users.in_place():
                break
            state.clear(self._home.state)
            if end is not End.CRASHED or self._users.try_exclusive():
                break

    async def _start(self, binaries: Path) -> None:
        home, durable = self._home, self._order.options.durable
        await self._await_predecessor()
        ensure_data(home, binaries, self._account, major=self._order.major, durable=durable)
        self._socket_folder = sockets.socket_folder(
            home.folder, self._users.identity, self._account, sockets.bases(os.environ)
        )
        await self._postmaster.start(binaries, self._socket_folder, durable=durable)
        state.write(home.state, state.Running(socket_folder=str(self._socket_folder)))

    async def _await_predecessor(self) -> None:
        """Wait for the last processes of a server whose supervisor was killed."""
        lock = FileLock(self._home.server_lock)
        try:
            if not await patiently(lock.try_exclusive, self._clock, STALE_SECONDS):
                raise DatabaseUnreachable(
                    "a server of an earlier run still ends", where=str(self._home.folder), hint="Try again in a minute"
                )
        finally:
            lock.close()

    async def _watch(self) -> End:
        """Return when something must be done; after `IDLE` the users' lock is ours."""
        idleness = Idleness(self._order.options.idle_seconds)
        while not self.told.is_set():
            if not (self._users.in_place() and self._home.data.exists()):
                return End.REMOVED
            if not self._postmaster.alive:
                return End.CRASHED
            nobody = self._users.try_exclusive()
            if idleness.over(nobody=nobody, now=self._clock.monotonic()):
                return End.IDLE
            if nobody:
                self._users.release()
            await self._clock.sleep(POLL_SECONDS)
        return End.TOLD


async def supervise(order: Order, clock: Clock) -> None:
    """Run a supervisor; what it cannot do goes into the state, for those who wait."""
    home = Home(order.folder)
    try:
        supervisor = Supervisor(order, server_account(), clock)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, supervisor.told.set)
        await supervisor.run()
    except SyncWorkerError as error:
        state.write(home.state, state.Failed.of(error))
    except OSError as error:
        state.write(home.state, state.Failed.of(translated(error, home.folder)))


def main(arguments: list[str]) -> None:
    """Detach (the parent's child ends at once, so nobody has to reap the supervisor) and supervise."""
    order = Order.from_text(arguments[0])
    if os.fork() > 0:
        os._exit(0)
    os.set_inheritable(order.owner_lock, False)  # noqa: FBT003  (positional by its definition)
    os.chdir("/")
    asyncio.run(supervise(order, Clock()))


if __name__ == "__main__":
    main(sys.argv[1:])

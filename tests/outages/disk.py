"""Small disks: file systems in memory for the data or the log of a server, and something that fills them."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from tests.outages.server import Server, initialised, prepare
from tests.outages.wire import Blow, Line, Wire

SIZE: Final = 120  # megabytes: data with a few databases, or a log
SEGMENT: Final = 2**20  # bytes; a file of the log, as small as can be
SLACK: Final = 16 * 1024  # bytes of the log that are left before a new file of it is needed
NO_RIGHT: Final = "this user may not mount a small file system here"

LOG_OPTIONS: Final = ("-c", "wal_recycle=off", "-c", "min_wal_size=2MB", "-c", "max_wal_size=32MB")


@contextmanager
def mounted(folder: Path, owner: int) -> Iterator[None]:
    """A file system in memory.

    Raises:
        PermissionError: this user, or this container, may not.
    """
    folder.mkdir(exist_ok=True)
    options = f"size={SIZE}m,mode=0700,uid={owner}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    with suppress(FileNotFoundError):
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            try:
                yield
            finally:
                subprocess.run(["umount", "--lazy", str(folder)], check=True)
            return
    raise PermissionError(NO_RIGHT)


@dataclass(frozen=True, kw_only=True)
class Disk:
    """A small disk."""

    folder: Path
    holds_log: bool

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """To the last byte."""
        with self._ballast.open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(bytes(4096))

    def free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    def filling(self, server: Server) -> Blow:
        """Fill it, and use up what room the server has kept for its log."""

        async def blow(_: Wire, __: Line) -> None:
            self.fill()
            if self.holds_log:
                await _use_up_log(server)

        return blow


async def _use_up_log(server: Server) -> None:
    """To its last bytes; where somebody else writes meanwhile the server goes down under it: no room is left either."""
    with suppress(asyncpg.PostgresError, OSError):
        admin = await asyncpg.connect(server.dsn("postgres"))
        used = await admin.fetchval("SELECT (pg_current_wal_insert_lsn() - '0/0') % $1", SEGMENT)
        await admin.execute("SELECT pg_logical_emit_message(false, '', repeat('x', $1))", int(SEGMENT - used - SLACK))
        await admin.close()


@asynccontextmanager
async def small(*, log: bool) -> AsyncIterator[tuple[Server, Disk]]:
    """A server with the template, whose data or whose log lies on a small disk.

    Raises:
        PermissionError: as `mounted`.
    """
    async with initialised(*LOG_OPTIONS) as server:
        folder = server.home / "log.d" if log else server.data
        with mounted(folder, server.account.uid):
            server.initialise("--wal-segsize=1", f"--waldir={server.home / 'log.d' / 'wal'}")
            await server.start()
            await prepare(server)
            yield server, Disk(folder=folder, holds_log=log)
            server.end()

"""A PostgreSQL of a test's own, without a supervisor: the test shuts it down, starts it again, and fills its disk."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import asyncpg

from sync_worker.clock import Clock
from sync_worker.embedded import commands
from sync_worker.embedded.account import Account, clean_environment, server_account
from sync_worker.embedded.binaries import chosen, search_places
from sync_worker.embedded.processes import _tie_to
from sync_worker.embedded.transplant import executable_binaries
from sync_worker.mirror.database import connect
from sync_worker.mirror.migrations import migrate
from tests.integration.embedded.place import until
from tests.leftovers import marked

MIGRATED: Final = "migrated"
"""A database with the schema, to clone."""


@dataclass(kw_only=True)
class Server:
    """One data folder and at most one postmaster on it."""

    home: Path  # socket, log, data; the server's account owns it
    binaries: Path
    account: Account
    options: Sequence[str] = ()  # of the server, after the usual ones
    process: "subprocess.Popen[bytes] | None" = None
    databases: int = 0
    crashes: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.home / "log"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def initialise(self, *more: str) -> None:
        """Make the data folder."""
        major = int((subprocess.check_output([self.binaries / "postgres", "--version"])).split()[2].split(b".")[0])
        self._run([*commands.initdb(self.binaries, str(self.data), major=major, durable=False), *more]).wait()

    async def start(self) -> None:
        """Return when it accepts connections."""
        command = commands.postgres(self.binaries, str(self.data), self.home, durable=False)
        self.process = self._run([*command, *self.options])
        await until(lambda: not self.alive or self._ready())
        assert self.alive, self.log.read_text(errors="replace")[-2000:]

    def crash(self) -> None:
        """`pg_ctl -m immediate stop`: nothing is written any more; the next start recovers from the log."""
        self.crashes += 1
        self.end(signal.SIGQUIT)

    def end(self, signum: int = signal.SIGINT) -> None:
        """Fast, if not said otherwise."""
        if self.process is not None and self.alive:
            self.process.send_signal(signum)
        if self.process is not None:
            self.process.wait(60)

    async def database(self) -> str:
        """The name of a fresh database with the schema and nothing in it."""
        self.databases += 1
        name = f"outage_{self.databases}"
        admin = await asyncpg.connect(self.dsn("postgres"))
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {MIGRATED}")
        await admin.close()
        return name

    async def drop(self, name: str) -> None:
        admin = await asyncpg.connect(self.dsn("postgres"))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()

    def dsn(self, database: str) -> str:
        return f"postgresql://{commands.ROLE}@/{database}?host={self.home}&port=5432"

    def _run(self, command: Sequence[str]) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=marked(clean_environment(os.environ)),
                user=self.account.user,
                group=self.account.group,
                extra_groups=self.account.extra_groups,
                preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509  (it ends with the tests, however they end)
            )

    def _ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        process = self.process.pid if self.process else 0
        return lines[:1] == [str(process)] and "".join(lines[7:8]).startswith("ready")


@asynccontextmanager
async def initialised(*options: str) -> AsyncIterator[Server]:
    """A home without data yet; below /tmp, where the account can go and the socket's name is short."""
    account = server_account()
    home = Path(tempfile.mkdtemp(prefix="outage-", dir="/tmp"))
    os.chown(home, account.uid, -1)
    found = await chosen(search_places(os.environ), None, home)
    server = Server(home=home, binaries=executable_binaries(found.folder, account), account=account, options=options)
    try:
        yield server
    finally:
        server.end(signal.SIGQUIT)
        shutil.rmtree(home, ignore_errors=True)


async def prepare(server: Server) -> None:
    """Make the template."""
    admin = await asyncpg.connect(server.dsn("postgres"))
    await admin.execute(f"CREATE DATABASE {MIGRATED}")
    await admin.close()
    async with connect(server.dsn(MIGRATED), size=1) as database:
        await migrate(database, Clock())


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server with the template."""
    async with initialised() as server:
        server.initialise()
        await server.start()
        await prepare(server)
        yield server

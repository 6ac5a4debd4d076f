"""One server's home, and what runs there."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from sync_worker.clock import Clock, deadline
from sync_worker.embedded import EmbeddedServer, ServerOptions

QUICK = ServerOptions(idle_seconds=0.3, durable=False)
SOURCE = Path(__file__).parents[3]


@dataclass(frozen=True)
class Process:
    """A process of this machine, ours or not."""

    number: int

    @property
    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return self._read("stat").rpartition(")")[2].strip()[:1] not in ("", "Z", "X")

    @property
    def name(self) -> str:
        return self._read("comm").strip()

    @property
    def words(self) -> list[str]:
        """The command line."""
        return self._read("cmdline").rstrip("\0").split("\0")

    @property
    def variables(self) -> set[str]:
        """The names in its environment."""
        return {entry.partition("=")[0] for entry in self._read("environ").split("\0")}

    def signal(self, number: int) -> None:
        """Send it; nothing happens where it has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.number, number)

    def _read(self, what: str) -> str:
        try:
            return (Path("/proc") / str(self.number) / what).read_text(errors="replace")
        except OSError:
            return ""


@dataclass(frozen=True)
class Place:
    """A folder for a server, and the processes that belong to it."""

    folder: Path
    python: str = sys.executable

    @property
    def environment(self) -> dict[str, str]:
        """For other processes: they find the package where this one does."""
        return os.environ | {"PYTHONPATH": os.pathsep.join([str(SOURCE), *sys.path])}

    def server(self, options: ServerOptions = QUICK) -> EmbeddedServer:
        return EmbeddedServer(self.folder, Clock(), options)

    def supervisor(self) -> Process | None:
        """The supervisor's process."""
        return next(self.supervisors(), None)

    def supervisors(self) -> Iterator[Process]:
        """All of them: one whose folder was removed may live beside that of the folder that came after."""
        return filter(self._is_supervisor, _all_processes())

    def postmaster(self) -> Process | None:
        """The server's process, out of its own file: it is asked for after its supervisor's death, too."""
        try:
            number = (self.folder / "data" / "postmaster.pid").read_text().split("\n")[0]
        except OSError:
            return None
        process = Process(int(number or 0))
        return process if process.alive and process.name == "postgres" else None

    def empty(self) -> bool:
        """Neither supervisor nor server."""
        return self.supervisor() is None and self.postmaster() is None

    async def ended(self) -> None:
        """Nothing runs there any more, whatever a test has left: a supervisor that is held hears nothing."""
        for supervisor in self.supervisors():
            supervisor.signal(signal.SIGTERM)
            supervisor.signal(signal.SIGCONT)
        await until(self.empty)

    @contextmanager
    def crashed(self) -> Iterator[None]:
        """The server is killed, as by a crash of its machine, and stays away for as long as the body takes."""
        supervisor, postmaster = self.supervisor(), self.postmaster()
        assert supervisor is not None
        assert postmaster is not None
        supervisor.signal(signal.SIGSTOP)
        try:
            postmaster.signal(signal.SIGKILL)
            yield
        finally:
            supervisor.signal(signal.SIGCONT)

    def _is_supervisor(self, process: Process) -> bool:
        words = process.words
        ours = "sync_worker.embedded.supervisor" in words
        return ours and json.loads(words[-1])["folder"] == str(self.folder) and process.alive


def _all_processes() -> Iterator[Process]:
    return (Process(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit())


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds, at most so many seconds."""
    clock = Clock()
    async with deadline(seconds):
        while not condition():
            await clock.sleep(0.02)


async def ask(server: EmbeddedServer, query: str, database: str = "postgres") -> object:
    """The answer's first value."""
    connection = await asyncpg.connect(server.dsn(database))
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def remove(folder: Path) -> None:
    """Remove it as `rm -rf` does, while a server in it, which ends because of that, removes its own files."""
    while folder.exists():
        with suppress(OSError):
            shutil.rmtree(folder)


def socket_folder(server: EmbeddedServer) -> Path:
    """Where clients find the server."""
    return Path(parse_qs(urlsplit(server.dsn("postgres")).query)["host"][0])

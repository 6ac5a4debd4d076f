"""The embedded server as its users see it: a context in which a database exists."""

import asyncio
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from sync_worker.clock import Clock
from sync_worker.embedded import commands, home, trouble
from sync_worker.embedded.account import clean_environment
from sync_worker.embedded.attachment import Attachment, joined
from sync_worker.embedded.binaries import Binaries, chosen, search_places
from sync_worker.embedded.options import ServerOptions
from sync_worker.embedded.sockets import PORT
from sync_worker.errors import DatabaseUnreachable

if TYPE_CHECKING:
    from sync_worker.embedded.locks import FileLock


class EmbeddedServer:
    """A PostgreSQL of our own, started on entry if nobody has; it stops some seconds after its last user left.

    Args:
        folder: the server's home; None: the one of this operating-system user.
        clock: time.
        options: how a server that is started here behaves.

    Raises:
        ConfigError: on entry: no binaries, another major version's data, a folder that cannot be used.
        DatabaseUnreachable: on entry: the server does not start; the message ends with its log's last lines.
    """

    def __init__(self, folder: Path | None, clock: Clock, options: ServerOptions | None = None) -> None:
        self._folder = folder
        self._clock = clock
        self._options = options or ServerOptions()
        self._users: FileLock | None = None
        self._socket_folder = ""
        self._binaries: Binaries | None = None

    async def __aenter__(self) -> Self:
        place = home.prepared(self._folder or home.default_folder(os.environ, os.geteuid()))
        self._binaries = await chosen(search_places(os.environ), place.data_major(), place.data)
        try:
            self._users = await joined(place, self._clock)
            attachment = Attachment(place, self._binaries, self._options, self._clock)
            self._socket_folder = (await attachment.running()).socket_folder
        except OSError as error:
            self._leave()
            raise trouble.translated(error, place.folder) from error
        except BaseException:
            self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._leave()

    def dsn(self, database: str) -> str:
        """The URL of a database of that name; inside the context only."""
        host = quote(self._socket_folder, safe="/")
        return f"postgresql://{commands.ROLE}@/{quote(database, safe='')}?host={host}&port={PORT}"

    async def ensure_database(self, name: str) -> None:
        """Make the database where it is missing; any number of processes may do so at the same moment.

        Raises:
            DatabaseUnreachable: the server refuses, or is gone.
        """
        assert self._binaries is not None, "inside the context only"  # noqa: S101  (a slip of the programmer's)
        process = await asyncio.create_subprocess_exec(
            *commands.create_database(self._binaries.folder, self._socket_folder, name),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=clean_environment(os.environ),
        )
        _, said = await process.communicate()
        if process.returncode != 0:
            reason = trouble.one_line(said.decode(errors="replace"))
            raise DatabaseUnreachable(f"the database {name} cannot be made: {reason}", where=self._socket_folder)

    def _leave(self) -> None:
        if self._users is not None:
            self._users.close()
            self._users = None

"""Connections to PostgreSQL.

`url` may go through a transaction pooler; whatever needs a session of its own (the writer's lock, the list of
walked users) uses `direct_url`, which is `url` where no other is given.
"""

import select
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import Any, Final, Literal, Protocol, TypeAlias
from weakref import WeakSet

import asyncpg
from asyncpg.transaction import Transaction
from typing_extensions import override

from sync_worker.clock import deadline
from sync_worker.errors import SyncWorkerError
from sync_worker.mirror.sql import statement
from sync_worker.mirror.suitability import check_server
from sync_worker.mirror.trouble import BROKEN, DIRECT_URL, URL, describe, opening, translated

Record = asyncpg.Record
_Connection: TypeAlias = "asyncpg.Connection[Record] | asyncpg.pool.PoolConnectionProxy[Record]"
CONNECT_TIMEOUT: Final = 15.0  # seconds
STATEMENT_TIMEOUT: Final = 300.0  # seconds; the longest honest statement takes a small part of it
FAREWELL: Final = 5.0  # seconds for a rollback, or for cleaning a connection for the next user of it
KEEPALIVE: Final = {
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "60s",
}
"""The server notices a dead client after about 30 s, and one that has gone silent within a transaction after 60 s:
until then it keeps its locks."""


class Session:
    """One connection; statements go by name.

    Every method raises `DatabaseUnreachable` where the connection is gone, and `ConfigError` where rights are missing.
    """

    def __init__(self, connection: _Connection, place: str) -> None:
        self.connection = connection
        self._place = place

    async def fetch(self, name: str, *args: Any) -> list[Record]:
        """All rows of a named statement."""
        with translated(self._place):
            return await self.connection.fetch(statement(name), *args)

    async def fetch_row(self, name: str, *args: Any) -> Record | None:
        """The first row, or None."""
        with translated(self._place):
            return await self.connection.fetchrow(statement(name), *args)

    async def fetch_value(self, name: str, *args: Any) -> Any:
        """The first column of the first row."""
        with translated(self._place):
            return await self.connection.fetchval(statement(name), *args)

    async def stream(self, name: str, *args: Any, size: int) -> AsyncGenerator[list[Record]]:
        """The rows of a named statement, `size` at a time, as they were at its start; within a transaction."""
        with translated(self._place):
            cursor = await self.connection.cursor(statement(name), *args)
        while True:
            with translated(self._place):
                rows = await cursor.fetch(size)
            if not rows:
                return
            yield rows

    async def execute(self, name: str, *args: Any) -> None:
        """Run for the effect."""
        with translated(self._place):
            await self.connection.execute(statement(name), *args)

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Load rows into a table of this session."""
        with translated(self._place):
            await self.connection.copy_records_to_table(table, columns=columns, records=rows)

    def stirs(self) -> bool:
        """Whether the server has sent something that nobody has read yet: where nothing was asked, its farewell.

        True also on a connection that is closed. The event loop need not have run since: a process that was stopped for
        a while sees so what came meanwhile.
        """
        transport = self.connection._transport  # type: ignore[union-attr]  # noqa: SLF001  (there is no public way)
        socket = None if transport is None else transport.get_extra_info("socket")
        if socket is None or socket.fileno() < 0:
            return True
        waiting = select.poll()
        waiting.register(socket.fileno(), select.POLLIN)
        return bool(waiting.poll(0))

    @asynccontextmanager
    async def transaction(self, *, readonly: bool = False, snapshot: bool = False) -> AsyncIterator[None]:
        """A transaction on this connection; rolled back by any exception. `snapshot`: all of it sees one moment."""
        isolation: Literal["repeatable_read"] | None = "repeatable_read" if snapshot else None
        with translated(self._place):
            transaction = self.connection.transaction(isolation=isolation, readonly=readonly)
        try:
            with translated(self._place):
                await transaction.start()
            yield
        except BaseException:
            await self._roll_back(transaction)
            raise
        with translated(self._place), self._dropped_on_error():
            await transaction.commit()

    @asynccontextmanager
    async def rehearsal(self) -> AsyncIterator[None]:
        """A transaction that leaves nothing behind, also where all goes well."""
        with translated(self._place):
            transaction = self.connection.transaction()
            await transaction.start()
        try:
            yield
        finally:
            await self._roll_back(transaction)

    async def _roll_back(self, transaction: Transaction) -> None:
        """Undo, but not for long; a connection on which that fails is of no use any more."""
        with suppress(*BROKEN, asyncpg.PostgresError), self._dropped_on_error():  # the first error is the one to tell
            async with deadline(FAREWELL):
                await transaction.rollback()

    @contextmanager
    def _dropped_on_error(self) -> Iterator[None]:
        """The server undoes what a connection that is gone has left open."""
        try:
            yield
        except BaseException:
            _drop(self.connection)
            raise


def _drop(connection: _Connection) -> None:
    with suppress(asyncpg.InterfaceError):  # the pool has it back: it was gone already
        connection.terminate()


class Sessions(Protocol):
    """Whatever gives connections for reading."""

    def session(self) -> AbstractAsyncContextManager[Session]:
        """A connection."""


class Database:
    """A small pool of connections.

    Args:
        pool: for transactions.
        url: where that goes to.
        direct_url: for connections of one's own; None: the same.
        connections: those of the pool; those of one's own are added.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[Record]",
        url: str,
        direct_url: str | None,
        connections: "WeakSet[asyncpg.Connection[Record]]",
    ) -> None:
        self._pool = pool
        self._direct_url = direct_url or url
        self._direct_setting = DIRECT_URL if direct_url else URL
        self._connections = connections
        self.place = describe(url)  # without secrets, for messages
        self.direct_place = describe(self._direct_url)

    def abandon(self) -> None:
        """Drop every connection without a goodbye: whoever waits for an answer gets an error at once.

        For when the server has gone silent, or nobody wants to wait any more; what comes later connects anew.
        """
        for connection in list(self._connections):
            if not connection.is_closed():
                connection.terminate()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection out of the pool, without a transaction."""
        with translated(self.place):
            connection = await self._pool.acquire()
        try:
            yield Session(connection, self.place)
        finally:
            with suppress(Exception):  # its work is done or has failed already; the pool drops it where this fails
                await self._pool.release(connection, timeout=FAREWELL)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A transaction on a connection out of the pool."""
        async with self.session() as session, session.transaction():
            yield session

    @asynccontextmanager
    async def dedicated(self, application_name: str) -> AsyncIterator[Session]:
        """A connection of one's own, for what belongs to a session: locks, temporary tables."""
        settings = {"application_name": application_name, **KEEPALIVE}
        with opening(self.direct_place, self._direct_setting):
            connection = await _connect(self._direct_url, server_settings=settings)
        self._connections.add(connection)
        try:
            with translated(self.direct_place, self._direct_setting):
                await check_server(connection, self.direct_place)
            yield Session(connection, self.direct_place)
        finally:
            await _close(connection)

    async def check_direct(self) -> None:
        """Find out before any work whether connections of one's own can be had, where they take a way of their own.

        Raises:
            DatabaseUnreachable, ConfigError: as `connect`.
        """
        if self._direct_setting == DIRECT_URL:
            async with self.dedicated("sync-worker"):
                pass


class AwayDatabase(Database):
    """One that could not be opened: whoever asks it gets the error; for what is to be done all the same."""

    def __init__(self, error: SyncWorkerError) -> None:
        self._error = error
        self.place = ""

    @override
    def abandon(self) -> None:
        """There is nothing."""

    @override
    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        raise self._error
        yield  # makes it a context

    @override
    @asynccontextmanager
    async def dedicated(self, application_name: str) -> AsyncIterator[Session]:
        raise self._error
        yield


async def _connect(dsn: str | None = None, **options: Any) -> "asyncpg.Connection[Record]":
    """A connection, in time; asyncpg's own limit is `asyncio.timeout`, which is not always one (see `clock`)."""
    async with deadline(CONNECT_TIMEOUT):
        return await asyncpg.connect(dsn, **{**options, "timeout": None})


async def _close(connection: "asyncpg.Connection[Record]") -> None:
    """Say goodbye, but not for long: the connection may be dead."""
    try:
        async with deadline(2.0):
            await connection.close()
    except (*BROKEN, asyncpg.PostgresError):
        connection.terminate()


@asynccontextmanager
async def connect(url: str, direct_url: str | None = None, *, size: int = 4) -> AsyncIterator[Database]:
    """Open the database.

    Args:
        url: `postgresql://…`.
        direct_url: where `url` goes through a transaction pooler, the way around it; prepared statements are then
            not kept.
        size: connections in the pool at most.

    Raises:
        DatabaseUnreachable: nobody answers.
        ConfigError: a wrong user, password or database, one that is not in UTF8, or a PostgreSQL older than 15.
    """
    place = describe(url)
    connections: WeakSet[asyncpg.Connection[Record]] = WeakSet()

    async def admit(connection: "asyncpg.Connection[Record]") -> None:
        await check_server(connection, place)
        connections.add(connection)

    with opening(place):
        pool = await asyncpg.create_pool(
            url,
            min_size=0,  # else it reconnects by itself, and logs that it could not
            max_size=size,
            connect=_connect,
            command_timeout=STATEMENT_TIMEOUT,
            statement_cache_size=0 if direct_url else 100,
            server_settings=None if direct_url else {"application_name": "sync-worker", **KEEPALIVE},
            init=admit,
        )
    try:
        with opening(place):
            async with pool.acquire():
                pass  # it answers, and is of the right kind
        yield Database(pool, url, direct_url, connections)
    finally:
        await _close_pool(pool)


async def _close_pool(pool: "asyncpg.Pool[Record]") -> None:
    try:
        async with deadline(5.0):
            await pool.close()
    except (*BROKEN, asyncpg.PostgresError):
        pool.terminate()

"""Connections to PostgreSQL, and the one place where asyncpg's errors become ours.

`url` may go through a transaction pooler; whatever needs a session of its own (the writer's lock, the list of
walked users) uses `direct_url`, which is `url` where no other is given.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from sync_worker.errors import ConfigError, DatabaseUnreachable
from sync_worker.mirror.sql import statement

Record = asyncpg.Record
_Connection: TypeAlias = "asyncpg.Connection[Record] | asyncpg.pool.PoolConnectionProxy[Record]"
MINIMUM_VERSION: Final = 15
CONNECT_TIMEOUT: Final = 15.0  # seconds
KEEPALIVE: Final = {"tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
"""A dead peer is noticed after about 30 s."""

_HOST: Final = re.compile(r"(\[[^]]*]|[^:]*)(:\d+)?")
_UNCLEAR: Final = "database.url"
_BROKEN = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # used in the moment between the server's goodbye and the end of the connection
)
_AWAY = (*_BROKEN, asyncpg.PostgresConnectionError)
_STUCK = (
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.TransactionRollbackError,  # deadlock
    asyncpg.ReadOnlySQLTransactionError,  # a standby, after a failover
)
_WRONG = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Turn asyncpg's errors into ours.

    Args:
        place: the database without secrets, for the message.

    Raises:
        DatabaseUnreachable: no connection, or it broke, or PostgreSQL cannot go on now.
        ConfigError: PostgreSQL says that user, password, database or rights are wrong.
    """
    try:
        yield
    except _WRONG as error:
        hint = "Check database.url (user, password, database name) and the rights of that user"
        raise ConfigError(f"PostgreSQL refuses: {_first_line(error)}", where=place, hint=hint) from error
    except _AWAY as error:
        hint = "Is the server running, and is database.url right? The same command goes on later"
        message = f"the database cannot be reached: {_first_line(error)}"
        raise DatabaseUnreachable(message, where=place, hint=hint) from error
    except _STUCK as error:
        hint = "See the server's log; the same command goes on later"
        raise DatabaseUnreachable(f"the database stops: {_first_line(error)}", where=place, hint=hint) from error


@contextmanager
def _opening(place: str) -> Iterator[None]:
    """`translated`, for what reads the address too."""
    try:
        with translated(place):
            yield
    except ValueError:  # its text may be a piece of the password
        hint = "Write it as postgresql://user:password@host:5432/name, with %-escapes in the password (%40 for @)"
        raise ConfigError("the database's address cannot be read", where=place, hint=hint) from None


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0] or type(error).__name__


def describe(url: str) -> str:
    """A database address for people, without user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return _UNCLEAR
    hosts = parts.netloc.rpartition("@")[2]
    beyond = f"{parts.path}?{parts.query}#{parts.fragment}"
    clear = parts.scheme in {"postgresql", "postgres"} and all(_HOST.fullmatch(host) for host in hosts.split(","))
    if not clear or "@" in beyond:  # an unescaped character in the password moves parts of it to elsewhere
        return _UNCLEAR
    return f"database {parts.path.lstrip('/') or '(default)'} on {hosts or 'local socket'}"


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

    async def execute(self, name: str, *args: Any) -> None:
        """Run for the effect."""
        with translated(self._place):
            await self.connection.execute(statement(name), *args)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A transaction on this connection; rolled back by any exception."""
        with translated(self._place):
            transaction = self.connection.transaction()
            await transaction.start()
        try:
            yield
        except BaseException:
            with suppress(*_BROKEN, asyncpg.PostgresError):  # the first error is the one to tell
                await transaction.rollback()
            raise
        with translated(self._place):
            await transaction.commit()


class Database:
    """A small pool of connections.

    Args:
        pool: for transactions.
        direct_url: for connections of one's own.
        place: the database without secrets, for messages.
    """

    def __init__(self, pool: "asyncpg.Pool[Record]", direct_url: str, place: str) -> None:
        self._pool = pool
        self._direct_url = direct_url
        self.place = place

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """A connection out of the pool, without a transaction."""
        with translated(self.place):
            connection = await self._pool.acquire()
        try:
            yield Session(connection, self.place)
        finally:
            with translated(self.place):
                await self._pool.release(connection)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A transaction on a connection out of the pool."""
        async with self.session() as session, session.transaction():
            yield session

    @asynccontextmanager
    async def dedicated(self, application_name: str) -> AsyncIterator[Session]:
        """A connection of one's own, for what belongs to a session: locks, temporary tables."""
        settings = {"application_name": application_name, **KEEPALIVE}
        with _opening(self.place):
            connection = await asyncpg.connect(self._direct_url, timeout=CONNECT_TIMEOUT, server_settings=settings)
        try:
            yield Session(connection, self.place)
        finally:
            await _close(connection)


async def _close(connection: "asyncpg.Connection[Record]") -> None:
    """Say goodbye, but not for long: the connection may be dead."""
    try:
        async with asyncio.timeout(2.0):
            await connection.close()
    except (*_BROKEN, asyncpg.PostgresError):
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
        ConfigError: a wrong user, password or database, or a PostgreSQL older than 15.
    """
    place = describe(url)
    cache_size = 0 if direct_url else 100
    with _opening(place):
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            timeout=CONNECT_TIMEOUT,
            statement_cache_size=cache_size,
            server_settings=None if direct_url else {"application_name": "sync-worker"},
        )
    try:
        await _check_version(pool, place)
        yield Database(pool, direct_url or url, place)
    finally:
        await _close_pool(pool)


async def _check_version(pool: "asyncpg.Pool[Record]", place: str) -> None:
    with translated(place):
        async with pool.acquire() as connection:
            version = connection.get_server_version()
    if version.major < MINIMUM_VERSION:
        raise ConfigError(
            f"PostgreSQL {version.major} is too old", where=place, hint=f"Use PostgreSQL {MINIMUM_VERSION} or newer"
        )


async def _close_pool(pool: "asyncpg.Pool[Record]") -> None:
    try:
        async with asyncio.timeout(5.0):
            await pool.close()
    except (*_BROKEN, asyncpg.PostgresError):
        pool.terminate()

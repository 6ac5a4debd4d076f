"""The one place where asyncpg's errors become ours, and where a database is named for people."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import asyncpg

from sync_worker.errors import ConfigError, DatabaseStuck, DatabaseUnreachable, UsageError
from sync_worker.logs import mask_emails

_HOST: Final = re.compile(r"(\[[^]]*]|[^:]*)(:\d+)?")
URL: Final = "database.url"  # the setting
DIRECT_URL: Final = "database.direct_url"
_GONE: Final = re.compile(r"clos(ed|ing)|released back to the pool")
BROKEN = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # used in the moment between the server's goodbye and the end of the connection
)
_AWAY = (*BROKEN, asyncpg.PostgresConnectionError)
_STUCK = (
    asyncpg.OperatorInterventionError,  # shutting down, starting up, cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk full, out of memory
    asyncpg.TransactionRollbackError,  # deadlock
    asyncpg.LockNotAvailableError,  # lock_timeout
    asyncpg.ReadOnlySQLTransactionError,  # a standby, after a failover
    asyncpg.PostgresSystemError,  # its files are gone, or its disk is broken
    asyncpg.IdleInTransactionSessionTimeoutError,  # this process was paused, with its machine perhaps
)
_HOPELESS = (
    asyncpg.PostgresSystemError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
    asyncpg.ConfigurationLimitExceededError,
    asyncpg.QueryCanceledError,  # a person, or a limit that somebody has set
    asyncpg.DatabaseDroppedError,
)
"""Of `_STUCK`: what does not pass by itself."""
_FULL: Final = "The disk of the database is full: free some space there, then run the same command again to go on"
_WRONG = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ClientConfigurationError,
)
_HINTS: Final[Mapping[type[asyncpg.PostgresError], str]] = {
    asyncpg.ReadOnlySQLTransactionError: "The query may only look: it runs in a READ ONLY transaction",
    asyncpg.InsufficientPrivilegeError: "The query runs as the user of database.url; grant the right to that one",
    asyncpg.PostgresSyntaxError: "Write one statement, such as a SELECT; a semicolon may end it",
}
"""What to do about an error of a user's query, where PostgreSQL itself has no advice; the first that fits."""


@contextmanager
def translated(place: str, setting: str = URL) -> Iterator[None]:
    """Turn asyncpg's errors into ours.

    Args:
        place: the database without secrets, for the message.
        setting: where its address comes from.

    Raises:
        DatabaseUnreachable: no connection, or it broke, or PostgreSQL cannot go on now.
        DatabaseStuck: the same, and it will not pass by itself.
        ConfigError: PostgreSQL says that user, password, database or rights are wrong.
        asyncpg.InterfaceError: a mistake of this program, such as an argument of a wrong type.
    """
    try:
        yield
    except _WRONG as error:
        hint = f"Check {setting} (user, password, database name) and the rights of that user"
        raise ConfigError(f"PostgreSQL refuses: {_first_line(error)}", where=place, hint=hint) from error
    except _AWAY as error:
        if _is_mistake(error):
            raise
        hint = f"Is the server running, and is {setting} right? The same command goes on later"
        message = f"the database cannot be reached: {_first_line(error)}"
        raise DatabaseUnreachable(message, where=place, hint=hint) from error
    except AttributeError as error:
        if not _stumbled(error):
            raise
        hint = "The same command goes on later"
        raise DatabaseUnreachable("the connection to the database broke", where=place, hint=hint) from error
    except _STUCK as error:
        full = isinstance(error, asyncpg.DiskFullError)
        hint = _FULL if full else "See the server's log; the same command goes on later"
        kind = DatabaseStuck if isinstance(error, _HOPELESS) else DatabaseUnreachable
        raise kind(f"the database stops: {_first_line(error)}", where=place, hint=hint) from error


def _stumbled(error: AttributeError) -> bool:
    """Whether asyncpg stumbled over its own connection, which the server had cut in that moment."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    module = last.tb_frame.f_globals.get("__name__", "") if last is not None else ""
    return error.obj is None and module.partition(".")[0] == "asyncpg"


@contextmanager
def questioned(place: str, name: str, text: str, mistake: type[UsageError]) -> Iterator[None]:
    """`translated`, for a statement of the user's own: whatever PostgreSQL says against it is a mistake in it.

    Args:
        place: the database without secrets.
        name: the query, for the message.
        text: its SQL, to find the line.
        mistake: what to raise; addresses that PostgreSQL cites are masked.
    """
    with translated(place):
        try:
            yield
        except asyncpg.PostgresError as error:
            if isinstance(error, (*_AWAY, *_STUCK)) and not isinstance(error, asyncpg.ReadOnlySQLTransactionError):
                raise
            what = mask_emails(f"PostgreSQL refuses it: {_first_line(error)}")
            raise mistake(what, where=_line(name, text, error), hint=_hint(error)) from error
        except (ValueError, OverflowError) as error:
            if isinstance(error, asyncpg.InterfaceError):
                raise
            hint = "Cast the column to text"
            raise mistake("it returns a value that cannot be read", where=name, hint=hint) from error


def _line(name: str, text: str, error: asyncpg.PostgresError) -> str:
    """The query, with the line that PostgreSQL points at; it counts characters from 1."""
    position = str(error.position or "")
    return f"{name}, line {text.count(chr(10), 0, int(position) - 1) + 1}" if position.isdigit() else name


def _hint(error: asyncpg.PostgresError) -> str:
    own = next((hint for kind, hint in _HINTS.items() if isinstance(error, kind)), "")
    return mask_emails(str(error.hint or own).removesuffix("."))


@contextmanager
def opening(place: str, setting: str = URL) -> Iterator[None]:
    """`translated`, for what reads the address too."""
    try:
        with translated(place, setting):
            yield
    except asyncpg.InterfaceError as error:
        hint = f"Check {setting} and the ways of logging in that the server offers"
        raise ConfigError(f"the database cannot be used: {_first_line(error)}", where=place, hint=hint) from error
    except ValueError:  # its text may be a piece of the password
        hint = "Write it as postgresql://user:password@host:5432/name, with %-escapes in the password (%40 for @)"
        raise ConfigError("the database's address cannot be read", where=place, hint=hint) from None


def _is_mistake(error: BaseException) -> bool:
    """Whether asyncpg complains about its caller; it has one class for that and for a connection that is gone."""
    if not isinstance(error, asyncpg.InterfaceError):
        return False
    return isinstance(error, ValueError) or not _GONE.search(str(error))  # a ValueError cites the argument


def _first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0] or type(error).__name__


def describe(url: str) -> str:
    """A database address for people, without user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return URL
    hosts = parts.netloc.rpartition("@")[2]
    beyond = f"{parts.path}?{parts.query}#{parts.fragment}"
    clear = parts.scheme in {"postgresql", "postgres"} and all(_HOST.fullmatch(host) for host in hosts.split(","))
    if not clear or "@" in beyond:  # an unescaped character in the password moves parts of it to elsewhere
        return URL
    return f"database {parts.path.lstrip('/') or '(default)'} on {hosts or 'local socket'}"

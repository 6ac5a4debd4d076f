"""What people see of a database's address, and of PostgreSQL's errors."""

import asyncpg
import pytest

from sync_worker.errors import ConfigError, DatabaseStuck, DatabaseUnreachable
from sync_worker.mirror.trouble import describe, translated


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:secret@db.example.com:5433/school", "database school on db.example.com:5433"),
        ("postgres://db/school", "database school on db"),
        ("postgresql://ann:secret@one:1,two:2/school", "database school on one:1,two:2"),
        ("postgresql://ann:secret@[::1]:5432/school", "database school on [::1]:5432"),
        ("postgresql://sync_worker@/school?host=/tmp/x&port=5", "database school on local socket"),
        ("postgresql://ann:s%40cret@db", "database (default) on db"),
        ("postgresql://ann:se@cret@db/school", "database school on db"),
        ("postgresql://ann:secret/x@db/school", "database.url"),
        ("postgresql://ann:secret", "database.url"),
        ("postgresql://[secret", "database.url"),
        ("secret", "database.url"),
        ("", "database.url"),
    ],
)
def test_an_address_is_shown_without_secrets(url: str, shown: str) -> None:
    """In doubt, not at all."""
    assert describe(url) == shown


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (OSError("x"), DatabaseUnreachable),
        (TimeoutError(), DatabaseUnreachable),
        (asyncpg.InterfaceError("connection is closed"), DatabaseUnreachable),
        (asyncpg.InterfaceError("the server expects 2 arguments"), asyncpg.InterfaceError),
        (asyncpg.ConnectionDoesNotExistError("x"), DatabaseUnreachable),
        (asyncpg.CannotConnectNowError("x"), DatabaseUnreachable),
        (asyncpg.AdminShutdownError("x"), DatabaseUnreachable),
        (asyncpg.CrashShutdownError("x"), DatabaseUnreachable),
        (asyncpg.TooManyConnectionsError("x"), DatabaseUnreachable),
        (asyncpg.DiskFullError("x"), DatabaseStuck),
        (asyncpg.OutOfMemoryError("x"), DatabaseStuck),
        (asyncpg.UndefinedFileError("x"), DatabaseStuck),
        (asyncpg.QueryCanceledError("x"), DatabaseStuck),
        (asyncpg.DatabaseDroppedError("x"), DatabaseStuck),
        (asyncpg.DeadlockDetectedError("x"), DatabaseUnreachable),
        (asyncpg.ReadOnlySQLTransactionError("x"), DatabaseUnreachable),
        (asyncpg.InvalidPasswordError("x"), ConfigError),
        (asyncpg.InvalidAuthorizationSpecificationError("x"), ConfigError),
        (asyncpg.InvalidCatalogNameError("x"), ConfigError),
        (asyncpg.InsufficientPrivilegeError("x"), ConfigError),
        (asyncpg.ClientConfigurationError("x"), ConfigError),
        (asyncpg.UniqueViolationError("x"), asyncpg.UniqueViolationError),
    ],
)
def test_foreign_errors_become_ours(error: Exception, ours: type[Exception]) -> None:
    """By what the caller does next; a fault of this program stays what it is."""
    with pytest.raises(ours) as caught, translated("database school on db"):
        raise error
    assert type(caught.value) is ours or caught.value is error
    if caught.value is not error:
        assert str(caught.value).startswith("database school on db: ")
        assert caught.value.__cause__ is error


def test_a_full_disk_is_named() -> None:
    """With what to do; the server's own words say which file."""
    said = "No space left on device. The disk of the database is full: free some"
    with pytest.raises(DatabaseStuck, match=said), translated("db"):
        raise asyncpg.DiskFullError('could not extend file "base/5/16386": No space left on device')


def test_only_the_first_line_is_told() -> None:
    """The others are for the log; an error without a text has its name."""
    with pytest.raises(DatabaseUnreachable) as caught, translated("db"):
        raise OSError("one\ntwo")
    assert "two" not in str(caught.value)
    with pytest.raises(DatabaseUnreachable, match="TimeoutError"), translated("db"):
        raise TimeoutError


@pytest.mark.parametrize(
    ("module", "thing", "ours"),
    [
        ("asyncpg.connection", None, DatabaseUnreachable),
        ("asyncpg.connection", "there", AttributeError),
        ("sync_worker.mirror.merge", None, AttributeError),
    ],
)
def test_a_driver_that_stumbles(module: str, thing: object, ours: type[Exception]) -> None:
    """Asyncpg reaches for a connection that the server has just cut; our own slips stay what they are."""
    code = compile("thing.bind_execute", "<driver>", "eval")
    with pytest.raises(ours), translated("db"):
        eval(code, {"__name__": module, "thing": thing})  # noqa: S307  (code of this test)

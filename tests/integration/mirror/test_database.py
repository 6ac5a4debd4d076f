"""Connections, and asyncpg's errors in our words."""

import asyncio
import socket

import asyncpg
import pytest

from sync_worker.clock import Clock, deadline
from sync_worker.errors import ConfigError, DatabaseUnreachable, SyncWorkerError
from sync_worker.mirror import database as database_module
from sync_worker.mirror.database import Database, connect
from tests.integration.mirror.stage import kill_backend
from tests.integration.mirror.wire import Proxy, proxied, refusing_passwords, saying_version

SECRET = "hunter2"


async def fails(url: str, direct_url: str | None = None) -> SyncWorkerError:
    """What comes of connecting; without the password."""
    with pytest.raises(SyncWorkerError) as caught:
        async with connect(url, direct_url) as database, database.dedicated("test"):
            pass
    assert SECRET not in str(caught.value)
    return caught.value


async def test_nobody_listens() -> None:
    """Resumable, and the address is in the message."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await fails(f"postgresql://mirror:{SECRET}@127.0.0.1:{port}/school")
    assert isinstance(error, DatabaseUnreachable)
    assert f"database school on 127.0.0.1:{port}" in str(error)


async def test_nobody_listens_around_the_pooler(database_url: str) -> None:
    """The message names that address and its setting, not the pooler's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await fails(database_url, f"postgresql://mirror:{SECRET}@127.0.0.1:{port}/school")
    assert isinstance(error, DatabaseUnreachable)
    assert error.where == f"database school on 127.0.0.1:{port}"
    assert "is database.direct_url right?" in error.hint


async def test_a_host_that_does_not_exist() -> None:
    """May be the name server: resumable."""
    assert isinstance(await fails(f"postgresql://mirror:{SECRET}@nowhere.invalid/school"), DatabaseUnreachable)


async def test_a_wrong_password() -> None:
    """A person has to change something."""
    async with refusing_passwords() as address:
        error = await fails(f"postgresql://mirror:{SECRET}@{address}/school?sslmode=disable")
    assert isinstance(error, ConfigError)
    assert 'password authentication failed for user "mirror"' in str(error)


async def test_an_old_postgresql() -> None:
    """15 is the oldest."""
    async with saying_version("14.11") as address:
        error = await fails(f"postgresql://mirror:{SECRET}@{address}/school?sslmode=disable")
    assert isinstance(error, ConfigError)
    assert "PostgreSQL 14 is too old" in str(error)


async def test_a_wrong_database_or_user(database_url: str) -> None:
    """Said by PostgreSQL itself."""
    wrong_database = database_url.replace("/test_", "/no_test_")
    error = await fails(wrong_database)
    assert isinstance(error, ConfigError)
    assert "does not exist" in str(error)
    error = await fails(database_url.replace("sync_worker@", f"nobody:{SECRET}@"))
    assert isinstance(error, ConfigError)
    assert 'role "nobody" does not exist' in str(error)
    assert isinstance(await fails(database_url, wrong_database), ConfigError)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://mirror:{SECRET}/x@db/school",
        f"postgresql://mirror:{SECRET}#x@db/school",
        f"postgresql://mirror:{SECRET}?x@db/school",
        f"postgresql://mirror:{SECRET}",
        f"postgresql://mirror@db/school?password={SECRET}&{SECRET}",
        f"postgresql://mirror@[{SECRET}/school",
        f"postgresql://mirror:x@db:{SECRET}/school",
        f"mysql://mirror:{SECRET}@db/school",
        SECRET,
    ],
)
async def test_an_address_that_cannot_be_read(url: str) -> None:
    """No piece of it is in the message: a stray character may make the password anything."""
    assert isinstance(await fails(url), ConfigError)


async def test_a_missing_right(database: Database) -> None:
    """The hint names the rights."""
    async with database.session() as session:
        await session.connection.execute("CREATE ROLE reader; SET ROLE reader")
        with pytest.raises(ConfigError, match=r"permission denied for schema (mirror|worker)"):
            await session.fetch("instance_figures", "main")
        await session.connection.execute("RESET ROLE; DROP ROLE reader")


async def test_the_server_goes_away(database_url: str) -> None:
    """In the middle of a transaction and between two: unreachable, and it stays so; leaving is quick."""
    async with proxied(database_url) as proxy, connect(proxy.url) as database:
        with pytest.raises(DatabaseUnreachable) as caught:  # noqa: PT012  (the context is what is tested)
            async with database.transaction() as session:
                await session.fetch_value("alive")
                proxy.cut()
                await session.fetch_value("alive")
        assert SECRET not in str(caught.value)
        for _ in range(2):
            with pytest.raises(DatabaseUnreachable):
                async with database.session() as session:
                    await session.fetch_value("alive")


async def test_the_server_goes_away_at_the_commit(database_url: str) -> None:
    """Nobody knows whether it committed: what runs again is idempotent."""
    async with proxied(database_url) as proxy, connect(proxy.url) as database:
        with pytest.raises(DatabaseUnreachable):  # noqa: PT012  (it is the end of the context that fails)
            async with database.transaction() as session:
                await session.fetch_value("alive")
                proxy.cut()


async def test_an_administrator_ends_the_session(database: Database) -> None:
    """Resumable; the pool heals itself."""
    async with database.session() as session:
        pid = await session.connection.fetchval("SELECT pg_backend_pid()")
        async with database.session():
            await kill_backend(database, pid)
        with pytest.raises(DatabaseUnreachable):
            await session.fetch_value("alive")
    async with database.session() as session:
        assert await session.fetch_value("alive") == 1


async def test_a_statement_that_is_cancelled(database: Database) -> None:
    """By a timeout of the server's configuration, say: the same command goes on later."""
    async with database.session() as session, database.transaction() as other:
        await other.connection.execute("LOCK TABLE worker.failures")
        await session.connection.execute("SET statement_timeout = 10")
        with pytest.raises(DatabaseUnreachable, match="the database stops: canceling statement"):
            await session.fetch("open_failures", "main", [])


async def test_a_transaction_is_rolled_back_by_any_exception(database: Database) -> None:
    """Also by the end of the task."""
    started = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as session:
            await session.connection.execute("CREATE TABLE left_over ()")
            started.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await started.wait()
    task.cancel()
    await asyncio.wait([task])
    with pytest.raises(ZeroDivisionError):  # noqa: PT012  (the context is what is tested)
        async with database.transaction() as session:
            await session.connection.execute("CREATE TABLE left_over_too ()")
            raise ZeroDivisionError
    async with database.session() as session:
        assert await session.connection.fetchval("SELECT to_regclass('left_over')") is None
        assert await session.connection.fetchval("SELECT to_regclass('left_over_too')") is None


async def test_a_pooler_needs_no_prepared_statements(database_url: str) -> None:
    """With a direct URL, the other one may go through a transaction pooler: nothing is kept there between queries."""
    async with connect(database_url, database_url) as database, database.session() as session:
        await session.fetch("count_pending", "main")
        kept = await session.connection.fetchval("SELECT count(*) FROM pg_prepared_statements WHERE name <> ''")
        assert kept == 0


@pytest.mark.parametrize("args", [("main", "one too many"), (1,), ()])
async def test_a_mistake_of_this_program_is_no_trouble_of_the_database(database: Database, args: tuple[object]) -> None:
    """An argument of a wrong type or a wrong number of them: unexpected, and not to be tried again."""
    async with database.session() as session:
        with pytest.raises((asyncpg.InterfaceError, asyncpg.DataError)):
            await session.fetch("count_pending", *args)
        assert await session.fetch_value("alive") == 1


async def test_a_cancelled_begin_leaves_no_transaction_open(database_url: str, database: Database) -> None:
    """It may reach the server after the cancel."""
    async with proxied(database_url) as proxy, connect(proxy.url) as through, through.dedicated("test") as session:

        async def begin() -> None:
            async with session.transaction():
                await asyncio.Event().wait()

        proxy.flows.clear()
        task = asyncio.create_task(begin())
        await Clock().sleep(0.1)
        task.cancel()
        await asyncio.wait([task], timeout=30)
        assert task.cancelled()
        proxy.flows.set()
        await Clock().sleep(0.3)
        async with database.session() as looking:
            states = await looking.connection.fetch(
                "SELECT state FROM pg_stat_activity WHERE application_name = 'test'"
            )
            assert "idle in transaction" not in [row["state"] for row in states]


async def _hangs(database: Database, proxy: Proxy) -> "asyncio.Task[None]":
    """A task that waits for a server that has gone silent, in a transaction."""
    begun = asyncio.Event()

    async def work() -> None:
        async with database.transaction() as session:
            await session.fetch_value("alive")
            proxy.flows.clear()
            begun.set()
            await session.fetch_value("alive")

    task = asyncio.create_task(work())
    await begun.wait()
    await Clock().sleep(0.1)
    assert not task.done()
    return task


async def test_a_cancel_does_not_wait_for_a_silent_server(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the rollback nor the return to the pool; the pool heals itself."""
    monkeypatch.setattr(database_module, "FAREWELL", 0.2)
    async with proxied(database_url) as proxy, connect(proxy.url, size=1) as database:
        task = await _hangs(database, proxy)
        task.cancel()
        await asyncio.wait([task], timeout=30)
        assert task.cancelled()
        proxy.flows.set()
        async with database.session() as session:
            assert await session.fetch_value("alive") == 1


async def test_abandoned_connections_answer_at_once(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an error, and without a farewell; what comes later connects anew."""
    monkeypatch.setattr(database_module, "FAREWELL", 60)
    async with proxied(database_url) as proxy, connect(proxy.url, size=1) as database:
        task = await _hangs(database, proxy)
        database.abandon()
        with pytest.raises(DatabaseUnreachable):
            async with deadline(30):
                await task
        proxy.flows.set()
        async with database.session() as session:
            assert await session.fetch_value("alive") == 1


async def test_a_silent_server_is_not_waited_for_forever(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement has its time."""
    monkeypatch.setattr(database_module, "STATEMENT_TIMEOUT", 0.3)
    monkeypatch.setattr(database_module, "FAREWELL", 0.2)
    async with proxied(database_url) as proxy, connect(proxy.url, size=1) as database:
        task = await _hangs(database, proxy)
        with pytest.raises(DatabaseUnreachable):
            async with deadline(30):
                await task


@pytest.mark.parametrize("size", [0, 1])
async def test_a_silent_server_in_a_task_that_was_cancelled_before(
    database_url: str, monkeypatch: pytest.MonkeyPatch, *, size: int
) -> None:
    """It cleans up, or goes on after an error of its tasks: a connection that does not come is an error there, too."""
    monkeypatch.setattr(database_module, "CONNECT_TIMEOUT", 0.3)

    async def ask(database: Database) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(DatabaseUnreachable):
                async with database.session() if size else database.dedicated("test"):
                    pass
            raise ZeroDivisionError

    async with proxied(database_url) as proxy, connect(proxy.url, size=2) as database, database.session():
        proxy.flows.clear()
        task = asyncio.create_task(ask(database))
        await Clock().sleep(0)
        task.cancel()
        await asyncio.wait([task], timeout=30)
        assert isinstance(task.exception(), ZeroDivisionError)
        proxy.flows.set()

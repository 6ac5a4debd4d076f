"""Migrations: in order, once, whole or not at all, one migrator at a time."""

import hashlib
from pathlib import Path

import pytest

from sync_worker.clock import Clock
from sync_worker.errors import ConfigError, DatabaseUnreachable, SchemaError, Unreachable
from sync_worker.mirror import migrations
from sync_worker.mirror.database import Database, connect
from sync_worker.mirror.migrations import Migration, migrate, require_current, status
from sync_worker.tasks import TaskGroup


def migration(version: int, text: str) -> Migration:
    """A migration that is in no file."""
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(version=version, name=f"step_{version}", text=text, checksum=checksum)


STEPS = (
    migration(1, "CREATE TABLE first (number integer); INSERT INTO first VALUES (1);"),
    migration(2, "INSERT INTO first VALUES (2); CREATE TABLE second ();"),
)
BROKEN = migration(3, "CREATE TABLE third (); INSERT INTO first VALUES (3); SELECT 1 / 0;")


async def tables(database: Database) -> list[str]:
    """What the test's migrations have made."""
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
    async with database.session() as session:
        return [row["tablename"] for row in await session.connection.fetch(query)]


async def test_an_empty_database_waits_for_everything(empty_database_url: str, clock: Clock) -> None:
    """Then has all of it, and nothing is left to do."""
    async with connect(empty_database_url) as database:
        before = await status(database)
        assert before.empty
        assert before.waiting == migrations.migrations()
        with pytest.raises(SchemaError, match=r"lacks the migrations 0001 \(mirror_and_ledger\).*db migrate"):
            await require_current(database)
        assert await migrate(database, clock) == before.waiting
        after = await status(database)
        assert (after.empty, after.waiting) == (False, ())
        assert [(entry.version, entry.checksum) for entry in after.applied] == [
            (entry.version, entry.checksum) for entry in before.waiting
        ]
        await require_current(database)
        assert await migrate(database, clock) == ()


async def test_migrations_come_in_order_and_once(empty_database_url: str, clock: Clock) -> None:
    """Those that are new, after those that the database has."""
    async with connect(empty_database_url) as database:
        assert await migrate(database, clock, STEPS[:1]) == STEPS[:1]
        assert await migrate(database, clock, STEPS) == STEPS[1:]
        assert await migrate(database, clock, STEPS) == ()
        assert await tables(database) == ["first", "second"]
        async with database.session() as session:
            rows = await session.connection.fetch("SELECT number FROM first ORDER BY number")
        assert [row["number"] for row in rows] == [1, 2]


async def test_a_failing_migration_leaves_nothing(empty_database_url: str, clock: Clock) -> None:
    """Those before it stay; repaired, it goes on."""
    async with connect(empty_database_url) as database:
        with pytest.raises(SchemaError, match=r"migration 0003 \(step_3\) failed .*: division by zero"):
            await migrate(database, clock, (*STEPS, BROKEN))
        assert await tables(database) == ["first", "second"]
        assert [entry.version for entry in (await status(database, STEPS)).applied] == [1, 2]
        assert await migrate(database, clock, (*STEPS, migration(3, "CREATE TABLE third ();")))


async def test_a_new_database_is_made_whole_or_not_at_all(empty_database_url: str, clock: Clock) -> None:
    """Where a later migration fails, or the process dies, an earlier one does not stay behind."""
    async with connect(empty_database_url) as database:
        with pytest.raises(SchemaError, match="0003"):
            await migrate(database, clock, (*STEPS, BROKEN), whole=True)
        assert (await status(database, STEPS)).empty
        assert await tables(database) == []


async def test_an_edited_migration_is_refused(empty_database_url: str, clock: Clock) -> None:
    """By looking and by migrating; nothing is applied."""
    async with connect(empty_database_url) as database:
        await migrate(database, clock, STEPS[:1])
        edited = (migration(1, "CREATE TABLE other ();"), STEPS[1])
        for attempt in (status(database, edited), migrate(database, clock, edited)):
            with pytest.raises(SchemaError, match=r"migration 0001 \(step_1\) differs"):
                await attempt
        assert await tables(database) == ["first"]


async def test_a_newer_database_is_refused(empty_database_url: str, clock: Clock) -> None:
    """This program does not know what it would break."""
    async with connect(empty_database_url) as database:
        await migrate(database, clock, STEPS)
        for attempt in (status(database, STEPS[:1]), migrate(database, clock, STEPS[:1]), require_current(database)):
            with pytest.raises(SchemaError, match=r"unknown to this version.*upgrade|differs"):
                await attempt


async def test_migrators_at_the_same_moment(empty_database_url: str, clock: Clock) -> None:
    """One does the work, the others find it done."""
    async with connect(empty_database_url) as database:
        async with TaskGroup() as group:
            tasks = [group.create_task(migrate(database, clock)) for _ in range(4)]
        done = sorted(len(task.result()) for task in tasks)
        assert done == [0, 0, 0, len(migrations.migrations())]


async def test_a_migrator_does_not_wait_for_ever(
    empty_database_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one has been at it for too long."""
    monkeypatch.setattr(migrations, "_LOCK_PATIENCE", 0.1)
    async with connect(empty_database_url) as database, database.dedicated("other") as session:
        await session.fetch_value("try_migration_lock", migrations._LOCK)
        with pytest.raises(Unreachable, match="another process is migrating"):
            await migrate(database, clock)


async def test_missing_rights_and_a_lost_connection_are_said(empty_database_url: str, clock: Clock) -> None:
    """Not as a fault of the migration."""
    async with connect(empty_database_url) as database:
        forbidden = migration(1, "CREATE ROLE weak; SET LOCAL ROLE weak; CREATE SCHEMA x;")
        with pytest.raises(ConfigError, match="permission denied"):
            await migrate(database, clock, (forbidden,))
        fatal = migration(1, "SELECT pg_terminate_backend(pg_backend_pid());")
        with pytest.raises(DatabaseUnreachable):
            await migrate(database, clock, (fatal,))
        assert (await status(database, STEPS)).empty


@pytest.mark.parametrize("name", ["1_short.sql", "0001-dash.sql", "0001.sql", "readme.sql"])
def test_a_file_that_is_no_migration(tmp_path: Path, name: str) -> None:
    """It would be forgotten silently."""
    (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(SchemaError, match="NNNN_name"):
        migrations.migrations(tmp_path)


def test_migrations_are_read_in_order_whatever_the_line_ends(tmp_path: Path) -> None:
    """The checksum is that of the text."""
    (tmp_path / "0002_b.sql").write_bytes(b"SELECT 2;\r\n")
    (tmp_path / "0001_a.sql").write_bytes(b"SELECT 1;\n")
    found = migrations.migrations(tmp_path)
    assert [(entry.version, entry.name) for entry in found] == [(1, "a"), (2, "b")]
    assert found[1].checksum == hashlib.sha256(b"SELECT 2;\n").hexdigest()


async def test_changes_of_an_older_database_are_numbered(empty_database_url: str, clock: Clock) -> None:
    """What was there before the views has numbers of its own, and what comes later has higher ones."""
    everything = migrations.migrations()
    views = next(each.version for each in everything if each.name == "reporting")
    old = tuple(each for each in everything if each.version < views)
    channel = (
        "INSERT INTO mirror.communication_channels (instance, id, user_id, type, address, workflow_state, "
        "bounce_known, first_seen_at, changed_at) VALUES ('main', {0}, 1, 'email', 'a@x.example', 'active', true, "
        "'2026-03-01', '2026-03-0{0}')"
    )
    version = (
        "INSERT INTO mirror.channel_history (instance, channel_id, user_id, type, address, workflow_state, "
        "bounce_known, valid_from, valid_to, run_id, origin) VALUES ('main', {0}, 1, 'email', 'b@x.example', 'active', "
        "true, '2026-03-01', '2026-03-0{0}', 1, 'canvas')"
    )
    async with connect(empty_database_url) as database, database.session() as session:
        await migrate(database, clock, old)
        for number in (2, 3):
            await session.connection.execute(channel.format(number))
            await session.connection.execute(version.format(number))
        await migrate(database, clock)
        for statement in (channel, version):  # a column came with a later migration
            later = statement.replace("address,", "address, folded_address,").replace(
                "'email',", "'email', 'c@x.example',"
            )
            await session.connection.execute(later.format(4))
        query = "SELECT id, kind, channel_id FROM reporting.changes ORDER BY id"
        assert [tuple(row) for row in await session.connection.fetch(query)] == [
            (1, "readdressed", 2),
            (2, "readdressed", 3),
            (3, "created", 2),
            (4, "created", 3),
            (5, "created", 4),
            (6, "readdressed", 4),
        ]

"""Plain-SQL migrations: numbered files, forward only, each in a transaction, with a checksum against edits.

One migrator at a time: the lock is polled, because a waiting `pg_advisory_lock()` keeps a snapshot open and
deadlocks with `CREATE INDEX CONCURRENTLY`.
"""

import hashlib
import re
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg

from sync_worker.clock import Clock
from sync_worker.errors import SchemaError, Unreachable
from sync_worker.mirror.database import Database, Session
from sync_worker.mirror.sql import sql_folder
from sync_worker.mirror.trouble import translated

_FILE: Final = re.compile(r"(\d{4})_(\w+)\.sql")
_LOCK: Final = 0x53594E43  # "SYNC"
_LOCK_PATIENCE: Final = 60.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of `sql/migrations`."""

    version: int
    name: str
    text: str
    checksum: str  # sha256 of the text, hexadecimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A migration that this database has."""

    version: int
    name: str
    checksum: str
    applied_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStatus:
    """What the database has against what this program brings."""

    applied: tuple[Applied, ...]
    waiting: tuple[Migration, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing was ever applied."""
        return not self.applied


def migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """The migrations that this program brings, in order."""
    files = sorted((folder or sql_folder() / "migrations").glob("*.sql"))
    return tuple(_read(file) for file in files)


def _read(file: Path) -> Migration:
    match = _FILE.fullmatch(file.name)
    if match is None:
        raise SchemaError("a migration's file is named NNNN_name.sql", where=str(file))
    text = file.read_text(encoding="utf-8")
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return Migration(version=int(match[1]), name=match[2], text=text, checksum=checksum)


async def status(database: Database, known: tuple[Migration, ...] | None = None) -> SchemaStatus:
    """Compare the database with the program.

    Raises:
        SchemaError: the database has a migration that this program does not know, or knows otherwise.
    """
    async with database.session() as session:
        return await _status(session, migrations() if known is None else known, database.place)


async def _status(session: Session, known: tuple[Migration, ...], place: str) -> SchemaStatus:
    applied = await _applied(session)
    _check(applied, known, place)
    done = {migration.version for migration in applied}
    return SchemaStatus(applied=applied, waiting=tuple(m for m in known if m.version not in done))


async def _applied(session: Session) -> tuple[Applied, ...]:
    if await session.fetch_value("migrations_table") is None:
        return ()
    return tuple(Applied(**row) for row in await session.fetch("applied_migrations"))


def _check(applied: tuple[Applied, ...], known: tuple[Migration, ...], place: str) -> None:
    by_version = {migration.version: migration for migration in known}
    for entry in applied:
        migration = by_version.get(entry.version)
        label = f"migration {entry.version:04} ({entry.name})"
        if migration is None:
            hint = "The database was made by a newer sync-worker: upgrade this program"
            raise SchemaError(f"{label} is unknown to this version", where=place, hint=hint)
        if migration.checksum != entry.checksum:
            hint = "Migrations are never edited: restore the file as it was released"
            raise SchemaError(f"{label} differs from the one that was applied", where=place, hint=hint)


async def migrate(
    database: Database, clock: Clock, known: tuple[Migration, ...] | None = None, *, whole: bool = False
) -> tuple[Migration, ...]:
    """Apply what is waiting, each migration in its own transaction; returns what was applied.

    Args:
        database: which one.
        clock: time.
        known: the migrations; those that this program brings where not given.
        whole: all in one transaction, so that a new database is new again where the process dies on the way.

    Raises:
        SchemaError: as `status`, or a migration failed (nothing of it stays).
        Unreachable: another process has been migrating for longer than a minute.
    """
    known = migrations() if known is None else known
    async with database.dedicated("sync-worker migrate") as session:
        await _lock(session, clock)
        await session.execute("create_migrations_table")
        waiting = (await _status(session, known, database.direct_place)).waiting
        async with session.transaction() if whole else nullcontext():
            for migration in waiting:
                await _apply(session, migration, database.direct_place)
        return waiting


async def _lock(session: Session, clock: Clock) -> None:
    deadline = clock.monotonic() + _LOCK_PATIENCE
    while not await session.fetch_value("try_migration_lock", _LOCK):
        if clock.monotonic() > deadline:
            raise Unreachable("another process is migrating this database", hint="Wait until it has ended")
        await clock.sleep(0.1)


async def _apply(session: Session, migration: Migration, place: str) -> None:
    try:
        async with session.transaction():
            with translated(place):
                await session.connection.execute(migration.text)
            await session.execute("note_migration", migration.version, migration.name, migration.checksum)
    except asyncpg.PostgresError as error:
        label = f"migration {migration.version:04} ({migration.name})"
        raise SchemaError(f"{label} failed and was rolled back: {error}", where=place) from error


async def require_current(database: Database) -> None:
    """Make sure that the schema is the one that this program needs.

    Raises:
        SchemaError: migrations are waiting.
    """
    waiting = (await status(database)).waiting
    if waiting:
        names = ", ".join(f"{m.version:04} ({m.name})" for m in waiting)
        hint = "Run: sync-worker db migrate (the first run or backfill does it by itself in a new database)"
        raise SchemaError(f"the database lacks the migrations {names}", where=database.place, hint=hint)

"""What can be said about the database by looking at it."""

from dataclasses import dataclass
from datetime import datetime

from sync_worker.mirror.database import Database
from sync_worker.mirror.lock import LOCK_KEY, describe_holder


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseFacts:
    """The server and the connection to it."""

    version: str
    role: str  # whose rights hold
    read_only: bool  # a standby, or set so
    bytes: int  # size of the database
    is_new: bool  # nothing was ever migrated


async def database_facts(database: Database) -> DatabaseFacts:
    """What there is to say about the server; raises `ConfigError` and `DatabaseUnreachable`, as all of these."""
    async with database.session() as session:
        row = await session.fetch_row("database_facts")
    return DatabaseFacts(**dict(row or {}))


async def missing_rights(database: Database) -> tuple[str, ...]:
    """What the role lacks, each as it stands behind GRANT."""
    async with database.session() as session:
        return tuple(row["missing"] for row in await session.fetch("missing_rights"))


async def lock_holder(database: Database, instance: str, now: datetime) -> str | None:
    """Who holds the writer's lock of an instance, for people; None where it is free."""
    async with database.session() as session:
        row = await session.fetch_row("holder", LOCK_KEY, instance)
    return describe_holder(row, now) if row is not None and row["is_held"] else None

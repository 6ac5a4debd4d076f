"""What a server must be for its database to hold a mirror: a PostgreSQL that is new enough, a database in UTF8.

Canvas sends any character there is. A database in SQL_ASCII takes bytes for text and gives back what nobody can read,
one in LATIN1 breaks at the first address that it has no place for: either is refused before anything is asked of it.
"""

from typing import TYPE_CHECKING, Final

from sync_worker.errors import ConfigError
from sync_worker.mirror.sql import statement

if TYPE_CHECKING:
    import asyncpg

MINIMUM_VERSION: Final = 15
ENCODING: Final = "UTF8"


async def check_server(connection: "asyncpg.Connection[asyncpg.Record]", place: str) -> None:
    """Refuse a server that is too old, and a database that cannot hold every address.

    Args:
        connection: that was just opened.
        place: the database without secrets, for the message.

    Raises:
        ConfigError: with what to do.
    """
    version = connection.get_server_version()
    if version.major < MINIMUM_VERSION:
        hint = f"Use PostgreSQL {MINIMUM_VERSION} or newer"
        raise ConfigError(f"PostgreSQL {version.major} is too old", where=place, hint=hint)
    said = getattr(connection.get_settings(), "server_encoding", None)
    if said != ENCODING:  # or a pooler keeps it to itself
        await _ask(connection, place)


async def _ask(connection: "asyncpg.Connection[asyncpg.Record]", place: str) -> None:
    row = await connection.fetchrow(statement("database_encoding"))
    if row is None or row["encoding"] == ENCODING:
        return
    raise ConfigError(
        f"the database's encoding is {row['encoding']}, which cannot hold every address; it has to be UTF8",
        where=place,
        hint=f"As its administrator, rename or drop it, then: {row['creation']} (any locale in UTF8 will do)",
    )

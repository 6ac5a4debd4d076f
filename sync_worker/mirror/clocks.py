"""This machine's clock against the database's.

Reads carry the time of this machine, and a read that is older than what the mirror has writes nothing over it: a clock
that runs days ahead would freeze the mirror for days.
"""

from datetime import timedelta
from typing import Final

from sync_worker.clock import Clock
from sync_worker.errors import ConfigError
from sync_worker.mirror.database import Database

TOLERANCE: Final = timedelta(minutes=5)


async def check_clock(database: Database, clock: Clock) -> timedelta:
    """Refuse to write with a clock that is wrong; returns how far this one is ahead of the database's.

    Raises:
        ConfigError: this machine and the database are more than five minutes apart.
    """
    async with database.session() as session:
        there = await session.fetch_value("database_time")
    apart: timedelta = clock.now() - there
    if abs(apart) > TOLERANCE:
        direction = "ahead of" if apart > timedelta() else "behind"
        raise ConfigError(
            f"this machine's clock is {abs(apart)} {direction} the database's",
            where=database.place,
            hint="Set both by NTP; times of reads decide what is newer",
        )
    return apart

"""This machine's clock against the database's.

Which read is the newer one is not said by any clock, but by the order in which the reads began (`ReadOrder`). Times are
for people: when something changed, how old the mirror is, when a plan expires. With two clocks they would contradict
each other.
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
            hint="Set both by NTP: ages, expiries and the times in the history would be wrong",
        )
    return apart

"""This machine's clock against the database's.

Which read is the newer one is not said by any clock, but by the order in which the reads began (`ReadOrder`). Times are
for people: when something changed, how old the mirror is, when a plan expires. With two clocks they would contradict
each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sync_worker.clock import Clock
from sync_worker.errors import ConfigError
from sync_worker.mirror.database import Database, Sessions
from sync_worker.mirror.lock import Writer

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


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureValues:
    """Rows of one table that carry a time in the future: a clock was wrong when they were written."""

    instance: str
    place: str  # schema and table
    rows: int
    latest: datetime


async def future_values(database: Sessions, clock: Clock, instances: Sequence[str]) -> tuple[FutureValues, ...]:
    """What of our own lies more than five minutes in the future, by instance and table."""
    async with database.session() as session:
        rows = await session.fetch("future_values", list(instances), clock.now() + TOLERANCE)
    return tuple(FutureValues(**row) for row in rows)


async def repair_times(writer: Writer, clock: Clock) -> tuple[FutureValues, ...]:
    """Mark what carries a time in the future as unread, and move such times to now; returns what that was.

    Nothing is deleted. The next run over all users reads and writes the marked rows again.

    Raises:
        LockLost: nothing was changed.
    """
    async with writer.transaction() as session:
        await session.execute("join_by_hash")
        now = clock.now()
        rows = await session.fetch("future_values", [writer.instance], now + TOLERANCE)
        for statement in ("repair_channels", "repair_users", "repair_runs", "repair_ledger"):
            await session.execute(statement, writer.instance, now, now + TOLERANCE)
    return tuple(FutureValues(**row) for row in rows)


def is_ahead(then: datetime, now: datetime) -> bool:
    """Whether a time of our own lies in the future: nobody knows how old what it dates is, so that is stale."""
    return then - now > TOLERANCE

"""This machine's clock against the database's."""

from datetime import datetime, timedelta

import pytest
from typing_extensions import override

from sync_worker.clock import Clock
from sync_worker.errors import ConfigError
from sync_worker.mirror.clocks import check_clock
from sync_worker.mirror.database import Database


class WrongClock(Clock):
    """Right but for an error."""

    def __init__(self, error: timedelta) -> None:
        self._error = error

    @override
    def now(self) -> datetime:
        return super().now() + self._error


@pytest.mark.parametrize("seconds", [0, 200, -200])
async def test_a_little_is_tolerated(database: Database, seconds: int) -> None:
    """Some minutes do no harm."""
    apart = await check_clock(database, WrongClock(timedelta(seconds=seconds)))
    assert abs(apart.total_seconds() - seconds) < 60


@pytest.mark.parametrize(("days", "direction"), [(30, "ahead of"), (-1, "behind")])
async def test_a_wrong_clock_writes_nothing(database: Database, days: int, direction: str) -> None:
    """Reads from the future would keep all later ones from being written."""
    with pytest.raises(ConfigError, match=f"clock is .* {direction} the database's"):
        await check_clock(database, WrongClock(timedelta(days=days)))

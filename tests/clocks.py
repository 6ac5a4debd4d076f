"""A clock that somebody sets."""

from datetime import datetime, timedelta
from typing import Final

from typing_extensions import override

from sync_worker.clock import Clock

DAY: Final = timedelta(days=1)
NOTHING: Final = timedelta()


class SteppingClock(Clock):
    """The wall clock is wrong by what the test says, for worker and database alike; durations are right."""

    def __init__(self, ahead: timedelta = NOTHING) -> None:
        self.ahead = ahead

    @override
    def now(self) -> datetime:
        return super().now() + self.ahead

"""The only time, sleep and randomness of the program.

Everything that waits or measures takes a `Clock`, so that a test can put an hour of throttling into a
millisecond on a virtual event loop.
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Real time. Seconds are floats everywhere; instants are aware datetimes in UTC."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed instant; never goes back."""
        return time.monotonic()

    def boottime(self) -> float:
        """Seconds since some fixed instant, those that the machine has slept through too, where the system says so."""
        known = getattr(time, "CLOCK_BOOTTIME", None)
        return time.monotonic() if known is None else time.clock_gettime(known)

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""
        await asyncio.sleep(seconds)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Run `callback` on the running loop after `seconds`."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    def jitter(self, limit: float) -> float:
        """A random number of seconds between 0 and `limit` ("full jitter")."""
        return random.uniform(0.0, limit)  # noqa: S311  (spreads load, hides nothing)

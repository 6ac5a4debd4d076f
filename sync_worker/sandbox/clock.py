"""The sandbox's only time and sleep.

Everything that measures or waits takes a `Clock`; a test passes its own and drives the bucket on virtual time.
"""

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """Real time. Seconds are floats; instants are aware datetimes in UTC."""

    def monotonic(self) -> float:
        """Seconds since some fixed instant; never goes back."""
        return time.monotonic()  # noqa: TID251  (this module is the sandbox's clock)

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251  (this module is the sandbox's clock)

    async def sleep(self, seconds: float) -> None:
        """Wait; nothing at all happens for zero or less, not even a turn of the loop."""
        if seconds > 0:
            await asyncio.sleep(seconds)  # noqa: TID251  (this module is the sandbox's clock)

"""A real clock whose wall time a test sets forward and back."""

from datetime import datetime, timedelta

from typing_extensions import override

from sync_worker.clock import Clock

LONG = 20.0
"""Seconds: longer than any pause but that of `undo --wait`."""


class SteppingClock(Clock):
    """`step` moves the wall time; with `hurry`, a long sleep moves it too, and takes no time."""

    def __init__(self) -> None:
        self.offset = timedelta()
        self.hurry = False

    def step(self, **by: float) -> None:
        """Move on, or back: hours, minutes, days."""
        self.offset += timedelta(**by)

    @override
    def now(self) -> datetime:
        return super().now() + self.offset

    @override
    async def sleep(self, seconds: float) -> None:
        if not self.hurry or seconds < LONG:
            await super().sleep(seconds)
            return
        self.step(seconds=seconds)
        await super().sleep(0.01)

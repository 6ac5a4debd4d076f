"""Time that a test lets pass, and a wall clock that a test sets wrong.

Canvas and the worker see the same time pass. The worker (with its database, whose every time comes from the worker) and
Canvas may each have a wrong clock.
"""

from datetime import datetime, timedelta

from typing_extensions import override

from sync_worker.clock import Clock
from sync_worker.sandbox.clock import Clock as CanvasClock

LONG = 20.0
"""Seconds: longer than any pause but that of `undo --wait`."""


class SteppingClock(Clock):
    """`step` lets time pass; `skew` sets the wall clock wrong; with `hurry`, a long sleep is a step."""

    def __init__(self) -> None:
        self.passed = timedelta()
        self.error = timedelta()
        self.canvas_error = timedelta()
        self.hurry = False

    def step(self, **by: float) -> None:
        """Let hours, minutes, days pass."""
        self.passed += timedelta(**by)

    def skew(self, **by: float) -> None:
        """Set the wall clock forward, or back."""
        self.error += timedelta(**by)

    @override
    def now(self) -> datetime:
        return super().now() + self.passed + self.error

    @override
    async def sleep(self, seconds: float) -> None:
        if not self.hurry or seconds < LONG:
            await super().sleep(seconds)
            return
        self.step(seconds=seconds)
        await super().sleep(0.01)


class SteppingCanvasClock(CanvasClock):
    """The time of a Canvas that lives in the same world."""

    def __init__(self, clock: SteppingClock) -> None:
        self._clock = clock

    @override
    def monotonic(self) -> float:
        return super().monotonic() + self._clock.passed.total_seconds()

    @override
    def now(self) -> datetime:
        return super().now() + self._clock.passed + self._clock.canvas_error

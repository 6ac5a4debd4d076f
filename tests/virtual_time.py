"""An event loop whose time jumps: an hour of throttling passes in as long as its callbacks take to run."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from typing_extensions import override

from sync_worker.clock import Clock

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    """Never waits: what would have been a wait is added to the time."""

    now = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "deadlock: nothing will ever wake the loop"
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time, starting at 0."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    @override
    def time(self) -> float:
        return self._jumping.now


class VirtualClock(Clock):
    """The clock of a `VirtualLoop`; jitter is drawn from a seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)

    @override
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.monotonic())

    @override
    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    @override
    def jitter(self, limit: float) -> float:
        return self._random.uniform(0.0, limit)


def run_virtually(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a fresh virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)

"""The only time, sleep and randomness of the program.

Everything that waits or measures takes a `Clock`, so that a test can put an hour of throttling into a
millisecond on a virtual event loop.

`deadline` is the only deadline. It does what `asyncio.timeout` does in Python 3.13, on every Python from 3.11.0 on:
before 3.11.4 that one gives `CancelledError` instead of `TimeoutError` in a task that was cancelled before (CPython
gh-102780), as each task is that cleans up after a cancellation, or that has left a `TaskGroup` in which a task failed.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self


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


def deadline(seconds: float | None) -> "Deadline":
    """Give the body of an `async with` so many seconds from now: then it is cancelled, and TimeoutError raised.

    Args:
        seconds: on the running event loop; 0 or less: at the next chance; None: never.

    Raises:
        TimeoutError: at the end of the body, where this deadline alone has cancelled it. Whoever else cancels the task
            meanwhile gets their cancellation, and the deadline that is further outside gets its own TimeoutError.
    """
    return Deadline(None if seconds is None else asyncio.get_running_loop().time() + seconds)


class Deadline:
    """One deadline of one task; used once."""

    def __init__(self, when: float | None) -> None:
        self._when = when
        self._task: asyncio.Task[object] | None = None
        self._requests_before = 0  # cancellations that were asked for outside and are not taken back
        self._timer: asyncio.Handle | None = None
        self._passed = False

    def expired(self) -> bool:
        """Whether it has passed before the body ended."""
        return self._passed

    async def __aenter__(self) -> Self:
        if self._task is not None:
            raise RuntimeError("a deadline is used once")
        self._task = asyncio.current_task()
        if self._task is None:
            raise RuntimeError("a deadline needs a task")
        self._requests_before = self._task.cancelling()
        if self._when is not None:
            loop = asyncio.get_running_loop()
            overdue = self._when <= loop.time()
            self._timer = loop.call_soon(self._pass) if overdue else loop.call_at(self._when, self._pass)
        return self

    def _pass(self) -> None:
        self._timer, self._passed = None, True
        if self._task is not None:
            self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._passed or self._task is None:
            return
        foreign = self._task.uncancel() > self._requests_before  # somebody else wants the task to end, too
        if error is None or foreign:
            return
        if isinstance(error, asyncio.CancelledError):
            raise TimeoutError from error
        _note_timeout(error)


def _note_timeout(error: BaseException) -> None:
    """Say in the context of an error that replaced our cancellation (and of those in its group) what it was."""
    for each in (error, *(error.exceptions if isinstance(error, ExceptionGroup) else ())):
        for link in _contexts(each):
            if isinstance(link.__context__, asyncio.CancelledError):
                timeout = TimeoutError()
                timeout.__context__ = timeout.__cause__ = link.__context__
                link.__context__ = timeout
                break


def _contexts(error: BaseException) -> Iterator[BaseException]:
    """The error, what it was raised within, and so on."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__context__

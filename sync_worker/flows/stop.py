"""The gentle end: the first signal asks for it, the second one does not wait for it.

Where nobody could hear the first one (before a run has begun, say), it ends the work at once.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from sync_worker.errors import Stopped

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether, and by which signal, the end was asked for."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.signum: int | None = None
        self.hurried = False  # asked for again: nothing is waited for any more
        self._gentle: list[Callable[[], None]] = []
        self._listeners: list[Callable[[], None]] = []

    @property
    def gentle(self) -> bool:
        """Whether what is at work ends by itself when it is asked to."""
        return bool(self._gentle)

    @contextmanager
    def gently(self, hurry: Callable[[], None]) -> Iterator[None]:
        """The body ends by itself once the end is asked for; `hurry` gives up what it would wait for meanwhile."""
        self._gentle.append(hurry)
        try:
            yield
        finally:
            self._gentle.remove(hurry)

    @contextmanager
    def telling(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call `listener` when the end is asked for during the body."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def request(self, signum: int) -> None:
        """Ask for the end; asked again, there is no time for a gentle one."""
        self.signum = signum
        again = self.requested.is_set()
        self.hurried |= again
        self.requested.set()
        for each in self._gentle if again else self._listeners:
            each()


@asynccontextmanager
async def stopping_on_signals() -> AsyncIterator[Stop]:
    """SIGINT and SIGTERM ask for the end; a second one, or one that nobody would hear, cancels the body at once.

    Raises:
        Stopped: the body was cancelled by a signal.
    """
    stop = Stop()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def receive(signum: int) -> None:
        stop.request(signum)
        if task is not None and (stop.hurried or not stop.gentle):
            task.cancel()

    for each in SIGNALS:
        loop.add_signal_handler(each, receive, each)
    try:
        yield stop
    except asyncio.CancelledError:
        if stop.signum is None:
            raise
        raise Stopped(stop.signum) from None
    finally:
        for each in SIGNALS:
            loop.remove_signal_handler(each)

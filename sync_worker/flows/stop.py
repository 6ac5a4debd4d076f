"""The gentle end: the first signal asks for it, the second one does not wait for it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sync_worker.errors import Stopped

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether, and by which signal, the end was asked for."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.signum: int | None = None

    def request(self, signum: int) -> None:
        """Ask for the end."""
        self.signum = signum
        self.requested.set()


@asynccontextmanager
async def stopping_on_signals() -> AsyncIterator[Stop]:
    """SIGINT and SIGTERM ask for the end; a second one cancels the body at once.

    Raises:
        Stopped: the body was cancelled by a second signal.
    """
    stop = Stop()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def receive(signum: int) -> None:
        if stop.requested.is_set() and task is not None:
            task.cancel()
        stop.request(signum)

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

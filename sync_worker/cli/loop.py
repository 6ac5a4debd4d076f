"""The event loop of a command, and what signals do to it."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sync_worker.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)
T = TypeVar("T")


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """See `context.async_main`."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_until_signalled(main))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, which is a fifth faster; the standard one where it is not installed (Windows)."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _until_signalled(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of `main()`; a signal cancels it, and is told as `Stopped` after its clean-up.

    `main` may take over the signals for a gentler end (requests in flight): it then just adds its own handlers.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    received: list[int] = []

    def stop(signum: int) -> None:
        _let_go(loop)
        received.append(signum)
        if task is not None:
            task.cancel()

    for each in SIGNALS:
        loop.add_signal_handler(each, stop, each)
    try:
        return await main()
    except asyncio.CancelledError:
        if received:
            raise Stopped(received[0]) from None
        raise
    finally:
        _let_go(loop)


def _let_go(loop: asyncio.AbstractEventLoop) -> None:
    for each in SIGNALS:
        loop.remove_signal_handler(each)

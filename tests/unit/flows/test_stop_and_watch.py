"""Signals, and which of several errors is told."""

import asyncio
import os
import signal

import pytest

from sync_worker.clock import deadline
from sync_worker.errors import LockLost, Stopped, TokenRefused
from sync_worker.flows.stop import Stop, stopping_on_signals
from sync_worker.flows.watch import leading

TERM, INT = signal.SIGTERM, signal.SIGINT


async def send(signum: int) -> None:
    """A signal to this process; the loop sees it in its next round."""
    os.kill(os.getpid(), signum)
    await asyncio.get_running_loop().run_in_executor(None, str)


def test_a_request_is_kept() -> None:
    """Which signal it was."""
    stop = Stop()
    assert (stop.requested.is_set(), stop.signum) == (False, None)
    stop.request(TERM)
    assert (stop.requested.is_set(), stop.signum) == (True, TERM)


@pytest.mark.parametrize("signum", [TERM, INT])
async def test_the_first_signal_asks(signum: int) -> None:
    """The body goes on, and knows."""
    async with stopping_on_signals() as stop:
        with stop.gently(lambda: None):
            await send(signum)
            async with deadline(20):
                await stop.requested.wait()
    assert (stop.signum, stop.hurried) == (signum, False)


async def test_a_signal_that_nobody_would_hear_ends_the_body_at_once() -> None:
    """Before and after what can end gently."""

    async def body() -> None:
        async with stopping_on_signals() as stop:
            with stop.gently(lambda: None):
                pass
            await send(TERM)
            await asyncio.Event().wait()

    with pytest.raises(Stopped) as stopped:
        async with deadline(20):
            await asyncio.create_task(body())
    assert stopped.value.exit_code == 143


async def test_the_second_signal_does_not_wait() -> None:
    """The body is cancelled, whatever it waits for; the last signal counts."""

    async def body() -> None:
        async with stopping_on_signals() as stop:
            with stop.gently(lambda: given_up.append("inner")), stop.gently(lambda: given_up.append("outer")):
                await send(TERM)
                await stop.requested.wait()
                assert given_up == []
                await send(INT)
                await asyncio.Event().wait()

    given_up: list[str] = []
    with pytest.raises(Stopped) as stopped:
        await asyncio.create_task(body())
    assert stopped.value.exit_code == 130
    assert sorted(given_up) == ["inner", "outer"]


async def test_a_cancellation_without_a_signal_stays_one() -> None:
    """It is somebody else's."""

    async def body() -> None:
        async with stopping_on_signals():
            await asyncio.Event().wait()

    task = asyncio.create_task(body())
    await asyncio.get_running_loop().run_in_executor(None, str)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_afterwards_nothing_is_held_back() -> None:
    """The handlers are gone."""
    async with stopping_on_signals():
        pass
    loop = asyncio.get_running_loop()
    assert not loop.remove_signal_handler(TERM)
    assert not loop.remove_signal_handler(INT)


STOPPED, OURS, ALSO_OURS, UNEXPECTED = Stopped(TERM), TokenRefused("no"), LockLost("gone"), ZeroDivisionError()


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([OURS], OURS),
        ([OURS, ALSO_OURS], OURS),
        ([ALSO_OURS, OURS], ALSO_OURS),
        ([OURS, STOPPED], STOPPED),
        ([OURS, UNEXPECTED], UNEXPECTED),
        ([UNEXPECTED, STOPPED], STOPPED),
        ([BaseExceptionGroup("", [OURS, BaseExceptionGroup("", [STOPPED])]), UNEXPECTED], STOPPED),
        ([BaseExceptionGroup("", [OURS]), ALSO_OURS], OURS),
    ],
)
def test_the_error_to_tell(errors: list[BaseException], told: BaseException) -> None:
    """A signal, then what nobody expected, then the first of ours, however deep."""
    assert leading(BaseExceptionGroup("", errors)) is told

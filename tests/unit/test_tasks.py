"""The task group: like asyncio's, and it leaves its owner as it was."""

import asyncio

import pytest

from sync_worker.clock import Clock, deadline
from sync_worker.tasks import TaskGroup
from tests.virtual_time import run_virtually

CLOCK = Clock()


def _cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def _fail(seconds: float = 0.0) -> None:
    await CLOCK.sleep(seconds)
    raise KeyError


async def _group(*, fails_after: tuple[float, ...], body: float) -> None:
    async with TaskGroup() as group:
        for seconds in fails_after:
            group.create_task(_fail(seconds))
        await CLOCK.sleep(body)


@pytest.mark.parametrize("fails_after", [(2.0,), (2.0, 2.0), (0.0, 2.0, 3.0)])
@pytest.mark.parametrize("body", [0.0, 1.0, 2.0, 9.0])
def test_a_failed_task_leaves_no_request_to_end(fails_after: tuple[float, ...], body: float) -> None:
    """Whether the body has ended before, waits still, or ends at that moment."""

    async def work() -> None:
        with pytest.raises(ExceptionGroup):
            await _group(fails_after=fails_after, body=body)
        assert _cancelling() == 0
        await CLOCK.sleep(1)  # nothing comes afterwards

    run_virtually(work())


def test_a_deadline_around_it() -> None:
    """It gives its TimeoutError, also after a group in its body has failed."""

    async def work() -> str:
        try:
            async with deadline(5):
                with pytest.raises(ExceptionGroup):
                    await _group(fails_after=(1.0,), body=0.0)
                await CLOCK.sleep(100)
        except TimeoutError:
            return f"in time, {_cancelling()} asked"
        return "never"

    assert run_virtually(work()) == "in time, 0 asked"


@pytest.mark.parametrize("body", [0.0, 9.0])
def test_a_cancellation_from_outside_stays_one(body: float) -> None:
    """Its tasks end, and so does its owner."""
    ended: list[str] = []

    async def hold() -> None:
        try:
            await CLOCK.sleep(100)
        finally:
            ended.append("task")

    async def work() -> None:
        async with TaskGroup() as group:
            group.create_task(hold())
            await CLOCK.sleep(body)

    async def watch() -> tuple[bool, int]:
        task = asyncio.create_task(work())
        await CLOCK.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled(), task.cancelling()

    assert run_virtually(watch()) == (True, 1)
    assert ended == ["task"]


def test_a_task_that_fails_while_its_owner_is_cancelled() -> None:
    """The request from outside is not taken back: it counts still, and from Python 3.13 on it is made again."""

    async def hold() -> None:
        try:
            await CLOCK.sleep(100)
        finally:
            raise KeyError

    async def work() -> None:
        with pytest.raises(ExceptionGroup):
            async with TaskGroup() as group:
                group.create_task(hold())

    async def watch() -> int:
        task = asyncio.create_task(work())
        await CLOCK.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelling()

    assert run_virtually(watch()) == 1

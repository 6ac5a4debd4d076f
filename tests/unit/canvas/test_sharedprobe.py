"""One probe for all, in virtual time."""

import pytest

from sync_worker.canvas.answers import Meaning
from sync_worker.canvas.attribution import PROBE_INTERVAL
from sync_worker.canvas.probe import Probe
from sync_worker.canvas.sharedprobe import SharedProbe
from sync_worker.errors import QuotaExhausted
from sync_worker.tasks import TaskGroup
from tests.virtual_time import VirtualClock, run_virtually


class Canvas:
    """Answers each probe after two seconds; says when it was asked."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.asked: list[float] = []
        self.fails: QuotaExhausted | None = None
        self.probe = SharedProbe(self.answer, self.clock)

    async def answer(self) -> Probe:
        self.asked.append(self.clock.monotonic())
        await self.clock.sleep(2.0)
        if self.fails is not None:
            raise self.fails
        return Probe(meaning=Meaning.OK, status=200, error=None)


def test_all_who_ask_at_once_share_one() -> None:
    """A hundred, also those who come while it is on its way."""

    async def story() -> None:
        canvas = Canvas()
        async with TaskGroup() as group:
            tasks = [group.create_task(canvas.probe.result()) for _ in range(50)]
            await canvas.clock.sleep(1.0)
            tasks += [group.create_task(canvas.probe.result()) for _ in range(50)]
        assert {task.result().meaning for task in tasks} == {Meaning.OK}
        assert canvas.asked == [0.0]

    run_virtually(story())


def test_at_most_one_in_thirty_seconds() -> None:
    """Asked for every second for five minutes: who comes in between gets the latest result."""

    async def story() -> None:
        canvas = Canvas()
        while canvas.clock.monotonic() < 300.0:
            await canvas.probe.result()
            await canvas.clock.sleep(1.0)
        apart = [later - earlier for earlier, later in zip(canvas.asked, canvas.asked[1:], strict=False)]
        assert len(canvas.asked) == 10
        assert min(apart) >= PROBE_INTERVAL

    run_virtually(story())


def test_when_the_next_one_is_due() -> None:
    """At once, and then half a minute after the answer."""

    async def story() -> None:
        canvas = Canvas()
        assert canvas.probe.due_in == 0.0
        await canvas.probe.result()
        assert canvas.probe.due_in == PROBE_INTERVAL
        await canvas.clock.sleep(29.0)
        assert canvas.probe.due_in == 1.0

    run_virtually(story())


def test_an_error_is_everybody_s_who_waits() -> None:
    """Each gets one of its own."""

    async def story() -> None:
        canvas = Canvas()
        canvas.fails = QuotaExhausted("nothing is admitted")
        errors: list[BaseException] = []

        async def ask() -> None:
            with pytest.raises(QuotaExhausted) as caught:
                await canvas.probe.result()
            errors.append(caught.value)

        async with TaskGroup() as group:
            for _ in range(5):
                group.create_task(ask())
        assert len({id(error) for error in errors}) == 5
        assert canvas.asked == [0.0]

    run_virtually(story())


def test_whoever_asked_is_cancelled() -> None:
    """Another one who waits asks in its place."""

    async def story() -> None:
        canvas = Canvas()
        async with TaskGroup() as group:
            first = group.create_task(canvas.probe.result())
            await canvas.clock.sleep(1.0)
            second = group.create_task(canvas.probe.result())
            await canvas.clock.sleep(0.5)
            first.cancel()
        assert second.result().meaning is Meaning.OK
        assert canvas.asked == [0.0, 1.5]

    run_virtually(story())

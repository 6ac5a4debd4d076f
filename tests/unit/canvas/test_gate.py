"""The gate on virtual time: who is admitted, in which order, and what is given back."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from sync_worker.canvas.gate import Gate
from sync_worker.canvas.throttle import BucketModel, BucketParameters
from sync_worker.errors import QuotaExhausted
from sync_worker.tasks import TaskGroup
from tests.virtual_time import VirtualClock, run_virtually

KNOWN = BucketParameters(high_water_mark=600.0, outflow=10.0, up_front_cost=50.0)


@dataclass
class Gated:
    """A gate, and requests through it that end when they are told to."""

    max_concurrency: int = 64
    patience: float = 900.0
    clock: VirtualClock = field(default_factory=VirtualClock)
    admitted: list[str] = field(default_factory=list)
    ends: dict[str, asyncio.Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        model = BucketModel(KNOWN)
        self.gate = Gate(model, self.clock, max_concurrency=self.max_concurrency, patience=self.patience)

    async def warm(self) -> None:
        """Past the slow start, with an empty bucket."""
        for _ in range(20):
            async with self.gate.permit() as permit:
                permit.answered(cost=0.0, remaining=600.0)

    def start(self, name: str) -> "asyncio.Task[None]":
        self.ends[name] = asyncio.Event()
        return asyncio.get_running_loop().create_task(self._request(name))

    async def _request(self, name: str) -> None:
        async with self.gate.permit() as permit:
            self.admitted.append(name)
            await self.ends[name].wait()
            permit.answered(cost=0.0, remaining=None)

    async def settle(self) -> None:
        """Let everything happen that can happen now."""
        for _ in range(5):
            await self.clock.sleep(0)

    async def cancel(self, *tasks: "asyncio.Task[None]") -> None:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


def virtual(story: Callable[[Gated], Awaitable[None]], **options: Any) -> None:
    """Run a story with a warm gate."""

    async def told() -> None:
        gated = Gated(**options)
        await gated.warm()
        await story(gated)

    run_virtually(told())


async def refuse(gate: Gate, **headers: Any) -> None:
    """One request that Canvas refuses."""
    async with gate.permit() as permit:
        permit.refused(retry_after=headers.get("retry_after"), remaining=headers.get("remaining"))


def test_first_come_first_served() -> None:
    """Waiters are admitted in the order in which they came."""

    async def story(gated: Gated) -> None:
        names = [f"{number}" for number in range(30)]
        tasks = [gated.start(name) for name in names]
        await gated.settle()
        assert gated.admitted == names[:11]
        assert gated.gate.state().waiting == 19
        for name in names:
            gated.ends[name].set()
            await gated.settle()
        await gated.clock.sleep(10.0)
        assert gated.admitted == names
        assert all(task.done() for task in tasks)

    virtual(story)


def test_twelfth_is_admitted_by_the_leak() -> None:
    """Half a unit of margin leaks in 50 ms: a timer wakes the waiter, not an answer."""

    async def story(gated: Gated) -> None:
        started = gated.clock.monotonic()
        tasks = [gated.start(f"{number}") for number in range(12)]
        await gated.settle()
        assert len(gated.admitted) == 11
        await gated.clock.sleep(0.049)
        assert len(gated.admitted) == 11
        await gated.clock.sleep(0.002)
        assert len(gated.admitted) == 12
        assert gated.clock.monotonic() - started < 0.06
        await gated.cancel(*tasks)

    virtual(story)


def test_no_more_than_max_concurrency() -> None:
    """Whatever the bucket bears."""

    async def story(gated: Gated) -> None:
        tasks = [gated.start(f"{number}") for number in range(5)]
        await gated.clock.sleep(100.0)
        assert gated.admitted == ["0", "1", "2"]
        gated.ends["1"].set()
        await gated.settle()
        assert gated.admitted == ["0", "1", "2", "3"]
        await gated.cancel(*tasks)

    virtual(story, max_concurrency=3)


def test_waiting_and_cancelled() -> None:
    """Who leaves the queue is skipped, and holds nobody up."""

    async def story(gated: Gated) -> None:
        tasks = [gated.start(f"{number}") for number in range(4)]
        await gated.settle()
        await gated.cancel(tasks[2])
        assert gated.gate.state().waiting == 1
        gated.ends["0"].set()
        await gated.settle()
        assert gated.admitted == ["0", "1", "3"]
        await gated.cancel(tasks[1], tasks[3])

    virtual(story, max_concurrency=2)


def test_cancelled_between_turn_and_resuming() -> None:
    """A turn that was given and cannot be used any more goes to the next one."""

    async def story(gated: Gated) -> None:
        tasks = [gated.start(f"{number}") for number in range(3)]
        await gated.settle()
        gated.ends["0"].set()
        while gated.gate.state().waiting == 2:  # until the moment at which "1" has its turn …
            await gated.clock.sleep(0)
        assert gated.admitted == ["0"]  # … and has not run yet
        await gated.cancel(tasks[1])
        await gated.settle()
        assert gated.admitted == ["0", "2"]
        assert gated.gate.state().bucket.in_flight == 1
        gated.ends["2"].set()
        await tasks[2]
        assert gated.gate.state().bucket.in_flight == 0

    virtual(story, max_concurrency=1)


@pytest.mark.parametrize("error", [asyncio.CancelledError, ValueError])
def test_failure_in_flight_returns_the_reservation(error: type[BaseException]) -> None:
    """Whatever ends a request, its reservation ends with it."""

    async def story(gated: Gated) -> None:
        async def fail() -> None:
            async with gated.gate.permit():
                assert gated.gate.state().bucket.in_flight == 1
                raise error

        with pytest.raises(error):
            await fail()
        assert gated.gate.state().bucket.in_flight == 0
        assert gated.gate.state().bucket.remaining == pytest.approx(600.0)
        await gated.gate.drained()

    virtual(story)


def test_headers_free_the_bucket_and_the_body_frees_the_connection() -> None:
    """`max_concurrency` is about connections: the next one has to wait until the answer has been read."""

    async def story(gated: Gated) -> None:
        async with gated.gate.permit() as permit:
            assert gated.gate.state().bucket.in_flight == 1
            permit.answered(cost=0.0, remaining=600.0)
            assert gated.gate.state().bucket.in_flight == 0
            task = gated.start("next")
            await gated.settle()
            assert gated.admitted == []
        await gated.settle()
        assert gated.admitted == ["next"]
        await gated.cancel(task)

    virtual(story, max_concurrency=1)


def test_closed_gate_admits_nobody_and_drains() -> None:
    """What is in flight ends; who waits goes on waiting, for its owner to cancel."""

    async def story(gated: Gated) -> None:
        tasks = [gated.start(f"{number}") for number in range(3)]
        await gated.settle()
        gated.gate.close()
        drained = asyncio.get_running_loop().create_task(gated.gate.drained())
        gated.ends["0"].set()
        await gated.clock.sleep(1000.0)
        assert gated.admitted == ["0", "1"]
        assert not drained.done()
        gated.ends["1"].set()
        await drained
        assert not tasks[2].done()
        await gated.cancel(tasks[2])

    virtual(story, max_concurrency=2)


def test_a_gate_that_is_kept_open() -> None:
    """Closing waits for the one who keeps it open, who gets turns until then; nobody gets one afterwards."""

    async def story(gated: Gated) -> None:
        with gated.gate.kept_open():
            gated.gate.close()
            drained = asyncio.get_running_loop().create_task(gated.gate.drained())
            task = gated.start("read back")
            await gated.settle()
            assert gated.admitted == ["read back"]
            gated.ends["read back"].set()
            await task
            await gated.clock.sleep(1000.0)
            assert not drained.done()
        await drained
        after = gated.start("after")
        await gated.clock.sleep(1000.0)
        assert gated.admitted == ["read back"]
        await gated.cancel(after)

    virtual(story)


def test_timer_wakes_nobody_after_closing() -> None:
    """A computed wait that ends after the gate was closed admits nobody."""

    async def story(gated: Gated) -> None:
        await refuse(gated.gate, retry_after=5.0)
        task = gated.start("late")
        await gated.settle()
        gated.gate.close()
        await gated.clock.sleep(100.0)
        assert gated.admitted == []
        await gated.cancel(task)
        await gated.gate.drained()

    virtual(story)


def test_latecomers_do_not_put_off_the_one_in_front() -> None:
    """Each new waiter computes the wait again; that makes nobody's wait longer."""

    async def story(gated: Gated) -> None:
        await refuse(gated.gate, retry_after=50.0)
        front, others = gated.start("front"), []
        for number in range(60):
            await gated.clock.sleep(1.0)
            others.append(gated.start(f"{number}"))
        assert gated.admitted[0] == "front"
        await gated.cancel(front, *others)

    virtual(story)


def test_the_probe_goes_before_all_others_who_wait_for_its_answer() -> None:
    """Who waits for a turn gets none until it is given back."""

    async def story(gated: Gated) -> None:
        busy = [gated.start(f"busy {number}") for number in range(2)]
        await gated.settle()
        waiting = [gated.start(f"waits {number}") for number in range(2)]
        await gated.settle()

        async def probe() -> None:
            async with gated.gate.urgent_permit() as permit:
                gated.admitted.append("probe")
                await gated.ends["busy 1"].wait()
                permit.answered(cost=0.0, remaining=None)

        probing = asyncio.get_running_loop().create_task(probe())
        await gated.settle()
        gated.ends["busy 0"].set()
        await gated.settle()
        assert gated.admitted == ["busy 0", "busy 1", "probe"]
        gated.ends["busy 1"].set()
        await gated.settle()
        assert gated.admitted == ["busy 0", "busy 1", "probe", "waits 0", "waits 1"]
        await gated.cancel(*busy, *waiting, probing)

    virtual(story, max_concurrency=2)


@pytest.mark.parametrize("held", [True, False])
def test_a_probe_that_is_cancelled_holds_nobody_up(*, held: bool) -> None:
    """Whether it had its turn or not."""

    async def story(gated: Gated) -> None:
        busy = [] if held else [gated.start("busy")]
        await gated.settle()

        async def probe() -> None:
            async with gated.gate.urgent_permit():
                await gated.clock.sleep(1000.0)

        probing = asyncio.get_running_loop().create_task(probe())
        await gated.settle()
        other = gated.start("other")
        await gated.settle()
        assert "other" not in gated.admitted
        await gated.cancel(probing, *busy)
        await gated.settle()
        assert gated.admitted[-1] == "other"
        await gated.cancel(other)

    virtual(story, max_concurrency=1)


def test_block_listed_token_ends_a_lone_request() -> None:
    """Refused for ever: after the patience, and not long after, `QuotaExhausted`."""

    async def story(gated: Gated) -> None:
        async def insist() -> None:
            while True:
                await refuse(gated.gate, remaining=0.0)

        started = gated.clock.monotonic()
        with pytest.raises(QuotaExhausted):
            await insist()
        assert 900.0 <= gated.clock.monotonic() - started <= 965.0
        assert gated.gate.state().refusals < 30

    virtual(story)


def test_block_listed_token_ends_everybody() -> None:
    """Those who wait get it too; nobody is left behind."""
    ended: list[str] = []

    async def press(gated: Gated, name: str) -> None:
        try:
            while True:
                await refuse(gated.gate, remaining=0.0)
        except QuotaExhausted:
            ended.append(name)

    async def story(gated: Gated) -> None:
        async with TaskGroup() as group:
            for number in range(30):
                group.create_task(press(gated, f"{number}"))
        assert len(ended) == 30
        assert gated.clock.monotonic() <= 965.0
        await gated.gate.drained()
        assert gated.gate.state().waiting == 0

    virtual(story)


def test_one_admitted_request_renews_the_patience() -> None:
    """The patience runs from the first refusal since the last admitted request."""

    async def story(gated: Gated) -> None:
        for _ in range(40):
            for _ in range(6):
                await refuse(gated.gate, retry_after=60.0)
            async with gated.gate.permit() as permit:
                permit.answered(cost=0.0, remaining=600.0)
        assert gated.clock.monotonic() > 10 * 900.0

    virtual(story)


def test_refusals_are_counted() -> None:
    """For progress lines."""

    async def story(gated: Gated) -> None:
        await refuse(gated.gate)
        assert gated.gate.state().refusals == 1

    virtual(story)

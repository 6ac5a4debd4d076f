"""The gate under any behaviour of Canvas and of those who press at it, on virtual time."""

import asyncio
from dataclasses import dataclass
from itertools import count
from math import inf, nan

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.canvas.gate import Gate
from sync_worker.canvas.throttle import BucketModel
from sync_worker.clock import deadline
from sync_worker.tasks import TaskGroup
from tests.virtual_time import VirtualClock, run_virtually

HEADERS = st.one_of(st.none(), st.floats(-800.0, 800.0), st.sampled_from([nan, inf, -inf, 1e300]))


@dataclass(frozen=True)
class Behaviour:
    """What one caller meets."""

    comes_after: float  # seconds
    takes: float  # seconds
    refusals: int  # before it is admitted
    headers: tuple[float | None, float | None]
    ends: str  # how the last attempt ends
    gives_up_after: float  # seconds, whatever it is doing then; inf: never


BEHAVIOURS = st.lists(
    st.builds(
        Behaviour,
        comes_after=st.floats(0.0, 5.0),
        takes=st.floats(0.0, 2.0),
        refusals=st.integers(0, 3),
        headers=st.tuples(HEADERS, HEADERS),
        ends=st.sampled_from(["answered", "raises", "leaves"]),
        gives_up_after=st.one_of(st.just(inf), st.floats(0.0, 30.0)),
    ),
    min_size=1,
    max_size=25,
)


class Crowd:
    """Callers at one gate."""

    def __init__(self, max_concurrency: int) -> None:
        self.clock = VirtualClock()
        self.gate = Gate(BucketModel(), self.clock, max_concurrency=max_concurrency, patience=1e9)
        self.numbers = count()
        self.asked: list[int] = []
        self.admitted: list[int] = []
        self.now_in = 0
        self.most_in = 0

    async def caller(self, behaviour: Behaviour) -> None:
        await self.clock.sleep(behaviour.comes_after)
        limit = None if behaviour.gives_up_after == inf else behaviour.gives_up_after
        try:
            async with deadline(limit):
                for refused in [True] * behaviour.refusals + [False]:
                    await self._attempt(behaviour, refused=refused)
        except (TimeoutError, ValueError):
            pass

    async def _attempt(self, behaviour: Behaviour, *, refused: bool) -> None:
        number = next(self.numbers)
        self.asked.append(number)
        async with self.gate.permit() as permit:
            self.admitted.append(number)
            self.now_in += 1
            self.most_in = max(self.most_in, self.now_in)
            try:
                await self.clock.sleep(behaviour.takes)
                cost, remaining = behaviour.headers
                if refused:
                    permit.refused(retry_after=cost, remaining=remaining)
                elif behaviour.ends == "answered":
                    permit.answered(cost=cost, remaining=remaining)
                elif behaviour.ends == "raises":
                    raise ValueError
            finally:
                self.now_in -= 1


@settings(max_examples=300)
@given(st.integers(1, 12), BEHAVIOURS)
def test_any_crowd(max_concurrency: int, behaviours: list[Behaviour]) -> None:
    """Never too many at once, first come first served, everybody gets through, and nothing is left behind."""

    async def story() -> None:
        crowd = Crowd(max_concurrency)
        async with deadline(100 * 3600.0), TaskGroup() as group:
            for behaviour in behaviours:
                group.create_task(crowd.caller(behaviour))
        assert crowd.most_in <= max_concurrency
        assert crowd.admitted == sorted(crowd.admitted)
        assert len(crowd.asked) >= len(behaviours)
        state = crowd.gate.state()
        assert (state.waiting, state.bucket.in_flight, crowd.gate._in_flight) == (0, 0, 0)
        await crowd.gate.drained()

    run_virtually(story())


@given(st.integers(1, 12), BEHAVIOURS, st.floats(0.0, 20.0))
def test_closing_at_any_moment(max_concurrency: int, behaviours: list[Behaviour], at: float) -> None:
    """After closing nobody is admitted, and the gate drains when the last answer is in."""

    async def story() -> None:
        crowd = Crowd(max_concurrency)
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(crowd.caller(behaviour)) for behaviour in behaviours]
        await crowd.clock.sleep(at)
        crowd.gate.close()
        await crowd.clock.sleep(0.0)
        admitted = len(crowd.admitted)
        await crowd.gate.drained()
        assert crowd.now_in == 0
        assert len(crowd.admitted) <= admitted + 1  # a turn that was given in the moment of closing
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert crowd.gate.state().waiting == 0

    run_virtually(story())

"""The model of the bucket under any trace of answers, true or absurd."""

from math import inf, isfinite, nan
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.canvas.throttle import MAX_BACKOFF, BucketModel, BucketParameters, Ticket

HEADERS = st.one_of(
    st.none(),
    st.floats(-1000.0, 1000.0),
    st.sampled_from([nan, inf, -inf, 0.0, -0.0, 1e6, 1e12, -1e12, 1e308, -1e308, 5e-324]),
    st.floats(),
)
SECONDS = st.one_of(st.just(0.0), st.floats(0.0, 1.0), st.floats(0.0, 4000.0))
STEPS = st.one_of(
    st.tuples(st.just("send")),
    st.tuples(st.just("answered"), st.integers(0, 50), HEADERS, HEADERS),
    st.tuples(st.just("refused"), st.integers(0, 50), HEADERS, HEADERS),
    st.tuples(st.sampled_from(["lost", "unsent"]), st.integers(0, 50)),
)
TRACES = st.lists(st.tuples(SECONDS, STEPS), max_size=120)
PARAMETERS = st.builds(
    BucketParameters,
    high_water_mark=st.none() | st.floats(1.0, 2000.0),
    outflow=st.none() | st.floats(0.01, 1000.0),
    up_front_cost=st.none() | st.floats(0.0, 500.0),
)


class Trace:
    """A model that is told a trace, and our own account of what is in flight."""

    def __init__(self, parameters: BucketParameters) -> None:
        self.model = BucketModel(parameters)
        self.now = 0.0
        self.flight: list[Ticket] = []

    def step(self, seconds: float, step: tuple[Any, ...]) -> None:
        self.now += seconds
        match step:
            case ("send",) if self.model.wait(self.now) == 0.0:
                self.flight.append(self.model.send(self.now))
            case (what, which, *headers) if self.flight:
                self._end(what, self.flight.pop(which % len(self.flight)), headers)
            case _:
                pass

    def _end(self, what: str, ticket: Ticket, headers: list[float | None]) -> None:
        match what:
            case "answered":
                self.model.answered(ticket, self.now, cost=headers[0], remaining=headers[1])
            case "refused":
                self.model.refused(ticket, self.now, retry_after=headers[0], remaining=headers[1])
            case "lost":
                self.model.lost(ticket, self.now)
            case _:
                self.model.unsent(ticket, self.now)

    def check(self) -> None:
        """What holds at every moment."""
        wait, state = self.model.wait(self.now), self.model.state(self.now)
        assert state.in_flight == len(self.flight)
        assert all(map(isfinite, (state.remaining, state.outflow, state.up_front_cost, state.high_water_mark or 0.0)))
        assert state.remaining >= 0.0
        assert state.outflow > 0.0
        assert isfinite(self.model._spent)
        assert wait is None or (isfinite(wait) and wait >= 0.0)
        assert self.flight or (wait is not None and wait <= MAX_BACKOFF + 1e-6)


@settings(max_examples=400)
@given(PARAMETERS, TRACES)
def test_any_trace(parameters: BucketParameters, steps: list[tuple[float, tuple[Any, ...]]]) -> None:
    """Waits are finite and never negative, the state is never NaN, the count of what is in flight is exact.

    With nothing in flight every wait has a cap, so that there is always progress.
    """
    trace = Trace(parameters)
    for seconds, step in steps:
        trace.step(seconds, step)
        trace.check()


@given(PARAMETERS, TRACES)
def test_waits_only_get_shorter_by_waiting(
    parameters: BucketParameters, steps: list[tuple[float, tuple[Any, ...]]]
) -> None:
    """A computed wait is kept: after it, all else being quiet, one more request passes or an answer is needed."""
    trace = Trace(parameters)
    for seconds, step in steps:
        trace.step(seconds, step)
    for _ in range(6):  # a pause, a sounding that is given up, the reserve and the leak follow one another
        wait = trace.model.wait(trace.now)
        if wait is None or wait == 0.0:
            return
        trace.now += wait + 1e-6 * (1.0 + trace.now)
    assert trace.flight, "nothing in flight, and still waiting"


@given(TRACES)
def test_good_manners_are_learned_again(steps: list[tuple[float, tuple[Any, ...]]]) -> None:
    """After any trace, a Canvas that answers honestly is used again: four in flight within ten minutes."""
    trace = Trace(BucketParameters())
    for seconds, step in steps:
        trace.step(seconds, step)
    while trace.flight:
        trace.step(0.0, ("lost", 0))
    end, most = trace.now + 600.0, 0
    while trace.now < end and most < 4:
        wait = trace.model.wait(trace.now)
        if wait == 0.0:
            trace.step(0.0, ("send",))
            most = max(most, len(trace.flight))
        elif len(trace.flight) and wait is None:
            trace.step(0.06, ("answered", 0, 0.08, 600.0 - 50.0 * (len(trace.flight) - 1)))
        else:
            trace.now += (wait or 0.0) + 1e-6 * (1.0 + trace.now)
    assert most == 4

"""A model of Canvas's leaky bucket, pure: it is told what was sent and answered, and says what still fits.

Canvas keeps `count` for each token: it leaks `outflow` a second, each request adds `up_front_cost` while it
runs and its real cost (CPU plus database seconds) when it ends; a request that lifts `count` to the high-water
mark is refused (`request_throttle.rb` and its Lua bucket). The model reckons the same sum from our own
requests. We reserve from sending to answer, Canvas only from arrival to answer made, so the model never
promises more than Canvas has as long as nobody else uses the token.

Why headers alone do not do: `X-Rate-Limit-Remaining` counts our own other requests in flight *when the answer
was made*, a number that the network blurs by one or two, and each is worth 50. Why reckoning alone does not
do: somebody else may use the token. So the header corrects the reckoning: of all plausible numbers of own
requests in flight, the one that fits the reckoning best is taken, and what is left over is the error.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

DEFAULT_UP_FRONT_COST: Final = 50.0  # request_throttle.rb, `up_front_cost`
DEFAULT_OUTFLOW: Final = 10.0  # units a second, request_throttle.rb, `outflow`
BLIND_CEILING: Final = 10  # requests in flight without headers: one below what the default bucket bears
LEARNING_CEILING: Final = 4  # requests in flight until the up-front cost is known
MARGIN: Final = 0.5  # units; clocks tick in milliseconds, and a millisecond is 0.01 units
RELIEF: Final = 0.25  # share of a correction that is believed when it promises *more* room
NOISE: Final = 5.0  # units; what half a second of network does to a header
RESERVE_DECAY: Final = 2.5  # units a second by which the room left to others after a refusal shrinks
MAX_BACKOFF: Final = 60.0  # seconds; every wait has a cap, for a block-listed token reads 0.0 for ever
SAMPLES: Final = 5  # clear observations that settle the up-front cost
PATIENCE_FOR_SAMPLES: Final = 40  # answers after which the default is taken as true
OUTFLOW_WINDOW: Final = 10.0  # seconds over which the drift of the reckoning is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketParameters:
    """What is known beforehand; None is learned from the headers."""

    high_water_mark: float | None = None  # units
    outflow: float | None = None  # units a second
    up_front_cost: float | None = None  # units a request


@dataclass(slots=True, eq=False)
class Ticket:
    """One request of ours that is in flight."""

    sent_at: float  # seconds, monotonic


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketState:
    """The model as a person may want to see it."""

    in_flight: int
    remaining: float  # units that may still be spent, our requests in flight taken off
    high_water_mark: float | None  # None until the first answer with headers
    outflow: float  # units a second
    up_front_cost: float  # units a request
    blind: bool  # answers carry no throttle headers


@dataclass(slots=True)
class BucketModel:
    """The bucket of one token as far as we can know it. Times are monotonic seconds, passed in by the caller."""

    parameters: BucketParameters = field(default_factory=BucketParameters)
    _high_water_mark: float | None = None
    _outflow: float = DEFAULT_OUTFLOW
    _up_front: float = DEFAULT_UP_FRONT_COST
    _spent: float = 0.0  # count without our own reservations; below 0 while reservations leak
    _at: float | None = None  # instant that `_spent` is for
    _in_flight: dict[Ticket, None] = field(default_factory=dict)
    _limit: int = 1  # slow start: one more with each answer
    _answers: int = 0
    _blind_answers: int = 0
    _refusals_in_a_row: int = 0
    _not_before: float = 0.0
    _reserve: float = 0.0  # units left to others after refusals
    _recent: deque[float] = field(default_factory=deque)  # instants of the latest answers
    _shortest: float = float("inf")  # seconds; no answer came faster, so the network takes no longer
    _samples: list[float] = field(default_factory=list)
    _learning: bool = True
    _drift: float = 0.0
    _drift_since: float | None = None

    def __post_init__(self) -> None:
        """Take over what is configured."""
        self._high_water_mark = self.parameters.high_water_mark
        self._outflow = self.parameters.outflow or DEFAULT_OUTFLOW
        self._up_front = self.parameters.up_front_cost or DEFAULT_UP_FRONT_COST
        self._learning = self.parameters.up_front_cost is None

    # --- asking ----------------------------------------------------------------------------------------

    def wait(self, now: float) -> float | None:
        """Seconds until one more request would pass: 0 now, None when only an answer can help."""
        self._leak(now)
        if now < self._not_before:
            return self._not_before - now
        if len(self._in_flight) >= self._ceiling():
            return None
        if self._high_water_mark is None:
            return 0.0
        surplus = self._count(len(self._in_flight) + 1) + self._reserve + MARGIN - self._high_water_mark
        return max(0.0, surplus / self._outflow)

    def state(self, now: float) -> BucketState:
        """A picture for progress lines and metrics."""
        self._leak(now)
        mark = self._high_water_mark
        return BucketState(
            in_flight=len(self._in_flight),
            remaining=0.0 if mark is None else max(0.0, mark - self._count(len(self._in_flight))),
            high_water_mark=mark,
            outflow=self._outflow,
            up_front_cost=self._up_front,
            blind=self._blind,
        )

    # --- telling ---------------------------------------------------------------------------------------

    def send(self, now: float) -> Ticket:
        """A request leaves; the caller has asked `wait` first, or probes on purpose."""
        self._leak(now)
        ticket = Ticket(now)
        self._in_flight[ticket] = None
        return ticket

    def answered(self, ticket: Ticket, now: float, *, cost: float | None, remaining: float | None) -> None:
        """An answer that was not a refusal; `cost` and `remaining` as the headers give them."""
        self._close(ticket, now)
        self._spent += now - ticket.sent_at if cost is None else cost
        self._shortest = min(self._shortest, now - ticket.sent_at)
        self._answers += 1
        self._refusals_in_a_row = 0
        if remaining is None:
            self._blind_answers += 1
        else:
            self._blind_answers = 0
            self._correct(now, remaining)
        self._recent.append(now)
        self._limit += 1

    def refused(self, ticket: Ticket, now: float, *, retry_after: float | None, remaining: float | None) -> None:
        """A refusal: the bucket is fuller than reckoned. It costs nothing but time, and lowers us at once."""
        self._close(ticket, now)
        self._refusals_in_a_row += 1
        self._limit = max(1, min(self._limit, len(self._in_flight) + 1) // 2)
        if self._high_water_mark is not None:
            least = self._high_water_mark - self._up_front if remaining is None else self._high_water_mark - remaining
            self._spent = max(self._spent, least - self._up_front * len(self._in_flight))
            self._reserve = min(self._reserve + self._up_front, self._high_water_mark / 2)
        backoff = 0.5 * 2 ** min(self._refusals_in_a_row - 1, 10)
        self._not_before = now + min(MAX_BACKOFF, max(backoff, retry_after or 0.0))

    def lost(self, ticket: Ticket, now: float) -> None:
        """No answer (cut, timed out, cancelled after sending): its cost is at most the seconds it took."""
        self._close(ticket, now)
        self._spent += now - ticket.sent_at

    def unsent(self, ticket: Ticket, now: float) -> None:
        """The request never left; it costs nothing."""
        self._close(ticket, now)

    # --- the arithmetic --------------------------------------------------------------------------------

    @property
    def _blind(self) -> bool:
        return self._blind_answers > 0

    def _ceiling(self) -> int:
        if self._blind:
            return min(self._limit, BLIND_CEILING)
        if self._learning:
            return min(self._limit, LEARNING_CEILING)
        return self._limit

    def _count(self, in_flight: int) -> float:
        return self._spent + self._up_front * in_flight

    def _close(self, ticket: Ticket, now: float) -> None:
        self._leak(now)
        del self._in_flight[ticket]

    def _leak(self, now: float) -> None:
        """Step 1 of the bucket: the whole count leaks, and stops at 0."""
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        count = self._count(len(self._in_flight))
        self._spent -= count if count < 0 else min(self._outflow * elapsed, count)
        self._reserve = max(0.0, self._reserve - RESERVE_DECAY * elapsed)

    def _correct(self, now: float, remaining: float) -> None:
        """Let a header correct the reckoning; called after its own request is closed and paid."""
        if self._high_water_mark is None:
            self._high_water_mark = remaining + self._count(len(self._in_flight))
        if self._learning:
            if remaining > self._high_water_mark + NOISE:
                self._high_water_mark = remaining
            self._learn_up_front(now, remaining)
            return
        error = self._error(now, remaining)
        self._measure_outflow(now, error)
        if error > NOISE and self._spent <= 0 and self.parameters.high_water_mark is None:
            self._high_water_mark += error * RELIEF  # an empty bucket with more room than its mark: the mark is low
        else:
            self._spent -= error if error < 0 else error * RELIEF

    def _error(self, now: float, remaining: float) -> float:
        """Units of room that the header promises beyond the reckoning, for the likeliest number in flight."""
        mark = self._high_water_mark or 0.0
        visible = mark - self._spent - remaining  # what our own requests in flight would have to explain
        most = len(self._in_flight) + self._answers_on_the_way(now)
        likeliest = min(max(round(visible / self._up_front), 0), most)
        return likeliest * self._up_front - visible

    def _answers_on_the_way(self, now: float) -> int:
        """Requests whose answer came before this one but may have been made after it."""
        while self._recent and self._recent[0] < now - self._shortest:
            self._recent.popleft()
        return len(self._recent)

    # --- learning --------------------------------------------------------------------------------------

    def _learn_up_front(self, now: float, remaining: float) -> None:
        """Take clear observations: others in flight, all sent a while ago, and no other answer just now."""
        others = len(self._in_flight)
        blur = self._shortest / 2
        clear = others and _all_before(self._in_flight, now - blur) and _none_after(self._recent, now - blur)
        if clear and self._high_water_mark is not None:
            self._samples.append((self._high_water_mark - self._spent - remaining) / others)
        if len(self._samples) >= SAMPLES:
            self._up_front = _agreed(self._samples, self._up_front)
        self._learning = len(self._samples) < SAMPLES and self._answers < PATIENCE_FOR_SAMPLES

    def _measure_outflow(self, now: float, error: float) -> None:
        """What the corrections add up to over a while is what the bucket leaks more than we thought."""
        if self.parameters.outflow is not None or self._drift_since is None or self._spent <= 0:
            self._drift, self._drift_since = 0.0, now
            return
        self._drift += error if error < 0 else error * RELIEF
        elapsed = now - self._drift_since
        if elapsed >= OUTFLOW_WINDOW:
            measured = self._outflow + self._drift / elapsed
            self._outflow = min(max((self._outflow + measured) / 2, self._outflow / 2), self._outflow * 2)
            self._drift, self._drift_since = 0.0, now


def _all_before(tickets: Iterable[Ticket], instant: float) -> bool:
    return all(ticket.sent_at <= instant for ticket in tickets)


def _none_after(instants: deque[float], instant: float) -> bool:
    return not instants or instants[-1] <= instant


def _agreed(samples: list[float], default: float) -> float:
    """The median, if most samples agree with it to a twentieth; the default otherwise."""
    middle = median(samples)
    agreeing = sum(abs(sample - middle) <= 0.05 * abs(middle) for sample in samples)
    return middle if middle > 1.0 and agreeing * 2 > len(samples) else default

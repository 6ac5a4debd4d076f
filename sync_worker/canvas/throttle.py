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

An error of a whole up-front cost cannot be told from one request more or less in flight. So now and then the
model takes a sounding: the flight runs empty and one request goes alone; its header has nothing else of ours in it.
"""

from collections import deque
from dataclasses import dataclass, field
from math import floor, isfinite
from typing import Final

from sync_worker.canvas.learning import FLIGHT_PATIENCE, OutflowLesson, Soundings, UpFrontLesson

DEFAULT_UP_FRONT_COST: Final = 50.0  # request_throttle.rb, `up_front_cost`
DEFAULT_OUTFLOW: Final = 10.0  # units a second, request_throttle.rb, `outflow`
BLIND_CEILING: Final = 10  # requests in flight without headers: one below what the default bucket bears
BLIND_GROWTH: Final = 0.01  # requests in flight more with each answer, where there are refusals and no headers
LEARNING_CEILING: Final = 4  # requests in flight until the up-front cost is known
MARGIN: Final = 0.5  # units; clocks tick in milliseconds, and a millisecond is 0.01 units
RELIEF: Final = 0.25  # share of a correction that is believed when it promises *more* room
DOUBT: Final = 0.25  # of the up-front cost: more room than this is taken for one more request in flight
ABSURD: Final = 1e12  # units or seconds; a header beyond it is taken for none
RESERVE_DECAY: Final = 2.5  # units a second by which the room left to others after a refusal shrinks
MAX_BACKOFF: Final = 60.0  # seconds; every wait has a cap, for a block-listed token reads 0.0 for ever
PATIENCE_FOR_SAMPLES: Final = 40  # answers after which the default is taken as true


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
    alone: bool  # as far as we know: nothing else of ours was in flight at any time


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
    _outflow: OutflowLesson = field(default_factory=lambda: OutflowLesson(DEFAULT_OUTFLOW))
    _up_front: UpFrontLesson = field(default_factory=lambda: UpFrontLesson(DEFAULT_UP_FRONT_COST))
    _spent: float = 0.0  # count without our own reservations; below 0 while reservations leak
    _at: float | None = None  # instant that `_spent` is for
    _in_flight: dict[Ticket, None] = field(default_factory=dict)
    _quiet_since: float | None = None  # instant at which the latest request ended
    _limit: float = 1.0  # slow start: one more with each answer
    _answers: int = 0
    _refused: bool = False  # ever
    _blind: bool = False
    _refusals_in_a_row: int = 0
    _backoffs_in_a_row: int = 0  # refusals of what was sent at the same time are one
    _backoff_since: float = float("-inf")  # instant of the latest of them
    _not_before: float = float("-inf")  # instant of the end of a backoff
    _asked_until: float = float("-inf")  # instant until which refusals in a row have asked everybody to wait
    _reserve: float = 0.0  # units left to others after refusals
    _recent: deque[float] = field(default_factory=deque)  # instants of the latest answers
    _shortest: float = float("inf")  # seconds; no answer came faster, so the network takes no longer
    _learning: bool = True  # until the up-front cost is known: in waves, for their first answers are clear
    _wave_since: float = 0.0
    _wave_ebbs: bool = False  # one of it has ended
    _soundings: Soundings = field(default_factory=Soundings)

    def __post_init__(self) -> None:
        """Take over what is configured."""
        known = self.parameters
        self._high_water_mark = known.high_water_mark
        self._outflow.rate = known.outflow or DEFAULT_OUTFLOW
        self._up_front.cost = DEFAULT_UP_FRONT_COST if known.up_front_cost is None else known.up_front_cost
        self._learning = known.up_front_cost is None

    # --- asking ----------------------------------------------------------------------------------------

    def wait(self, now: float) -> float | None:
        """Seconds until one more request would pass: 0 now, None when only an answer can help."""
        self._leak(now)
        not_before = max(self._not_before, self._asked_until)
        if now < not_before:
            return not_before - now
        if not self._in_flight:
            return self._wait_alone(now)
        if self._learning and not self._blind and self._wave_ebbs and now < self._wave_since + FLIGHT_PATIENCE:
            return self._wave_since + FLIGHT_PATIENCE - now
        if self._soundings.holds(now, worth=self._spent > 0):
            return self._soundings.due + FLIGHT_PATIENCE - now
        leaks_at_most = self._count(len(self._in_flight)) + self._reserve
        if len(self._in_flight) + 1 > self._ceiling() or self._surplus() > leaks_at_most:
            return None
        return self._until_it_fits()

    def state(self, now: float) -> BucketState:
        """A picture for progress lines and metrics."""
        self._leak(now)
        mark = self._high_water_mark
        return BucketState(
            in_flight=len(self._in_flight),
            remaining=0.0 if mark is None else max(0.0, mark - self._count(len(self._in_flight))),
            high_water_mark=mark,
            outflow=self._outflow.rate,
            up_front_cost=self._up_front.cost,
            blind=self._blind,
        )

    # --- telling ---------------------------------------------------------------------------------------

    def send(self, now: float) -> Ticket:
        """A request leaves; the caller has asked `wait` first."""
        self._leak(now)
        if not self._in_flight:
            self._wave_since, self._wave_ebbs = now, False
        for other in self._in_flight if len(self._in_flight) == 1 else ():
            other.alone = False
        ticket = Ticket(sent_at=now, alone=not self._in_flight)
        self._in_flight[ticket] = None
        return ticket

    def answered(self, ticket: Ticket, now: float, *, cost: float | None, remaining: float | None) -> None:
        """An answer that was not a refusal; `cost` and `remaining` as the headers give them."""
        seconds = now - ticket.sent_at
        self._close(ticket, now, seconds if cost is None or not 0.0 <= cost <= ABSURD else cost)
        self._shortest = min(self._shortest, seconds)
        self._answers += 1
        self._refusals_in_a_row = self._backoffs_in_a_row = 0
        self._asked_until = now
        seen = _sane(remaining)
        self._blind = seen is None
        self._limit += BLIND_GROWTH if self._blind and self._refused else 1
        if seen is not None:
            self._correct(ticket, now, seen)
        if self._learning and (self._up_front.settled or self._answers >= PATIENCE_FOR_SAMPLES):
            self._learning = False
            self._spent = max(self._spent, 0.0)  # the headers have not yet confirmed what reservations have leaked
        if not self._blind:
            self._answers_on_the_way(now)  # drops what is too old to matter
            self._recent.append(now)

    def refused(self, ticket: Ticket, now: float, *, retry_after: float | None, remaining: float | None) -> None:
        """A refusal: the bucket is fuller than reckoned. It costs nothing but time, and lowers us at once.

        The `Retry-After` of one refusal is for the request alone: a proxy may have put it there. From the second one in
        a row on everybody waits for it, until something is answered.
        """
        self._close(ticket, now, 0.0)
        others = len(self._in_flight)
        left = _sane(remaining)
        self._refused = True
        self._refusals_in_a_row += 1
        if ticket.sent_at >= self._backoff_since:
            self._backoffs_in_a_row += 1
            self._backoff_since = now
        self._limit = max(1, min(self._limit, others + 1) // 2)
        self._soundings.hurry(now)
        if self._high_water_mark is not None:
            least = self._high_water_mark - (self._up_front.cost if left is None else left)
            self._spent = max(self._spent, least - self._up_front.cost * others)
            self._reserve = min(self._reserve + self._up_front.cost, self._high_water_mark / 2)
        leaks_in = 0.0 if left is None or others else (self._up_front.cost + MARGIN - left) / self._outflow.rate
        backoff = 0.5 * 2 ** min(max(self._backoffs_in_a_row - 1, 0), 10)
        self._not_before = now + min(MAX_BACKOFF, max(backoff, leaks_in))
        if self._refusals_in_a_row > 1:
            self._asked_until = max(self._asked_until, now + min(MAX_BACKOFF, _sane(retry_after) or 0.0))

    def lost(self, ticket: Ticket, now: float) -> None:
        """No answer (cut, timed out, cancelled after sending): its cost is at most the seconds it took."""
        self._close(ticket, now, now - ticket.sent_at)

    def unsent(self, ticket: Ticket, now: float) -> None:
        """The request never left; it costs nothing."""
        self._close(ticket, now, 0.0)

    # --- the arithmetic --------------------------------------------------------------------------------

    def _ceiling(self) -> float:
        if self._blind:
            return min(self._limit, BLIND_CEILING)
        if self._learning:
            return min(self._limit, LEARNING_CEILING)
        return self._limit

    def _count(self, in_flight: int) -> float:
        return self._spent + self._up_front.cost * in_flight

    def _surplus(self) -> float:
        """Units that have to leak before one more request fits."""
        if self._high_water_mark is None:
            return 0.0
        return self._count(len(self._in_flight) + 1) + self._reserve + MARGIN - self._high_water_mark

    def _wait_alone(self, now: float) -> float:
        """Nothing in flight will tell us more: an empty bucket takes a request, and every wait has a cap."""
        if self._quiet_since is None:
            return 0.0
        empty = self._spent / self._outflow.rate
        return max(0.0, min(self._until_it_fits(), empty, self._quiet_since + MAX_BACKOFF - now))

    def _until_it_fits(self) -> float:
        """Seconds for the surplus to go: the bucket leaks, and the reserve shrinks as long as there is any."""
        surplus = max(0.0, self._surplus())
        together = surplus / (self._outflow.rate + RESERVE_DECAY)
        return together if together * RESERVE_DECAY <= self._reserve else (surplus - self._reserve) / self._outflow.rate

    def _close(self, ticket: Ticket, now: float, cost: float) -> None:
        """Step 3 of the bucket: it leaks, the reservation goes and the cost comes; not below 0."""
        self._leak(now)
        del self._in_flight[ticket]
        self._wave_ebbs = True
        self._quiet_since = now
        self._spent = max(self._spent + cost, -self._up_front.cost * len(self._in_flight))

    def _leak(self, now: float) -> None:
        """Step 1 of the bucket: the whole count leaks, and stops at 0."""
        elapsed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._spent -= min(self._outflow.rate * elapsed, self._count(len(self._in_flight)))
        self._reserve = max(0.0, self._reserve - RESERVE_DECAY * elapsed)

    def _correct(self, ticket: Ticket, now: float, remaining: float) -> None:
        """Let a header correct the reckoning; called after its own request is closed and paid."""
        others = len(self._in_flight)
        if self._high_water_mark is None:
            self._high_water_mark = remaining + self._count(others)
        if self.parameters.high_water_mark is None:
            self._high_water_mark = max(self._high_water_mark, remaining)  # it never reads more than the mark
        if ticket.alone:
            self._sound(now, self._high_water_mark - remaining)
        elif self._learning:
            self._learn_up_front(ticket, self._high_water_mark - remaining)
        else:
            error = self._error(now, self._high_water_mark - remaining)
            self._measure_outflow(now, error)
            self._spent -= error if error < 0 else min(error * RELIEF, max(self._spent, 0.0))  # below 0 it may be stale

    def _sound(self, now: float, count: float) -> None:
        """Nothing else of ours was in flight: what the header says is what is."""
        self._soundings.taken(now, agrees=abs(count - self._spent) <= self._up_front.cost * DOUBT)
        self._spent = max(0.0, count)
        self._outflow.restart(now)

    def _error(self, now: float, count: float) -> float:
        """Units of room that the header promises beyond the reckoning, for the likeliest number in flight."""
        if self._up_front.cost == 0:
            return self._spent - count
        visible = count - self._spent  # what our own requests in flight would have to explain
        most = len(self._in_flight) + self._answers_on_the_way(now)
        likeliest = min(max(floor(visible / self._up_front.cost + DOUBT), 0), most)
        return likeliest * self._up_front.cost - visible

    def _answers_on_the_way(self, now: float) -> int:
        """Requests whose answer came before this one but may have been made after it."""
        while self._recent and self._recent[0] < now - self._shortest:
            self._recent.popleft()
        return len(self._recent)

    def _learn_up_front(self, ticket: Ticket, count: float) -> None:
        """Where the others in flight were all sent before, they had all arrived: the network blurs nothing."""
        others = len(self._in_flight)
        if others and all(other.sent_at <= ticket.sent_at for other in self._in_flight):
            self._up_front.observe((count - self._spent) / others)

    def _measure_outflow(self, now: float, error: float) -> None:
        if self.parameters.outflow is not None or self._spent <= 0:
            self._outflow.restart(now)
        else:
            self._outflow.observe(now, error if error < 0 else error * RELIEF)


def _sane(header: float | None) -> float | None:
    """A header that may be true; None for what no bucket ever reads."""
    return header if header is not None and isfinite(header) and abs(header) <= ABSURD else None

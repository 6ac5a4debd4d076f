"""The throttle-aware semaphore: one for each token, admits exactly what the token's bucket bears.

First come, first served, but for the probe: it goes before all others, who wait until it is answered. A waiter is
woken by the answer or the leak that makes room for it: the wait is computed from the model, never polled. Closing the
gate leaves the waiters waiting (their owner cancels them) and lets what is in flight finish.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from sync_worker.canvas.served import Served, borne
from sync_worker.canvas.throttle import BucketModel, BucketState, Ticket
from sync_worker.clock import Clock
from sync_worker.errors import QuotaExhausted

TICK: Final = 0.001  # seconds; a shorter timer could fire before the time has moved


class Permit:
    """The right to send one request; say what came of it, or leave and it counts as lost."""

    __slots__ = ("_gate", "_ticket", "_told")

    def __init__(self, gate: "Gate", ticket: Ticket) -> None:
        self._gate = gate
        self._ticket = ticket
        self._told = False

    def answered(self, *, cost: float | None, remaining: float | None) -> None:
        """Headers of an answer that is no refusal are here.

        Args:
            cost: `X-Request-Cost`, units; None where absent.
            remaining: `X-Rate-Limit-Remaining`, units; None where absent.
        """
        self._told = True
        self._gate._answered(self._ticket, cost, remaining)  # noqa: SLF001  (a permit is a part of its gate)

    def refused(self, *, retry_after: float | None, remaining: float | None = None) -> None:
        """Canvas said "Rate Limit Exceeded" (403) or 429.

        Args:
            retry_after: seconds, None where absent.
            remaining: `X-Rate-Limit-Remaining`, units; None where absent.

        Raises:
            QuotaExhausted: nothing was admitted within the patience.
        """
        self._told = True
        self._gate._refused(self._ticket, retry_after, remaining)  # noqa: SLF001  (as above)

    def _leave(self) -> None:
        self._gate._left(None if self._told else self._ticket)  # noqa: SLF001  (as above)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """What the gate is doing, for progress lines."""

    bucket: BucketState
    waiting: int
    refusals: int


class Gate:
    """Admits requests of one token; see the module.

    Args:
        model: the bucket of the token.
        clock: time.
        max_concurrency: requests in flight at most, whatever the bucket says.
        patience: seconds without one admitted request after which waiters get `QuotaExhausted`.
    """

    def __init__(self, model: BucketModel, clock: Clock, *, max_concurrency: int, patience: float) -> None:
        self._model = model
        self._clock = clock
        self._max_concurrency = max_concurrency
        self._patience = patience
        self._waiters: deque[asyncio.Future[Ticket]] = deque()
        self._urgent: deque[asyncio.Future[Ticket]] = deque()  # waits before all others
        self._urgent_open = 0  # waiting or held: nobody else is admitted
        self._timer: asyncio.TimerHandle | None = None
        self._in_flight = 0
        self._refusals = 0
        self._served = Served()
        self._closed = False
        self._kept_open = 0  # by how many
        self._starved_since: float | None = None  # first refusal since the last admitted request
        self.admitted = 0  # requests that were answered with anything but a refusal
        self._drained = asyncio.Event()
        self._drained.set()

    @asynccontextmanager
    async def permit(self) -> AsyncIterator[Permit]:
        """Wait for a turn and hold it for one request.

        Raises:
            QuotaExhausted: nothing was admitted within the patience.
        """
        permit = Permit(self, await self._turn(self._waiters))
        try:
            yield permit
        finally:
            permit._leave()  # noqa: SLF001  (a permit is a part of its gate)

    @asynccontextmanager
    async def urgent_permit(self) -> AsyncIterator[Permit]:
        """The next turn; until it is given back nobody else gets one. Raises as `permit`."""
        self._urgent_open += 1
        try:
            permit = Permit(self, await self._turn(self._urgent))
            try:
                yield permit
            finally:
                permit._leave()  # noqa: SLF001  (as above)
        finally:
            self._urgent_open -= 1
            self._admit()

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Closing admits nobody once the body is over; it ends by itself soon after, and needs turns until then."""
        self._kept_open += 1
        self._note_drained()
        try:
            yield
        finally:
            self._kept_open -= 1
            self._note_drained()
            self._admit()

    def close(self) -> None:
        """Admit nobody any more, unless it is kept open."""
        self._closed = True
        self._admit()

    async def drained(self) -> None:
        """Return when no permit is held, and nobody keeps it open: all answers have been read, or given up."""
        await self._drained.wait()

    def state(self) -> GateState:
        """A picture of this moment."""
        bucket = self._model.state(self._clock.monotonic())
        return GateState(bucket=bucket, waiting=len(self._waiters) + len(self._urgent), refusals=self._refusals)

    def possible(self, seconds: float) -> float | None:
        """Requests that the bucket would have borne in so many seconds; None where no answer has said what it cost."""
        state = self._model.state(self._clock.monotonic())
        return None if state.high_water_mark is None else borne(self._served, state, self._max_concurrency, seconds)

    # --- turns -----------------------------------------------------------------------------------------

    async def _turn(self, waiters: "deque[asyncio.Future[Ticket]]") -> Ticket:
        turn: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        waiters.append(turn)
        self._admit()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._model.unsent(turn.result(), self._clock.monotonic())
                self._one_less()
            else:
                _forget(waiters, turn)
            raise

    def _admit(self) -> None:
        """Give turns to as many waiters as fit; arm the timer for the next one."""
        self._stop_timer()
        waiters, closed = self._urgent if self._urgent_open else self._waiters, self._closed and not self._kept_open
        while waiters and not closed and self._in_flight < self._max_concurrency:
            now = self._clock.monotonic()
            wait = self._model.wait(now)
            if wait is None:
                return
            if wait > 0:
                self._timer = self._clock.call_later(max(wait, TICK), self._admit)
                return
            turn = waiters.popleft()
            if not turn.done():
                turn.set_result(self._model.send(now))
                self._in_flight += 1
                self._note_drained()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _one_less(self) -> None:
        self._in_flight -= 1
        self._note_drained()
        self._admit()

    def _note_drained(self) -> None:
        if self._in_flight or self._kept_open:
            self._drained.clear()
        else:
            self._drained.set()

    # --- what permits tell -----------------------------------------------------------------------------

    def _answered(self, ticket: Ticket, cost: float | None, remaining: float | None) -> None:
        self._starved_since = None
        self.admitted += 1
        now = self._clock.monotonic()
        if cost is not None:
            self._served.add(cost=cost, seconds=now - ticket.sent_at)
        self._model.answered(ticket, now, cost=cost, remaining=remaining)
        self._admit()

    def _left(self, lost: Ticket | None) -> None:
        if lost is not None:
            self._model.lost(lost, self._clock.monotonic())
        self._one_less()

    def _refused(self, ticket: Ticket, retry_after: float | None, remaining: float | None) -> None:
        now = self._clock.monotonic()
        self._refusals += 1
        self._model.refused(ticket, now, retry_after=retry_after, remaining=remaining)
        if self._starved_since is None:
            self._starved_since = now
        starved = now - self._starved_since
        if starved >= self._patience:
            self._give_up(starved)
            raise _exhausted(starved)
        self._admit()

    def _give_up(self, seconds: float) -> None:
        for waiters in (self._urgent, self._waiters):
            while waiters:
                turn = waiters.popleft()
                if not turn.done():
                    turn.set_exception(_exhausted(seconds))


def _forget(waiters: "deque[asyncio.Future[Ticket]]", turn: "asyncio.Future[Ticket]") -> None:
    if turn in waiters:
        waiters.remove(turn)


def _exhausted(seconds: float) -> QuotaExhausted:
    return QuotaExhausted(
        f"Canvas admitted no request for {seconds / 60:.0f} minutes",
        hint="The token may be block-listed or used up by another program. Look at who else uses it, then run "
        "the same command again: it goes on where it stopped (throttle_patience sets how long to wait)",
    )

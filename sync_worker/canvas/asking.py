"""One request until it has an answer, and one list until its end.

For every attempt a permit of the gate, one exchange, and its meaning; then a value, an error or another
attempt. Whose a refusal is, `refusals` says. Waits between attempts lie outside of the permit, so that nobody waits
for somebody who waits.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from yarl import URL

from sync_worker.canvas.access import Access, NoToken
from sync_worker.canvas.answers import Answer, Asked, Meaning, classify, error_for, retry_after, units
from sync_worker.canvas.attempts import Attempts, Setback
from sync_worker.canvas.attribution import PROBE
from sync_worker.canvas.dates import CanvasTime
from sync_worker.canvas.options import ClientOptions, Traffic
from sync_worker.canvas.pages import Walk, next_url
from sync_worker.canvas.probe import Probe, answered, silent
from sync_worker.canvas.refusals import Refusals
from sync_worker.canvas.retry import GiveUp
from sync_worker.canvas.sharedprobe import SharedProbe
from sync_worker.canvas.transport import Broken, Form, Transport
from sync_worker.clock import Clock
from sync_worker.errors import Incomplete, NotFound, SyncWorkerError, Trouble

if TYPE_CHECKING:
    from sync_worker.canvas.gate import Gate, Permit

_T = TypeVar("_T")

_PERHAPS_THROTTLED: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})


First = Callable[[], Awaitable[None]]
"""Awaited right before each attempt; raises where it may not be sent any more."""

Again = Callable[[bool], None]
"""Called before a call is sent again: whether the attempt before was surely not carried out."""

_HARMLESS: Final = frozenset({Meaning.THROTTLED, Meaning.TOKEN_REFUSED})


class Through(Protocol):
    """What each request of a list is sent through: it may send it again after trouble."""

    async def __call__(self, ask: Callable[[], Awaitable[_T]], /) -> _T:
        """What `ask` brings in the end."""


async def directly(ask: Callable[[], Awaitable[_T]], /) -> _T:
    """Send it, once."""
    return await ask()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[_T]):
    """One request, as often as it may have to be sent."""

    asked: Asked
    url: URL  # encoded, on the origin of the token
    read: Callable[[bytes, Asked], _T]  # body to value; raises Trouble (ask again) or Incomplete
    form: Form | None = None
    first: First | None = None
    again: Again | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[_T]):
    """A usable answer."""

    found: _T | None  # None where what was to be deleted is not there
    link: str | None = None  # the `Link` header

    @property
    def value(self) -> _T:
        """What was found, where a DELETE that finds nothing is out of the question."""
        if self.found is None:
            raise TypeError("only a DELETE may come back without a value")
        return self.found


class Asker:
    """Sends calls over one transport, through one gate.

    Args:
        transport: open.
        access: the token.
        gate: admits requests; shared by all who use the same token, or tokens renewed with the same grant.
        clock: time.
        options: which origin, and how patient.
        traffic: counted here and in the transport.
    """

    def __init__(
        self,
        *,
        transport: Transport,
        access: Access,
        gate: "Gate",
        clock: Clock,
        options: ClientOptions,
        traffic: Traffic,
    ) -> None:
        self._transport = transport
        self._access = access
        self._gate = gate
        self._clock = clock
        self._options = options
        self._origin = options.origin()
        self._traffic = traffic
        self.canvas_time = CanvasTime()
        self._refusals = Refusals(SharedProbe(self._ask_probe, clock), gate)

    async def pages(self, call: Call[list[_T]], *, limit: int, through: Through = directly) -> AsyncIterator[list[_T]]:
        """The pages of a list as they arrive; ends only where Canvas says that the list ends.

        Args:
            call: the first page.
            limit: pages at most.
            through: sends each of them.

        Raises:
            Incomplete: the list goes in circles, leads elsewhere or breaks off.
        """
        walk = Walk(limit=limit)
        url: URL | None = call.url
        while url is not None:
            walk = _located(partial(walk.step, url), call.asked)
            reply = await through(partial(self._page, call, url, walk.pages))
            yield reply.value
            url = _located(partial(next_url, reply.link, url, self._origin), call.asked)

    async def _page(self, call: Call[list[_T]], url: URL, number: int) -> Reply[list[_T]]:
        if number == 1:
            return await self.ask(call)
        try:
            return await self.ask(replace(call, url=url))
        except NotFound as error:  # the first page was there: this says nothing about the user
            raise Incomplete(
                f"page {number} of the list is not there", where=error.where, status=error.status
            ) from error

    async def ask(self, call: Call[_T]) -> Reply[_T]:
        """Send a call until it has an answer, as often as the policy allows.

        What it raises says whether the outcome of a call that writes is unknown: one of the attempts was sent, and its
        answer was lost or is an error of the server's.
        """
        attempts = Attempts(asked=call.asked, policy=self._options.retry)
        try:
            return await self._until_answered(call, attempts)
        except SyncWorkerError as error:
            error.outcome_unknown = attempts.perhaps_done
            raise

    async def _until_answered(self, call: Call[_T], attempts: Attempts) -> Reply[_T]:
        while True:
            came = await self._with_a_good_token(call, first=attempts.throttled_at is None)
            if isinstance(came, Reply):
                return came
            came = await self._refusals.weighed(attempts, came)
            step = attempts.after(came)
            if isinstance(step, GiveUp):
                if self._refusals.gives_up(call.asked, came):
                    raise attempts.error(came)
                continue
            if call.again is not None:
                call.again(came.undone or came.meaning in _HARMLESS)
            self._traffic.retries += step.uses_attempt
            if step.at_least or step.jitter:
                await self._clock.sleep(step.at_least + self._clock.jitter(step.jitter))

    async def probe(self, call: Call[_T]) -> Probe:
        """Send a GET, again only where the throttle refuses it, and tell all that the answer says."""
        while True:
            async with self._gate.permit() as permit:
                probe = await self._probe(call.asked, call.url, permit)
            if probe.meaning is not Meaning.THROTTLED:
                return probe

    async def _ask_probe(self) -> Probe:
        """The neutral question, once, before everybody else."""
        url = URL(f"{self._origin}/api/v1{PROBE.path}", encoded=True)
        async with self._gate.urgent_permit() as permit:
            return await self._probe(PROBE, url, permit)

    async def _probe(self, asked: Asked, url: URL, permit: "Permit") -> Probe:
        token = await self._access.token("")
        if isinstance(token, NoToken):
            return silent(token.error)
        began = self._clock.now()
        came = await self._transport.exchange(asked, url, None, partial(_tell_headers, permit), token)
        if isinstance(came, Broken):
            return silent(came.error)
        at = began + (self._clock.now() - began) / 2
        probe = answered(asked, came, at=at, secret=token, source=self._options.token_source)
        self._refusals.answered(asked, probe.meaning)
        self._tell_body(permit, came, probe.meaning, first=True)
        return probe

    async def _with_a_good_token(self, call: Call[_T], *, first: bool) -> Reply[_T] | Setback:
        """One attempt; what was refused for its token was surely not carried out, and goes again with the next one."""
        came = await self._attempt(call, "", first=first)
        for renewal in range(self._access.renewals):
            if isinstance(came, Reply) or came.meaning is not Meaning.TOKEN_REFUSED:
                break
            if renewal and await self._refusals.token_lives(call.asked, came):
                break
            came = await self._attempt(call, came.token, first=first)
        return came

    async def _attempt(self, call: Call[_T], refused: str, *, first: bool) -> Reply[_T] | Setback:
        async with self._gate.permit() as permit:
            # asked for at the last moment: who waits for a permit for minutes would hold one that has ended
            token = await self._access.token(refused)
            if isinstance(token, NoToken):
                return Setback(meaning=Meaning.TROUBLE, error=token.error, retry_after=token.retry_after, undone=True)
            if call.first is not None:
                await call.first()
            tell, admitted = partial(_tell_headers, permit), self._gate.admitted
            began = self._clock.now()
            came = await self._transport.exchange(call.asked, call.url, call.form, tell, token)
            if isinstance(came, Broken):
                return Setback(meaning=Meaning.TROUBLE, error=came.error, undone=came.unsent)
            self.canvas_time.heard(came.headers, began, self._clock.now())
            meaning = classify(call.asked, came)
            self._refusals.answered(call.asked, meaning)
            self._tell_body(permit, came, meaning, first=first)
        if meaning is Meaning.ALREADY_GONE:
            return Reply(found=None)
        if meaning is not Meaning.OK:
            return replace(self._setback(call.asked, came, meaning, token), admitted_before=admitted)
        try:
            return Reply(found=call.read(came.body, call.asked), link=came.headers.get("Link"))
        except Trouble as error:
            return Setback(meaning=Meaning.TROUBLE, error=error)

    def _setback(self, asked: Asked, answer: Answer, meaning: Meaning, token: str) -> Setback:
        error = error_for(meaning, asked, answer, secret=token, source=self._options.token_source)
        return Setback(meaning=meaning, error=error, retry_after=self._retry_after(answer), answer=answer, token=token)

    def _tell_body(self, permit: "Permit", answer: Answer, meaning: Meaning, *, first: bool) -> None:
        """Tell the gate about a 403 or 429: only the body of a 403 shows whether it is a refusal.

        `first`: the request was not refused before. Of one that was, nobody else needs to heed the `Retry-After`.
        """
        if meaning is Meaning.THROTTLED:
            self._traffic.refusals += 1
            remaining = units(answer.headers, "X-Rate-Limit-Remaining")
            permit.refused(retry_after=self._retry_after(answer) if first else None, remaining=remaining)
        elif answer.status in _PERHAPS_THROTTLED:
            _tell_cost(permit, answer.headers)

    def _retry_after(self, answer: Answer) -> float | None:
        return retry_after(answer.headers, self._clock.now())


def _tell_headers(permit: "Permit", status: int, headers: Mapping[str, str]) -> None:
    if status not in _PERHAPS_THROTTLED:
        _tell_cost(permit, headers)


def _tell_cost(permit: "Permit", headers: Mapping[str, str]) -> None:
    permit.answered(cost=units(headers, "X-Request-Cost"), remaining=units(headers, "X-Rate-Limit-Remaining"))


def _located(step: Callable[[], _T], asked: Asked) -> _T:
    """Run a step of the walk, which knows no names; its error gets the place."""
    try:
        return step()
    except Incomplete as error:
        error.where = asked.where
        raise

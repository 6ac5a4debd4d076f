"""One request from its arrival to its answer: network time, bucket, server time, faults, work.

The order is Canvas's: the throttle stands before authentication; the reservation is held from its first step to
its third, while costs and server time are drawn and slept.
"""

from bisect import bisect_right
from collections.abc import Awaitable, Callable

from aiohttp import web

from sync_worker.sandbox import answers, mischief
from sync_worker.sandbox.answers import Answer, Delivery
from sync_worker.sandbox.bucket import Bucket
from sync_worker.sandbox.delivery import Postman
from sync_worker.sandbox.dice import LogNormal, seeded
from sync_worker.sandbox.faults import Facts, Fault, FaultKind
from sync_worker.sandbox.handlers import account_of, answer_call
from sync_worker.sandbox.lag import LateCalls, Replica
from sync_worker.sandbox.model import User
from sync_worker.sandbox.pages import bookmark_id, page_number, per_page
from sync_worker.sandbox.reading import read_call
from sync_worker.sandbox.routes import WRITING, Route
from sync_worker.sandbox.world import Call, World


class Exchange:
    """Handles every request but the control routes; `shut` closes the door behind a request."""

    def __init__(self, world: World, *, shut: Callable[[], Awaitable[None]]) -> None:
        options = world.options
        self._shut = shut
        self._world = world
        self._limits = options.bucket_limits()
        self._buckets: dict[str, Bucket] = {}
        self._dice = seeded("load", options.seed)
        self._costs = LogNormal(mean=options.mean_cost, sigma=options.sigma)
        self._times = LogNormal(mean=options.mean_server_time, sigma=options.sigma)
        self.reset_lag()
        self._postman = Postman(world.clock, options.header_case)

    def reset_lag(self) -> None:
        """Nothing is held back any more, and the replica knows the present alone."""
        self._late = LateCalls(clock=self._world.clock)
        self._replica = Replica(clock=self._world.clock)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request, or break its connection where a fault says so."""
        counters = self._world.counters
        counters.opened()
        try:
            answer = await self._answer(request)
            counters.answered(answer.status)
            if answer.delivery is Delivery.LAST:
                await self._shut()
            return await self._postman.deliver(request, answer)
        finally:
            counters.open -= 1

    async def _answer(self, request: web.BaseRequest) -> Answer:
        one_way = self._world.options.network_time / 2
        await self._world.clock.sleep(one_way)
        call = await read_call(self._world, request)
        self._note(request, call)
        answer = await self._admit(request, call)
        await self._world.clock.sleep(one_way)
        return answer

    def _note(self, request: web.BaseRequest, call: Call) -> None:
        counters = self._world.counters
        counters.by_route[call.target.route.value] += 1
        counters.authorization_seen = "Authorization" in request.headers
        counters.cookies_returned += "Cookie" in request.headers

    async def _admit(self, request: web.BaseRequest, call: Call) -> Answer:
        world = self._world
        if world.options.require_user_agent and not request.headers.get("User-Agent"):
            return answers.no_user_agent()
        if world.tokens.is_blocked(call.token):
            return self._refuse({"x-rate-limit-remaining": "0.0"})
        if not world.options.throttle:
            return await self._work(call)
        return await self._metered(call)

    async def _metered(self, call: Call) -> Answer:
        """The bucket's three steps around the work."""
        clock = self._world.clock
        bucket = self._bucket(call.token)
        if not bucket.begin(clock.monotonic()):
            return self._refuse(self._meter(bucket, None))
        cost: float | None = self._costs.draw(self._dice)
        try:
            answer = await self._work(call)
            cost = None if answer.refused else cost
        except BaseException:
            bucket.end(clock.monotonic(), 0.0)
            raise
        answer.headers = self._meter(bucket, cost) | answer.headers
        return answer

    def _meter(self, bucket: Bucket, cost: float | None) -> dict[str, str]:
        """The third step, and the headers that tell of it; a refusal (None) has no cost."""
        remaining = bucket.end(self._world.clock.monotonic(), cost or 0.0)
        headers = {"x-rate-limit-remaining": str(remaining)}
        if cost is not None:
            headers["x-request-cost"] = str(cost)
        elif self._world.options.retry_after:
            headers["retry-after"] = str(int(bucket.wait()) + 1)
        return headers

    def _refuse(self, headers: dict[str, str]) -> Answer:
        self._world.counters.refusals += 1
        answer = answers.throttled(self._world.options.refusal_status)
        answer.headers = headers
        return answer

    async def _work(self, call: Call) -> Answer:
        """Server time, then a fault or the effect; in flight while it lasts."""
        counters = self._world.counters
        counters.admitted()
        try:
            await self._world.clock.sleep(self._times.draw(self._dice))
            if call.target.route is Route.LIST_CHANNELS and call.user is not None:
                counters.channel_lists[call.user.id] += 1
            if call.target.route in WRITING and call.user is not None:
                counters.writes[call.user.id] += 1
            self.carry_out_late()
            fault = self._strike(call)
            return self._carry_out(call) if fault is None else await self._misbehave(fault, call)
        finally:
            counters.in_flight -= 1

    def _strike(self, call: Call) -> Fault | None:
        faults = self._world.faults
        if not faults:
            return None
        user_id = None if call.user is None else call.user.id
        return faults.strike(Facts(route=call.target.route, user_id=user_id, page=_page_of(self._world, call)))

    async def _misbehave(self, fault: Fault, call: Call) -> Answer:
        world = self._world
        world.counters.faults += 1
        world.counters.by_fault[fault.name] += 1
        if fault.kind is FaultKind.HANG:
            await world.clock.sleep(fault.seconds)
        if fault.kind is FaultKind.STALE and call.user is not None:
            return self._as_of(fault.seconds, call, call.user)
        if fault.kind is FaultKind.LATE:
            self._late.add(call, fault.seconds)
        answer = mischief.instead(fault, url=call.full_url, refusal_status=world.options.refusal_status)
        if answer is None:
            return mischief.spoil(fault, self._carry_out(call), url=call.full_url)
        world.counters.refusals += answer.refused
        return answer

    def _carry_out(self, call: Call) -> Answer:
        if call.target.route in WRITING and call.user is not None:
            self._replica.note(call.user)
        return answer_call(self._world, call)

    def carry_out_late(self, *, everything: bool = False) -> None:
        """What gateways have held back and pass on now; nobody hears the answers."""
        for call in self._late.take(everything=everything):
            self._carry_out(call)

    def _as_of(self, seconds: float, call: Call, user: User) -> Answer:
        """An answer out of the past."""
        present = user.channels
        user.channels = self._replica.as_of(user, seconds)
        try:
            return answer_call(self._world, call)
        finally:
            user.channels = present

    def _bucket(self, token: str) -> Bucket:
        bucket = self._buckets.get(token)
        if bucket is None:
            now = self._world.clock.monotonic()
            bucket = self._buckets[token] = Bucket(self._limits, now=now)
        return bucket


def _page_of(world: World, call: Call) -> int:
    """The number of the page that is asked for, also where a bookmark asks for it."""
    asked = call.params.get("page")
    after = bookmark_id(asked)
    account_id = account_of(world, call)
    if not after or account_id is None:
        return page_number(asked)
    size = per_page(call.params.get("per_page"), world.options.per_page_cap)
    return bisect_right(world.school.listed(account_id), after) // size + 1

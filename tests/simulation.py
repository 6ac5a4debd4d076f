"""Canvas's bucket as a simulation of its own, and an oracle that knows it: the measure for the gate.

Written from the facts about the server, not from the worker's model, so that the two can disagree.
"""

import heapq
from dataclasses import dataclass, field
from math import log
from random import Random

from sync_worker.canvas.gate import Gate
from sync_worker.clock import Clock
from sync_worker.tasks import TaskGroup


@dataclass(kw_only=True)
class Server:
    """A token's bucket at Canvas, with work drawn from two log-normal distributions."""

    high_water_mark: float = 600.0
    maximum: float = 800.0
    outflow: float = 10.0
    up_front_cost: float = 50.0
    mean_cost: float = 0.08
    mean_seconds: float = 0.06
    network_seconds: float = 0.0  # one way
    sigma: float = 0.5
    headers: bool = True
    random: Random = field(default_factory=lambda: Random(7))
    count: float = 0.0
    touched: float = 0.0
    refusals: int = 0
    in_flight: int = 0
    most_in_flight: int = 0

    def draw(self, mean: float) -> float:
        return self.random.lognormvariate(log(mean) - self.sigma**2 / 2, self.sigma) if mean else 0.0

    def start(self, now: float) -> bool:
        self._touch(now)
        self.count = min(self.maximum, self.count + self.up_front_cost)
        admitted = self.count < self.high_water_mark
        self.in_flight += admitted
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        return admitted

    def end(self, now: float, cost: float) -> float:
        self._touch(now)
        self.count = min(self.maximum, max(0.0, self.count + cost - self.up_front_cost))
        return self.high_water_mark - self.count

    def _touch(self, now: float) -> None:
        self.count = max(0.0, self.count - self.outflow * (now - self.touched))
        self.touched = now


async def request(gate: Gate, server: Server, clock: Clock) -> None:
    """One request through the gate, repeated until it is admitted."""
    while not await _attempt(gate, server, clock):
        pass


async def _attempt(gate: Gate, server: Server, clock: Clock) -> bool:
    async with gate.permit() as permit:
        await clock.sleep(server.network_seconds)
        if not server.start(clock.monotonic()):
            remaining = server.end(clock.monotonic(), 0.0)
            server.refusals += 1
            await clock.sleep(server.network_seconds)
            permit.refused(retry_after=None, remaining=remaining if server.headers else None)
            return False
        await clock.sleep(server.draw(server.mean_seconds))
        cost = server.draw(server.mean_cost)
        remaining = server.end(clock.monotonic(), cost)
        server.in_flight -= 1
        await clock.sleep(server.network_seconds)
        told = server.headers
        permit.answered(cost=cost if told else None, remaining=remaining if told else None)
        return True


async def run_gate(gate: Gate, server: Server, clock: Clock, *, requests: int, workers: int = 64) -> float:
    """Seconds that `requests` requests take with `workers` tasks pressing at the gate."""
    left = iter(range(requests))

    async def press() -> None:
        for _ in left:
            await request(gate, server, clock)

    started = clock.monotonic()
    async with TaskGroup() as group:
        for _ in range(workers):
            group.create_task(press())
    return clock.monotonic() - started


async def neighbour(server: Server, clock: Clock, *, until: float, tasks: int) -> None:
    """Somebody else with the same token, who knows no manners: a refused request comes again at once."""

    async def press() -> None:
        while clock.monotonic() < until:
            admitted = server.start(clock.monotonic())
            await clock.sleep(server.draw(server.mean_seconds) if admitted else 0.02)
            server.in_flight -= admitted
            server.end(clock.monotonic(), server.draw(server.mean_cost) if admitted else 0.0)

    async with TaskGroup() as group:
        for _ in range(tasks):
            group.create_task(press())


def oracle(server: Server, requests: int) -> float:
    """Seconds that somebody needs who sees the bucket and sends a request whenever one would pass."""
    now, sent, running = 0.0, 0, [(0.0, 0.0)][:0]
    while sent < requests or running:
        room = server.high_water_mark - server.up_front_cost
        leaked = max(0.0, server.count - server.outflow * (now - server.touched))
        if sent < requests and leaked < room:
            server.start(now)
            heapq.heappush(running, (now + server.draw(server.mean_seconds), server.draw(server.mean_cost)))
            sent += 1
            continue
        next_room = now + (leaked - room) / server.outflow + 1e-6 if sent < requests else float("inf")
        if running and running[0][0] <= next_room:
            now, cost = heapq.heappop(running)
            server.end(now, cost)
        else:
            now = next_room
    return now

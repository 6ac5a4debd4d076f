"""The gate against simulated buckets on virtual time, measured by an oracle that sees the bucket."""

from random import Random
from typing import Any

import pytest

from sync_worker.canvas.gate import Gate
from sync_worker.canvas.throttle import BucketModel, BucketParameters
from sync_worker.tasks import TaskGroup
from tests.simulation import Server, neighbour, oracle, run_gate
from tests.virtual_time import VirtualClock, run_virtually


def press(server: Server, requests: int, parameters: BucketParameters | None = None) -> float:
    """Seconds that the gate takes."""

    async def run() -> float:
        clock = VirtualClock()
        gate = Gate(BucketModel(parameters or BucketParameters()), clock, max_concurrency=64, patience=900.0)
        return await run_gate(gate, server, clock, requests=requests)

    return run_virtually(run())


def speed(requests: int, seed: int, **knobs: Any) -> tuple[float, int]:
    """Share of the oracle's speed, and refusals; the oracle needs no network."""
    server = Server(random=Random(seed), **knobs)
    seconds = press(server, requests)
    knobs.pop("network_seconds", None)
    return oracle(Server(random=Random(seed), **knobs), requests) / seconds, server.refusals


def test_whole_school_without_a_refusal() -> None:
    """12,000 requests at the defaults: no refusal, and at least 95 % of the oracle's speed."""
    share, refusals = speed(12_000, 1)
    assert refusals == 0
    assert share >= 0.95


@pytest.mark.parametrize("seed", range(6))
def test_few_users_too(seed: int) -> None:
    """3,000 requests, in which starting and learning weigh more."""
    share, refusals = speed(3_000, seed)
    assert refusals == 0
    assert share >= 0.95


CASES: dict[str, tuple[float, dict[str, Any]]] = {
    "hosted: 700": (0.95, {"high_water_mark": 700.0}),
    "a small bucket": (0.95, {"high_water_mark": 200.0}),
    "small reservations": (0.90, {"up_front_cost": 20.0}),
    "large reservations": (0.95, {"up_front_cost": 100.0}),
    "slow leak": (0.95, {"outflow": 5.0}),
    "fast leak": (0.85, {"outflow": 20.0}),
    "dear requests": (0.95, {"mean_cost": 1.0}),
    "slow server": (0.95, {"mean_seconds": 0.5}),
    "uneven server": (0.90, {"sigma": 1.0}),
    "a bucket in use": (0.95, {"count": 300.0}),
    "no headers": (0.88, {"headers": False}),
    "one millisecond of network": (0.93, {"network_seconds": 0.001}),
    "twenty milliseconds of network": (0.60, {"network_seconds": 0.02}),
    "network and a fast leak": (0.50, {"network_seconds": 0.02, "outflow": 20.0}),
    "network and small reservations": (0.40, {"network_seconds": 0.02, "up_front_cost": 20.0}),
    "network and an uneven server": (0.55, {"network_seconds": 0.02, "sigma": 1.0}),
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("case", CASES)
def test_other_installations(case: str, seed: int) -> None:
    """Learned from the headers alone, never refused.

    With network time a slot is ours from sending to answer, so the shares are those of server time: when a request
    of ours has ended is known only when its answer is here.
    """
    least, knobs = CASES[case]
    share, refusals = speed(1_500, seed, **knobs)
    assert refusals == 0
    assert share >= least


def test_configured_bucket_needs_no_learning() -> None:
    """With everything configured the answer is the same, a little sooner."""
    known = BucketParameters(high_water_mark=600.0, outflow=20.0, up_front_cost=20.0)
    knobs: dict[str, Any] = {"outflow": 20.0, "up_front_cost": 20.0}
    server = Server(random=Random(3), **knobs)
    seconds = press(server, 1_500, known)
    assert server.refusals == 0
    assert oracle(Server(random=Random(3), **knobs), 1_500) / seconds >= 0.93


def test_nearly_full_bucket() -> None:
    """Somebody has just used it up: the first refusal cannot be helped, and says how long to wait."""
    share, refusals = speed(1_500, 1, count=580.0)
    assert refusals == 1
    assert share >= 0.95


def test_neighbour_comes_and_goes() -> None:
    """Another client takes its share with hardly a refusal for us; afterwards we have all of it back."""

    async def run() -> tuple[float, Server]:
        clock, server = VirtualClock(), Server(random=Random(1))
        gate = Gate(BucketModel(), clock, max_concurrency=64, patience=900.0)
        async with TaskGroup() as group:
            other = group.create_task(neighbour(server, clock, until=15.0, tasks=4))
            first = await run_gate(gate, server, clock, requests=800)
            await other
            await run_gate(gate, server, clock, requests=1_500)  # the way back
            refusals = server.refusals
            second = await run_gate(gate, server, clock, requests=1_500)
        assert first > 5.0
        assert refusals <= 10
        assert server.refusals == refusals
        return second, server

    seconds, _ = run_virtually(run())
    assert 1_500 / seconds > 130.0

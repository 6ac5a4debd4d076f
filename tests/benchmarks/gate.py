"""The real gate and the real client against a sandbox at its defaults, beside an oracle that sees the bucket."""

from collections.abc import Iterator
from random import Random
from statistics import mean
from typing import Final

from sync_worker.canvas.client import CanvasClient, ClientOptions
from sync_worker.canvas.gate import Gate
from sync_worker.canvas.throttle import BucketModel
from sync_worker.channels import by_id
from sync_worker.clock import Clock
from sync_worker.sandbox import SandboxOptions
from sync_worker.sandbox.generate import generate
from sync_worker.tasks import TaskGroup
from tests.benchmarks.processes import Canvas, sandbox
from tests.benchmarks.report import Figure
from tests.simulation import Server, oracle

ABOUT: Final = "channels of every user through the gate, alone on the token"
CONCURRENCY: Final = 64
SEEDS: Final = 9


async def measure(quick: bool) -> list[Figure]:  # noqa: FBT001  (the one question to every benchmark)
    """Seconds beside the oracle's, and refusals."""
    users = 3_000 if quick else 12_000
    ids = tuple(generate(users, SandboxOptions().seed).users)  # the school that the sandbox generates too
    async with sandbox(users) as canvas:
        seconds, refusals = await _read(canvas, iter(ids))
    best = mean(oracle(Server(random=Random(seed)), users) for seed in range(SEEDS))
    return [
        Figure(
            name=f"speed, {users:,} users",
            value=users / seconds,
            unit="users/s",
            baseline=users / best,
            baseline_name="oracle",
            limit=">= 95 % of the oracle",
            good=best / seconds >= 0.95,
        ),
        Figure(name="time", value=seconds, unit="s", baseline=best, baseline_name="oracle"),
        Figure(name="refusals", value=refusals, unit="", limit="none", good=refusals == 0),
    ]


async def _read(canvas: Canvas, ids: Iterator[int]) -> tuple[float, int]:
    """Seconds and refusals."""
    clock = Clock()
    gate = Gate(BucketModel(), clock, max_concurrency=CONCURRENCY, patience=60.0)
    options = ClientOptions(base_url=canvas.base_url, token=canvas.token, max_concurrency=CONCURRENCY)
    async with CanvasClient(options, gate, clock) as client:
        started = clock.monotonic()
        async with TaskGroup() as group:
            for _ in range(CONCURRENCY):
                group.create_task(_work(client, ids))
        return clock.monotonic() - started, gate.state().refusals


async def _work(client: CanvasClient, ids: Iterator[int]) -> None:
    for user_id in ids:
        await client.list_channels(by_id(user_id))

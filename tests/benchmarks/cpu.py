"""CPU time of the whole worker beside that of a bare loop, on a Canvas that throttles nobody."""

import sys
from pathlib import Path
from typing import Final

from tests.benchmarks import bare_loop
from tests.benchmarks.processes import UNTHROTTLED, Canvas, Usage, backfill, database, measured, sandbox, slope
from tests.benchmarks.report import Figure

ABOUT: Final = "the full worker (backfill) beside a bare loop (same HTTP library, JSON, COPY into a table)"
FEW: Final = 500  # users; what starting costs is in both runs, and falls out of the difference


async def measure(quick: bool) -> list[Figure]:  # noqa: FBT001  (the one question to every benchmark)
    """CPU microseconds per user, and users a second."""
    users = (FEW, 5_000 if quick else 20_000)
    worker, bare = [], []
    async with database() as (folder, server):
        await server.ensure_database("bare")
        for number in users:
            async with sandbox(number, **UNTHROTTLED) as canvas:
                worker.append(await backfill(canvas, folder, f"cpu{number}"))
                bare.append(await _bare(canvas, server.dsn("bare")))
    return _figures(users, worker, bare)


async def _bare(canvas: Canvas, database_url: str) -> Usage:
    program = Path(bare_loop.__file__)
    return await measured(sys.executable, str(program), canvas.base_url, canvas.token, database_url)


def _figures(users: tuple[int, int], worker: list[Usage], bare: list[Usage]) -> list[Figure]:
    cpu, bare_cpu = (1e6 * slope(small.cpu_seconds, large.cpu_seconds, users) for small, large in (worker, bare))
    speed, bare_speed = (1 / slope(small.seconds, large.seconds, users) for small, large in (worker, bare))
    name = "bare loop"
    return [
        Figure(name="CPU per user", value=cpu, unit="µs", baseline=bare_cpu, baseline_name=name),
        Figure(name="users a second", value=speed, unit="1/s", baseline=bare_speed, baseline_name=name),
        Figure(
            name=f"CPU to start, and {FEW} users",
            value=worker[0].cpu_seconds,
            unit="s",
            baseline=bare[0].cpu_seconds,
            baseline_name=name,
        ),
    ]

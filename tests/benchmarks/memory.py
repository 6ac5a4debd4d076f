"""Peak memory of the worker for a school and for one ten times as large."""

from typing import Final

from tests.benchmarks.processes import UNTHROTTLED, backfill, database, sandbox
from tests.benchmarks.report import Figure

ABOUT: Final = "peak resident memory of the worker (backfill), its database not included"
LIMIT_MB: Final = 250.0
GROWTH: Final = 1.2


async def measure(quick: bool) -> list[Figure]:  # noqa: FBT001  (the one question to every benchmark)
    """Megabytes, small beside large."""
    few, many = (2_000, 20_000) if quick else (20_000, 200_000)
    small, large = await _peak(few), await _peak(many)
    return [
        Figure(
            name=f"{many:,} users",
            value=large,
            unit="MB",
            baseline=small,
            baseline_name=f"{few:,} users",
            limit=f"< {LIMIT_MB:.0f} MB, at most {GROWTH - 1:.0%} more",
            good=large < LIMIT_MB and large <= small * GROWTH,
        )
    ]


async def _peak(users: int) -> float:
    async with database() as (folder, _), sandbox(users, **UNTHROTTLED) as canvas:
        return (await backfill(canvas, folder, "memory")).peak_mb

"""Planning a desired state beside reading its inputs: one user in a hundred needs something, the mirror is fresh."""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sync_worker.flows.rooms import DATABASE_NAME
from sync_worker.sandbox.model import User
from tests.benchmarks import inputs
from tests.benchmarks.mirrored import fill, school
from tests.benchmarks.processes import UNTHROTTLED, Usage, database, measured, sandbox, worker
from tests.benchmarks.report import Figure

ABOUT: Final = "the full command (plan: checked, compared, shown, saved) beside reading document and mirror and no more"
INSTANCE: Final = "plan"
CHANGED: Final = 100  # one user in so many
CHANGES: Final = 10  # exit code of `plan`
RATIO: Final = 4.0
"""Beside reading and checking the document, which no plan can do without; bare `csv.reader` is told too."""
FEWER: Final = 5  # times: the smaller document
GROWTH_MB: Final = 20.0


async def measure(quick: bool) -> list[Figure]:  # noqa: FBT001  (the one question to every benchmark)
    """Seconds and memory, of a CSV that names SIS ids and of NDJSON that names numbers."""
    users = school(20_000 if quick else 100_000)
    few = len(users) // FEWER
    figures = []
    async with database() as (folder, server):
        await server.ensure_database(DATABASE_NAME)
        dsn = server.dsn(DATABASE_NAME)
        await fill(dsn, INSTANCE, users)
        async with sandbox(len(users), **UNTHROTTLED) as canvas:
            for write in (as_csv, as_ndjson):
                small, large = write(Path(folder).parent, users[:few]), write(Path(folder).parent, users)
                plain, checked = [await _read(way, large, dsn) for way in ("plain", "checked")]
                plans = [
                    await worker(canvas, folder, INSTANCE, "plan", "--desired", str(document), code=CHANGES)
                    for document in (small, large)
                ]
                name = f"{large.suffix[1:]}, {len(users):,} users"
                figures += _speed(name, len(users), plans[1], plain, checked)
                figures.append(_memory(name, few, *plans))
    return figures


async def _read(way: str, document: Path, database_url: str) -> Usage:
    return await measured(sys.executable, inputs.__file__, way, str(document), INSTANCE, database_url)


def _speed(name: str, users: int, plan: Usage, plain: Usage, checked: Usage) -> list[Figure]:
    speed, plain_speed = (users / each.seconds for each in (plan, plain))
    return [
        Figure(
            name=name,
            value=plan.seconds,
            unit="s",
            baseline=checked.seconds,
            baseline_name="reading, checking",
            limit=f"at most {RATIO:.0f} times",
            good=plan.seconds <= RATIO * checked.seconds,
        ),
        Figure(
            name=f"{name}, beside bare reading",
            value=plan.seconds,
            unit="s",
            baseline=plain.seconds,
            baseline_name="reading",
        ),
        Figure(name=f"{name}, speed", value=speed, unit="users/s", baseline=plain_speed, baseline_name="reading"),
    ]


def _memory(name: str, few: int, small: Usage, large: Usage) -> Figure:
    return Figure(
        name=f"{name}, peak memory",
        value=large.peak_mb,
        unit="MB",
        baseline=small.peak_mb,
        baseline_name=f"{few:,} users",
        limit=f"less than {GROWTH_MB:.0f} MB more",
        good=large.peak_mb - small.peak_mb < GROWTH_MB,
    )


# --- documents ------------------------------------------------------------------------------------------


def as_csv(folder: Path, users: Sequence[User]) -> Path:
    """A row for each address; users by SIS id where they have one."""
    path = folder / f"desired{len(users)}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("user", "type", "address", "state"))
        for place, user in enumerate(users):
            name = f"sis:{user.sis_user_id}" if user.sis_user_id else str(user.id)
            rows.writerows((name, "email", address, "present") for address in _wanted(place, user))
    return path


def as_ndjson(folder: Path, users: Sequence[User]) -> Path:
    """A line for each user, by number."""
    path = folder / f"desired{len(users)}.ndjson"
    with path.open("w", encoding="utf-8") as file:
        for place, user in enumerate(users):
            channels = [{"type": "email", "address": address} for address in _wanted(place, user)]
            file.write(json.dumps({"user": user.id, "channels": channels}) + "\n")
    return path


def _wanted(place: int, user: User) -> list[str]:
    """The addresses that the user has; every hundredth is to have a new one."""
    has = [channel.address for channel in user.live_channels() if channel.type == "email"]
    return [*has, f"new{user.id}@example.org"] if place % CHANGED == 0 else has

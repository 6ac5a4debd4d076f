"""The product's statement `merge_channels`: fed with arrays, as the worker does, and by COPY into a temporary table."""

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final, TypeAlias

import asyncpg

from sync_worker.channels import Channel, Snapshot
from sync_worker.clock import Clock
from sync_worker.mirror.columns import columns
from sync_worker.mirror.database import connect
from sync_worker.mirror.migrations import migrate
from sync_worker.mirror.sql import statement
from tests.benchmarks.processes import database
from tests.benchmarks.report import Figure

ABOUT: Final = "rows a second into the mirror by users a batch, arrays (the product) beside COPY to a temporary table"
SIZES: Final = (250, 1_000, 5_000)
CHANNELS: Final = 2  # of each user
LONG_AGO: Final = datetime(2026, 1, 1, tzinfo=UTC)
TEMPORARY: Final = """
    CREATE TEMPORARY TABLE incoming (
        id bigint, given integer, user_id bigint, type text, address text, workflow_state text, position integer,
        bounce_count integer, last_bounce_at timestamptz, last_bounce_summary text,
        last_transient_bounce_at timestamptz, last_transient_bounce_summary text,
        last_suppression_bounce_at timestamptz, created_at timestamptz, folded_address text
    ) ON COMMIT DELETE ROWS
"""
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Users that were read, in the forms that both ways need; building them is not measured."""

    user_ids: list[int]
    read_at: list[datetime]
    orders: tuple[list[int], list[int]]  # epochs and numbers of the reads
    columns: list[list[Any]]
    rows: list[tuple[Any, ...]]


Way: TypeAlias = Callable[[Connection, Batch], Awaitable[None]]


async def by_arrays(connection: Connection, batch: Batch) -> None:
    """The product's way."""
    await connection.fetchrow(
        statement("merge_channels"), "bench", 1, [], batch.user_ids, batch.read_at, *batch.columns, [], *batch.orders
    )


async def by_copy(connection: Connection, batch: Batch) -> None:
    """The other way, in one transaction too."""
    async with connection.transaction():
        await connection.copy_records_to_table("incoming", records=batch.rows)
        await connection.fetchrow(_from_table(), "bench", 1, [], batch.user_ids, batch.read_at, [], *batch.orders)


@cache
def _from_table() -> str:
    """The same statement, its channels out of the temporary table; what came after them moves up."""
    sql = statement("merge_channels")
    read, found = re.subn(r"FROM unnest\(\s*\$6::.*?\) AS s \(.*?\)", "FROM incoming AS s", sql, flags=re.DOTALL)
    assert found == 1, "merge_channels has another shape now"
    for old, new in (("$21::", "$6::"), ("$22::", "$7::"), ("$23::", "$8::")):
        read = read.replace(old, new)
    return read


async def measure(quick: bool) -> list[Figure]:  # noqa: FBT001  (the one question to every benchmark)
    """Rows a second, loading and where nothing has changed."""
    users, rounds = (10_000, 2) if quick else (30_000, 3)
    figures = []
    async with database() as (_, server):
        await server.ensure_database("bench")
        async with connect(server.dsn("bench"), size=1) as opened:
            await migrate(opened, Clock())
        connection = await asyncpg.connect(server.dsn("bench"))
        await connection.execute(TEMPORARY)
        for size in SIZES:
            arrays, copied = [await _best(connection, way, users, size, rounds) for way in (by_arrays, by_copy)]
            figures += [_figure(what, size, arrays[what], copied[what]) for what in arrays]
        await connection.close()
    return figures


def _figure(what: str, size: int, arrays: float, copied: float) -> Figure:
    return Figure(name=f"{what}, {size:,} users", value=arrays, unit="rows/s", baseline=copied, baseline_name="COPY")


async def _best(connection: Connection, way: Way, users: int, size: int, rounds: int) -> dict[str, float]:
    """The best of some rounds: whatever else the machine does makes it only slower."""
    speeds = [await _speeds(connection, way, users, size) for _ in range(rounds)]
    return {what: max(each[what] for each in speeds) for what in speeds[0]}


async def _speeds(connection: Connection, way: Way, users: int, size: int) -> dict[str, float]:
    """Into empty tables, and then the same once more."""
    await connection.execute("TRUNCATE mirror.communication_channels, mirror.channel_history, worker.candidates")
    speeds = {}
    for hour, what in enumerate(("loading", "nothing changed")):
        batches = tuple(_batches(users, size, LONG_AGO + timedelta(hours=hour)))
        speeds[what] = users * CHANNELS / await _seconds(connection, way, batches)
        await connection.execute("VACUUM ANALYZE mirror.communication_channels")
    assert await connection.fetchval("SELECT count(*) FROM mirror.communication_channels") == users * CHANNELS
    return speeds


async def _seconds(connection: Connection, way: Way, batches: tuple[Batch, ...]) -> float:
    clock = Clock()
    started = clock.monotonic()
    for batch in batches:
        await way(connection, batch)
    return clock.monotonic() - started


def _batches(users: int, size: int, read_at: datetime) -> Iterator[Batch]:
    for first in range(1, users + 1, size):
        ids = range(first, min(first + size, users + 1))
        arrays, _ = columns([_snapshot(user_id, read_at) for user_id in ids])
        yield Batch(
            user_ids=list(ids),
            read_at=[read_at] * len(ids),
            orders=([1] * len(ids), [round(read_at.timestamp())] * len(ids)),
            columns=arrays,
            rows=list(zip(*arrays, strict=True)),
        )


def _snapshot(user_id: int, read_at: datetime) -> Snapshot:
    channels = tuple(
        Channel(
            id=user_id * CHANNELS + place,
            user_id=user_id,
            type="email",
            address=f"user{user_id}.{place}@example.edu",
            workflow_state="active",
            position=place + 1,
            created_at=LONG_AGO,
        )
        for place in range(CHANNELS)
    )
    return Snapshot(user_id=user_id, read_at=read_at, channels=channels)

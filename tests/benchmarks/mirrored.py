"""A mirror as a backfill leaves it, written with COPY: the school of a sandbox of so many users, all of it fresh."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from sync_worker.clock import Clock
from sync_worker.mirror.database import connect
from sync_worker.mirror.migrations import migrate
from sync_worker.sandbox import SandboxOptions
from sync_worker.sandbox.generate import generate
from sync_worker.sandbox.model import Channel, User

BATCH: Final = 250  # users
USERS: Final = ("instance", "id", "sis_user_id", "login_id", "integration_id", "state", "first_seen_at", "changed_at")
CHANNELS: Final = (
    "instance", "id", "user_id", "type", "address", "position", "workflow_state", "bounce_count", "last_bounce_at",
    "bounce_known", "created_at", "first_seen_at", "changed_at",
)  # fmt: skip
BATCHES: Final = ("run_id", "number", "reason", "user_ids", "status", "done_at")
RUN: Final = """
    WITH instance AS (INSERT INTO worker.instances (instance) VALUES ($1))
    INSERT INTO worker.runs (
        instance, kind, status, users_spec, source_fingerprint, started_at, program_version, host, pid, started_by
    )
    VALUES ($1, 'backfill', 'done', '{account:self}', '', $2, '', '', 1, '')
    RETURNING id
"""


def school(users: int) -> list[User]:
    """The users of a sandbox of that size; those of a smaller one come first."""
    return list(generate(users, SandboxOptions().seed).users.values())


async def fill(database_url: str, instance: str, users: Sequence[User]) -> None:
    """Write an empty database full."""
    clock = Clock()
    async with connect(database_url, size=1) as opened:
        await migrate(opened, clock)
    now = clock.now()
    connection = await asyncpg.connect(database_url)
    run = await connection.fetchval(RUN, instance, now)
    await _copy(connection, "mirror.users", USERS, (_user(user, instance, now) for user in users))
    channels = (channel for user in users for channel in user.live_channels())
    await _copy(
        connection, "mirror.communication_channels", CHANNELS, (_channel(each, instance, now) for each in channels)
    )
    await _copy(connection, "worker.batches", BATCHES, _batches(run, users, now))
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


async def _copy(
    connection: "asyncpg.Connection[asyncpg.Record]",
    table: str,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    schema, name = table.split(".")
    await connection.copy_records_to_table(name, schema_name=schema, columns=columns, records=rows)


def _user(user: User, instance: str, now: datetime) -> tuple[Any, ...]:
    identifiers = (user.sis_user_id, user.login_id, user.integration_id)
    return (instance, user.id, *identifiers, "present", now, now)


def _channel(channel: Channel, instance: str, now: datetime) -> tuple[Any, ...]:
    bounce = channel.bounce
    bounced = _instant(bounce.last_bounce_at) if bounce and bounce.last_bounce_at else None
    return (
        *(instance, channel.id, channel.user_id, channel.type, channel.address, channel.position, channel.state),
        *(bounce.count if bounce else 0, bounced, True, _instant(channel.created_at), now, now),
    )


def _instant(epoch: int) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def _batches(run: int, users: Sequence[User], now: datetime) -> Iterator[tuple[Any, ...]]:
    for number, first in enumerate(range(0, len(users), BATCH), start=1):
        ids = [user.id for user in users[first : first + BATCH]]
        yield run, number, "source", ids, "done", now

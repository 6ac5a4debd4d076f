"""`prune`: delete what is older than `[retention]` says."""

from datetime import datetime

from sync_worker.clock import Clock
from sync_worker.mirror import retention
from sync_worker.mirror.database import Database
from sync_worker.mirror.lock import writing
from sync_worker.mirror.retention import Pruned, Reach
from sync_worker.settings import RetentionTable


def keep_since(table: RetentionTable, now: datetime) -> dict[str, datetime]:
    """Since when things are kept, by subject; only those that are not kept for ever."""
    kept = {name: getattr(table, name) for name in RetentionTable.model_fields}
    return {name: now - age for name, age in kept.items() if age is not None}


async def prune(
    database: Database, clock: Clock, instance: str, table: RetentionTable, *, dry_run: bool = False
) -> tuple[Pruned, ...]:
    """Prune one instance; what went, table by table, nothing where `table` keeps everything.

    Raises:
        LockHeld: somebody else writes for the instance.
        LockLost, DatabaseUnreachable: what is deleted by then stays deleted; the same command goes on.
    """
    since = keep_since(table, clock.now())
    if not since:
        return ()
    async with writing(database, instance, "prune", clock) as writer:
        return await retention.prune(database, writer, clock, since, dry_run=dry_run)


def describe(reach: Reach) -> str:
    """How far back something reaches, for people."""
    return f"was pruned on {reach.pruned_at:%Y-%m-%d %H:%M} UTC and reaches back to {reach.back_to:%Y-%m-%d %H:%M} UTC"

"""Reading the mirror back: a user's channels, everybody's channels, what the status shows."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sync_worker.channels import UserRef
from sync_worker.clock import Clock
from sync_worker.mirror.clocks import is_ahead
from sync_worker.mirror.database import Database, Record, Session, Sessions
from sync_worker.mirror.ledger import figures_so_far
from sync_worker.mirror.lock import LOCK_KEY, describe_holder
from sync_worker.mirror.runs import FailedRun, RunFigures

PAGE: Final = 5_000  # rows

UNFINISHED: Final = frozenset({"running", "interrupted"})
"""States of runs that are under way or may be gone on with, those that were killed among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceStatus:
    """The state of one instance, for people and for monitors."""

    instance: str
    origin: str | None  # None before the first run
    holder: str | None  # who holds the lock now
    users_present: int
    users_unreadable: int
    users_unlisted: int
    users_gone: int
    channels_live: int
    deletions_pending: int
    open_failures: int
    actions_unsettled: int  # whose outcome is unknown
    actions_unresolved: int  # the same after 7 days: nobody waits for them any more
    plans_waiting: tuple[dict[str, Any], ...]  # open ones and those begun, the latest first; columns of worker.plans
    drift: dict[str, Any] | None  # what the last comparison of a desired state found; columns of reporting.drift
    last_success_id: int | None  # the last good run over all configured users
    last_success_at: datetime | None  # its end
    last_success_is_ahead: bool  # that lies in the future: a clock was wrong, nobody knows how old the mirror is
    runs: tuple[dict[str, Any], ...]  # the latest first; columns of worker.runs, of unfinished ones as they stand


async def channels_of_user(database: Database, instance: str, user_id: int) -> list[dict[str, Any]]:
    """The live channels of a user in the mirror, in their order; columns of the table."""
    async with database.session() as session:
        return [dict(row) for row in await session.fetch("live_channels_of_user", instance, user_id)]


async def all_channels(database: Database, instance: str) -> AsyncIterator[dict[str, Any]]:
    """Everybody's live channels in order of user and id; memory stays flat."""
    user_id, channel_id = 0, 0
    while True:
        async with database.session() as session:
            rows = await session.fetch("live_channels", instance, user_id, channel_id, PAGE)
        for row in rows:
            yield dict(row)
        if len(rows) < PAGE:
            return
        user_id, channel_id = rows[-1]["user_id"], rows[-1]["id"]


async def find_users(database: Database, instance: str, reference: UserRef) -> list[dict[str, Any]]:
    """Users of the mirror that a reference names: id, identifiers, state."""
    async with database.session() as session:
        rows = await session.fetch("find_user", instance, reference.kind.value, reference.value)
    return [dict(row) for row in rows]


async def instance_status(
    database: Sessions, clock: Clock, instance: str, specs: Sequence[str], *, runs: int = 5
) -> InstanceStatus:
    """What there is to say about an instance whose configured users are `specs`."""
    async with database.session() as session:
        holder = await session.fetch_row("holder", LOCK_KEY, instance)
        row = await session.fetch_row("instance_figures", instance, list(specs))
        latest = [await _as_it_stands(session, row) for row in await session.fetch("latest_runs", [instance], runs)]
        waiting = await session.fetch("waiting_plans", instance, clock.now())
        drift = await session.fetch_row("last_comparison", instance)
    figures = dict(row or {})
    ended, now = figures.get("last_success_at"), clock.now()
    held = holder is not None and holder["is_held"]
    return InstanceStatus(
        instance=instance,
        origin=holder["origin"] if holder else None,
        holder=describe_holder(holder, now) if held else None,
        plans_waiting=tuple(dict(row) for row in waiting),
        drift=None if drift is None else dict(drift),
        runs=tuple(latest),
        last_success_is_ahead=ended is not None and is_ahead(ended, now),
        **figures,
    )


async def _as_it_stands(session: Session, row: Record) -> dict[str, Any]:
    """A row of worker.runs; its sums are written when a start ends, and nobody writes those of a killed one."""
    run = dict(row)
    if run["status"] not in UNFINISHED:
        return run
    figures = await figures_so_far(session, run["id"])
    run |= {name: value for name, value in asdict(figures).items() if name in run}
    run["users_total"] += figures.unresolved
    run["users_failed"] += figures.unresolved
    return run


async def last_figures(database: Sessions, instance: str, specs: Sequence[str]) -> RunFigures | None:
    """How many users the latest finished run over `specs` had and could read; None where there was none."""
    async with database.session() as session:
        row = await session.fetch_row("last_finished_run", instance, list(specs))
    return None if row is None else RunFigures(**row)


async def unfinished_runs(
    database: Sessions, clock: Clock, status: InstanceStatus
) -> tuple[tuple[int, int | None], ...]:
    """Runs that were interrupted or killed and not gone on with, those begun before the last good one ended left out.

    Each with the plan that it carries out, which is not finished; None: it carries out none.

    Args:
        database: the mirror.
        clock: time.
        status: of the instance whose runs they are; where somebody holds the lock, what says "running" may be running.
    """
    async with database.session() as session:
        good = (status.last_success_id, status.last_success_at)
        rows = await session.fetch("unfinished_runs", status.instance, *good, status.holder is not None, clock.now())
    return tuple((row["id"], row["plan_id"]) for row in rows)


async def failed_runs(database: Sessions, instance: str, specs: Sequence[str]) -> tuple[FailedRun, ...]:
    """Runs over `specs` that failed, the latest first; only those after any that got further."""
    async with database.session() as session:
        rows = await session.fetch("failed_runs", instance, list(specs))
    return tuple(FailedRun(**row) for row in rows)

"""The table of plans."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sync_worker.clock import Clock
from sync_worker.mirror.database import Database, Session
from sync_worker.mirror.lock import Process


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPlan:
    """A plan on its way into the table."""

    instance: str
    origin: str
    kind: str  # document, undo, hand
    made_at: datetime
    expires_at: datetime
    document: str
    digest: str
    fingerprint: str
    creates: int
    deletes: int
    messages: int
    content: str  # JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A row of the table; its content only where it was asked for."""

    id: int
    instance: str
    kind: str  # document, undo, hand
    status: str
    made_at: datetime
    expires_at: datetime
    made_by: str
    document: str
    creates: int
    deletes: int
    messages: int
    begun_at: datetime | None = None  # the first apply
    ended_at: datetime | None = None
    reason: str | None = None  # why it was rejected, where that was said
    content: str = ""  # JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison of a whole document with Canvas found."""

    instance: str
    document: str
    digest: str
    compared_at: datetime
    users: int  # compared
    users_differing: int
    users_unresolved: int  # references that led to nobody, users without an answer
    creates: int
    deletes: int


async def save(database: Database, plan: NewPlan, comparison: Comparison | None = None) -> int:
    """Write a plan down, and the comparison that it comes from; its number."""
    async with database.transaction() as session:
        number: int = await session.fetch_value(
            "save_plan",
            plan.instance,
            plan.origin,
            plan.made_at,
            plan.expires_at,
            Process.current("plan").user,
            plan.document,
            plan.digest,
            plan.fingerprint,
            plan.creates,
            plan.deletes,
            plan.messages,
            plan.content,
            plan.kind,
        )
        if comparison is not None:
            await _note(session, comparison, number)
    return number


async def note_comparison(database: Database, comparison: Comparison, plan_id: int | None) -> None:
    """Write down what a comparison found.

    Args:
        database: where.
        comparison: what.
        plan_id: the plan that says the same and waits already; None: nothing differs.
    """
    async with database.transaction() as session:
        await _note(session, comparison, plan_id)


async def _note(session: Session, comparison: Comparison, plan_id: int | None) -> None:
    await session.execute(
        "note_comparison",
        comparison.instance,
        comparison.document,
        comparison.digest,
        comparison.compared_at,
        Process.current("plan").user,
        comparison.users,
        comparison.users_differing,
        comparison.users_unresolved,
        comparison.creates,
        comparison.deletes,
        plan_id,
    )


async def latest(database: Database, clock: Clock, instances: Sequence[str], number: int) -> tuple[SavedPlan, ...]:
    """The latest plans, the newest first; those whose time is over are marked so."""
    async with database.transaction() as session:
        await session.execute("expire_plans", list(instances), clock.now())
        rows = await session.fetch("list_plans", list(instances), number)
    return tuple(SavedPlan(**row) for row in rows)


async def load(database: Database, clock: Clock, instances: Sequence[str], number: int) -> SavedPlan | None:
    """A plan with its content; None where there is none of that number."""
    async with database.transaction() as session:
        await session.execute("expire_plans", list(instances), clock.now())
        row = await session.fetch_row("load_plan", list(instances), number)
    return None if row is None else SavedPlan(**row)


async def reject(database: Database, clock: Clock, instances: Sequence[str], number: int, why: str | None) -> bool:
    """Reject a plan that waits, or that was begun; False where there is none of that number."""
    async with database.transaction() as session:
        await session.execute("expire_plans", list(instances), clock.now())
        user = Process.current("plans reject").user
        count: int = await session.fetch_value("reject_plan", list(instances), number, clock.now(), user, why)
    return count > 0


async def find(database: Database, instances: Sequence[str], fingerprint: str, made_at: datetime) -> int | None:
    """The number of a plan that is in a file too; None where it was not saved here."""
    async with database.session() as session:
        number: int | None = await session.fetch_value("find_plan", list(instances), fingerprint, made_at)
    return number


async def waiting_same(database: Database, clock: Clock, instance: str, fingerprint: str) -> int | None:
    """The number of an open plan that says the same; None where there is none."""
    async with database.session() as session:
        number: int | None = await session.fetch_value("waiting_plan", instance, fingerprint, clock.now())
    return number


async def supersede(database: Database, clock: Clock, instance: str, document: str, number: int | None) -> None:
    """Close open plans of the same document that `number` replaces; None: nothing differs any more."""
    async with database.transaction() as session:
        user = Process.current("run").user
        await session.execute("supersede_plans", instance, document, number, clock.now(), user)


async def users_applied_last(database: Database, instance: str) -> int | None:
    """How many users the document had that was applied last; None before the first."""
    async with database.session() as session:
        count: int | None = await session.fetch_value("last_applied_document", instance)
    return count

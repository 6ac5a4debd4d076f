"""Plans on their way into the table, and out of it again."""

import asyncio
from dataclasses import dataclass
from typing import Final

from sync_worker.clock import Clock
from sync_worker.desired.plan import Plan, fingerprint, totals
from sync_worker.desired.render.as_json import plan_from_json, plan_to_json
from sync_worker.errors import PlanError
from sync_worker.mirror import plans
from sync_worker.mirror.database import Database
from sync_worker.settings import Instance

LARGEST: Final = 200_000_000
"""Characters of a plan, some hundred thousand users. PostgreSQL holds 256 MiB in one value of its JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A plan that is in the table."""

    saved: plans.SavedPlan
    plan: Plan


async def save_plan(
    database: Database, instance: Instance, plan: Plan, kind: str = "document", *, whole: bool = False
) -> int:
    """Write a plan down; its number.

    Args:
        database: where.
        instance: whose `desired.max_plan_age` holds.
        plan: what.
        kind: `document`, `undo`, `hand`.
        whole: it is what the document says of all its users: noted as a comparison too.

    Raises:
        PlanError: it is too large.
    """
    content = await asyncio.to_thread(plan_to_json, plan)
    if len(content) > LARGEST:
        raise PlanError(
            f"a plan of {len(plan.users):,} users is too large to be saved",
            where=plan.source.document,
            hint="Split the document, or plan it in parts: sync-worker plan --users SPEC",
        )
    counts = totals(plan)
    new = plans.NewPlan(
        instance=plan.instance,
        origin=plan.origin,
        kind=kind,
        made_at=plan.made_at,
        expires_at=plan.made_at + instance.desired.max_plan_age,
        document=plan.source.document,
        digest=plan.source.digest,
        fingerprint=await asyncio.to_thread(fingerprint, plan),
        creates=counts.creates,
        deletes=counts.deletes,
        messages=counts.messages,
        content=content,
    )
    return await plans.save(database, new, _comparison(plan) if whole else None)


async def note_comparison(database: Database, plan: Plan, number: int | None) -> None:
    """Note what a comparison of a whole document found where no new plan is saved.

    Args:
        database: where.
        plan: what was found.
        number: the plan that says the same and waits already; None: it is empty.
    """
    await plans.note_comparison(database, _comparison(plan), number)


def _comparison(plan: Plan) -> plans.Comparison:
    counts = totals(plan)
    return plans.Comparison(
        instance=plan.instance,
        document=plan.source.document,
        digest=plan.source.digest,
        compared_at=plan.made_at,
        users=counts.users + plan.unchanged,
        users_differing=counts.users,
        users_unresolved=len(plan.source.unresolved),
        creates=counts.creates,
        deletes=counts.deletes,
    )


async def load_plan(database: Database, clock: Clock, names: tuple[str, ...], number: int) -> Kept | None:
    """A plan of one of these instances by its number; None where there is none."""
    saved = await plans.load(database, clock, names, number)
    return None if saved is None else Kept(saved=saved, plan=plan_from_json(saved.content))


async def find_plan(database: Database, clock: Clock, names: tuple[str, ...], text: str) -> Kept | None:
    """The plan that a file holds, out of the table; None where it is not there.

    Raises:
        PlanError: the file holds no plan, or one that was changed.
    """
    plan = plan_from_json(text)
    number = await plans.find(database, names, fingerprint(plan), plan.made_at)
    return None if number is None else await load_plan(database, clock, names, number)

"""Removing a person from every table, within one transaction of the instance's writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync_worker.mirror.database import Session
from sync_worker.mirror.persons import REPLACEMENT, Person

WHY: Final = "somebody whom it names was forgotten"
"""The reason of plans that are rejected because of it."""

_STEPS: Final = (
    ("worker.candidates", "forget_candidates"),
    ("worker.batches", "forget_in_batches"),
    ("worker.actions", "forget_actions"),
    ("worker.actions", "forget_acted"),
    ("mirror.channel_history", "forget_channel_history"),
    ("mirror.communication_channels", "forget_channels"),
    ("mirror.user_history", "forget_user_history"),
    ("mirror.users", "forget_user"),
)
"""In this order: some look the person's channels up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWithout:
    """What a row of worker.runs says without the person."""

    id: int
    specs: Sequence[str]
    message: str | None
    named: bool  # whether the specs named the person


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWithout:
    """What a row of worker.plans says without the person."""

    id: int
    document: str
    digest: str
    fingerprint: str
    reason: str | None
    content: str  # JSON


async def remove(session: Session, person: Person) -> dict[str, int]:
    """Remove what is the person's, and the person out of what others say; the numbers of rows by table."""
    who = (person.instance, person.user_id)
    counts = {"worker.failures": await session.fetch_value("forget_failures", *who, person.references)}
    for table, name in _STEPS:
        counts[table] = counts.get(table, 0) + await session.fetch_value(name, *who)
    loose, strict = person.loose_pattern, person.pattern
    counts["worker.actions"] += await session.fetch_value("scrub_actions", person.instance, strict, loose, REPLACEMENT)
    counts["worker.failures"] += await session.fetch_value("scrub_failures", person.instance, strict, REPLACEMENT)
    counts["worker.comparisons"] = await session.fetch_value("scrub_comparisons", person.instance, strict, REPLACEMENT)
    return counts


async def rewrite_run(session: Session, run: RunWithout) -> None:
    """Write a run without the person."""
    await session.fetch_value("forget_in_run", run.id, list(run.specs), run.message, run.named)


async def rewrite_plan(session: Session, plan: PlanWithout, now: datetime, who: str) -> None:
    """Write a plan without the person; one that waited is rejected by `who`."""
    what = (plan.document, plan.digest, plan.fingerprint, plan.reason, plan.content)
    await session.fetch_value("forget_in_plan", plan.id, *what, now, who, WHY)

"""Removing a person from every table, within one transaction of the instance's writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sync_worker.mirror import persons
from sync_worker.mirror.database import Session
from sync_worker.mirror.persons import Person

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
    counts["worker.actions"] += await _scrub_actions(session, person)
    counts["worker.failures"] += await _scrub_failures(session, person)
    counts["worker.comparisons"] = await _scrub_comparisons(session, person)
    return counts


async def _scrub_actions(session: Session, person: Person) -> int:
    """Take the person out of what the journal of others says."""
    who = (person.instance, person.in_messages, person.in_remarks)
    found = [(row["id"], row["note"], row["reason"]) for row in await session.fetch("actions_that_may_name", *who)]
    scrubbed = [
        (number, note and person.scrub(note), reason and person.scrub_loosely(reason)) for number, note, reason in found
    ]
    return await _rewrite(session, "rewrite_actions", found, scrubbed)


async def _scrub_failures(session: Session, person: Person) -> int:
    rows = await session.fetch("failures_that_may_name", person.instance, person.in_messages)
    found = [(row["run_id"], row["reference"], row["message"]) for row in rows]
    scrubbed = [(run, reference, person.scrub(message)) for run, reference, message in found]
    return await _rewrite(session, "rewrite_failures", found, scrubbed)


async def _scrub_comparisons(session: Session, person: Person) -> int:
    found = [(row["id"], row["document"]) for row in await persons.comparisons_naming(session, person)]
    scrubbed = [(number, person.scrub(document)) for number, document in found]
    return await _rewrite(session, "rewrite_comparisons", found, scrubbed)


async def _rewrite(
    session: Session, name: str, found: Sequence[tuple[Any, ...]], scrubbed: Sequence[tuple[Any, ...]]
) -> int:
    """Write what is not what it was; the number of rows."""
    changed = [after for before, after in zip(found, scrubbed, strict=True) if after != before]
    if changed:
        await session.execute(name, *map(list, zip(*changed, strict=True)))
    return len(changed)


async def rewrite_run(session: Session, run: RunWithout) -> None:
    """Write a run without the person."""
    await session.fetch_value("forget_in_run", run.id, list(run.specs), run.message, run.named)


async def rewrite_plan(session: Session, plan: PlanWithout, now: datetime, who: str) -> None:
    """Write a plan without the person; one that waited is rejected by `who`."""
    what = (plan.document, plan.digest, plan.fingerprint, plan.reason, plan.content)
    await session.fetch_value("forget_in_plan", plan.id, *what, now, who, WHY)

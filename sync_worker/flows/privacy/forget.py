"""`forget`: remove everything held on one person, in one transaction, and do not read the person again.

Rows that are the person's go. Two kinds stay without the person, because others stand on them: actions, which the
guards count, and plans, of which the rest is about other people. A plan that waits and names the person is rejected:
what was approved is not what would be carried out.
"""

import hashlib
import json
from dataclasses import replace
from typing import Final

from sync_worker.clock import Clock
from sync_worker.desired.plan import Plan, fingerprint
from sync_worker.desired.render.as_json import plan_from_json, plan_to_json
from sync_worker.errors import PlanError
from sync_worker.flows.privacy.person import runs_naming, said_by_plan, spec_texts_without, without_remarks
from sync_worker.mirror import forgetting, forgotten, persons
from sync_worker.mirror.database import Record, Session
from sync_worker.mirror.forgetting import PlanWithout, RunWithout
from sync_worker.mirror.lock import Writer
from sync_worker.mirror.persons import REPLACEMENT, Person

BY_HAND: Final = "hand"
"""Kind of plans that are about one person alone, and say so in the name of their document."""


async def forget(writer: Writer, clock: Clock, user_id: int, *, until_next_run: bool) -> dict[str, int]:
    """Remove a person; the numbers of rows by table, only those that held something.

    Args:
        writer: of the instance.
        clock: time.
        user_id: the person.
        until_next_run: the next run that meets the person reads it again, also where it was forgotten before.

    Raises:
        LockLost, DatabaseUnreachable: nothing was removed.
    """
    async with writer.transaction() as session:
        person = await persons.identify(session, writer.instance, user_id)
        counts = {
            "worker.plans": await _rewrite_plans(session, writer, clock, person),
            "worker.runs": await _rewrite_runs(session, person),
            **await forgetting.remove(session, person),
        }
        if until_next_run:
            await forgotten.lift(session, writer.instance, user_id)
        else:
            await forgotten.remember(session, writer.instance, user_id, clock.now())
    return {table: count for table, count in sorted(counts.items()) if count}


async def _rewrite_runs(session: Session, person: Person) -> int:
    rows = await runs_naming(session, person)
    for row in rows:
        specs = spec_texts_without(list(row["users_spec"]), person)
        message = None if row["message"] is None else person.scrub(row["message"])
        named = specs != list(row["users_spec"])
        await forgetting.rewrite_run(session, RunWithout(id=row["id"], specs=specs, message=message, named=named))
    return len(rows)


# --- plans ----------------------------------------------------------------------------------------------


async def _rewrite_plans(session: Session, writer: Writer, clock: Clock, person: Person) -> int:
    """Take the person out of every plan; one plan is in memory at a time."""
    count = 0
    for number in await persons.plans_to_search(session, person):
        row = await persons.plan_to_search(session, number)
        if row is not None and said_by_plan(row, person) is not None:
            await forgetting.rewrite_plan(session, _without(row, person), clock.now(), writer.process.user)
            count += 1
    return count


def _without(row: Record, person: Person) -> PlanWithout:
    """A row of the table of plans without the person."""
    reason = None if row["reason"] is None else person.scrub_loosely(row["reason"])
    try:
        plan = plan_without(plan_from_json(row["content"]), person, by_hand=row["kind"] == BY_HAND)
    except PlanError:  # of another version, or changed: nobody can carry it out or show it, so nothing of it is kept
        return PlanWithout(
            id=row["id"], document=REPLACEMENT, digest="", fingerprint="", reason=reason, content=json.dumps({})
        )
    return PlanWithout(
        id=row["id"],
        document=plan.source.document,
        digest=plan.source.digest,
        fingerprint=fingerprint(plan),
        reason=reason,
        content=json.dumps(without_remarks(json.loads(plan_to_json(plan)), person)),
    )


def plan_without(plan: Plan, person: Person, *, by_hand: bool) -> Plan:
    """A plan without the person; its counts of users and channels stay what they were."""
    users = tuple(user for user in plan.users if user.diff.desired.user_id != person.user_id)
    document, digest = plan.source.document, plan.source.digest
    if by_hand:  # its digest is that of its name, which says whom it is about: anybody could try names
        document = f"{' '.join(document.split()[:2])} {REPLACEMENT}"
        digest = hashlib.sha256(document.encode()).hexdigest()
    source = replace(
        plan.source,
        document=person.scrub(document),
        digest=digest,
        unresolved=tuple(map(person.scrub, plan.source.unresolved)),
        only=tuple(spec_texts_without(list(plan.source.only), person)),
    )
    return replace(plan, users=users, source=source)

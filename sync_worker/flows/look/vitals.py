"""What a monitor asks about an instance, read from the mirror: nothing is changed, Canvas is not asked."""

from datetime import date, datetime, timedelta

from sync_worker.clock import Clock
from sync_worker.flows.look.freshness import Vitals
from sync_worker.flows.pull.verdict import coverage_percent
from sync_worker.mirror.database import Sessions
from sync_worker.mirror.readback import failed_runs, instance_status, last_figures, unfinished_runs
from sync_worker.settings import Instance
from sync_worker.users.specs import configured


async def read_vitals(database: Sessions, clock: Clock, instance: Instance) -> Vitals:
    """How an instance is now."""
    specs = [spec.text for spec in configured(instance)]
    status = await instance_status(database, clock, instance.name, specs, runs=0)
    figures = await last_figures(database, instance.name, specs)
    busy = status.holder is not None
    unfinished = await unfinished_runs(database, instance.name, status.last_success_at, busy=busy)
    failed = await failed_runs(database, instance.name, specs, status.last_success_at)
    now = clock.now()
    return Vitals(
        instance=instance.name,
        age=_age(status.last_success_at, now),
        coverage=None if figures is None else coverage_percent(figures),
        unfinished=tuple(run for run, plan in unfinished if plan is None),
        unfinished_plans=tuple(sorted({plan for _, plan in unfinished if plan is not None})),
        failed=failed,
        open_failures=status.open_failures,
        deletions_pending=status.deletions_pending,
        actions_uncertain=0 if busy else status.actions_unsettled,  # whoever is at work looks after them
        token_days=days_left(instance.token_expires, now),
    )


def _age(ended: datetime | None, now: datetime) -> timedelta | None:
    return None if ended is None else max(now - ended, timedelta())


def days_left(ends: date | None, now: datetime) -> int | None:
    """Days until a token ends: 0 on its last day, negative afterwards; None where nobody has said when."""
    return None if ends is None else (ends - now.date()).days

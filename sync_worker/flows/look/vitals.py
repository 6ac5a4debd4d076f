"""What a monitor asks about an instance, read from the mirror: nothing is changed, Canvas is not asked."""

from datetime import date, datetime, timedelta

from sync_worker.clock import Clock
from sync_worker.flows.look.freshness import Vitals
from sync_worker.flows.pull.verdict import coverage_percent
from sync_worker.mirror.clocks import future_values
from sync_worker.mirror.database import Sessions
from sync_worker.mirror.readback import InstanceStatus, failed_runs, instance_status, last_figures, unfinished_runs
from sync_worker.settings import Instance
from sync_worker.users.specs import configured


async def read_vitals(database: Sessions, clock: Clock, instance: Instance) -> Vitals:
    """How an instance is now."""
    specs = [spec.text for spec in configured(instance)]
    status = await instance_status(database, clock, instance.name, specs, runs=0)
    figures = await last_figures(database, instance.name, specs)
    busy = status.holder is not None
    unfinished = await unfinished_runs(database, clock, status)
    failed = await failed_runs(database, instance.name, specs)
    now = clock.now()
    return Vitals(
        instance=instance.name,
        age=_age(status, now),
        coverage=None if figures is None else coverage_percent(figures),
        unfinished=tuple(run for run, plan in unfinished if plan is None),
        unfinished_plans=tuple(sorted({plan for _, plan in unfinished if plan is not None})),
        failed=failed,
        future=await future_values(database, clock, [instance.name]),
        open_failures=status.open_failures,
        deletions_pending=status.deletions_pending,
        actions_uncertain=0 if busy else status.actions_unsettled,  # whoever is at work looks after them
        token_days=days_left(instance.token_expires, now),
    )


def _age(status: InstanceStatus, now: datetime) -> timedelta | None:
    """A clock that is a little behind makes no mirror stale; one that was far ahead does."""
    if status.last_success_at is None:
        return None
    age = now - status.last_success_at
    return age if status.last_success_is_ahead else max(age, timedelta())


def days_left(ends: date | None, now: datetime) -> int | None:
    """Days until a token ends: 0 on its last day, negative afterwards; None where nobody has said when."""
    return None if ends is None else (ends - now.date()).days

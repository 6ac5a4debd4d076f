"""What people are told of an apply that ended early: how many actions are done, unknown, not begun, and what to do."""

from collections import Counter
from typing import Final

from sync_worker.desired.render.words import counted
from sync_worker.flows.push.apply import ApplyRequest
from sync_worker.flows.push.carryout import CarriedOut
from sync_worker.mirror.actions import IN_DOUBT, SETTLED, Status

UNKNOWN: Final = "The next run, apply or undo first looks at what has an unknown outcome"

_OTHERS: Final = (
    Status.EXISTED,
    Status.REFUSED,
    Status.FAILED,
    Status.WITHHELD,
    Status.SKIPPED,
    Status.UNRESOLVED,
)
"""Told only where there are any."""


def ended_early(carried: CarriedOut, how: str) -> str:
    """An apply that ended before its end.

    Args:
        carried: the apply; its figures are those of the journal.
        how: what ended it.
    """
    progress, request = carried.progress, carried.request
    users = f"after {progress.done:,} of {counted(progress.users, 'user', 'users')}"
    head = f"{progress.instance}: {request.kind} run {progress.run_id} {how} {users}: "
    if not progress.run_id:
        return f"{progress.instance}: {request.kind} of plan {request.plan_id} {how} before anything was sent to Canvas"
    if carried.journal is None:
        done = counted(progress.changes, "action", "actions")
        return f"{head}at least {done} done. {UNKNOWN}; {_onward(carried)}"
    found = Counter(action.status for action in carried.journal)
    if not carried.journal:  # it has not come so far
        found[Status.PLANNED] = sum(1 for _ in request.plan.changes())
    unknown = sum(found[status] for status in IN_DOUBT)
    figures = (
        f"{counted(found[Status.DONE], 'action', 'actions')} done, {unknown:,} with an unknown outcome, "
        f"{found[Status.PLANNED]:,} not begun"
    )
    others = "".join(f", {found[status]:,} {status.value}" for status in _OTHERS if found[status])
    return f"{head}{figures}{others}{f'. {UNKNOWN}' * bool(unknown)}; {_onward(carried)}"


def hurried(request: ApplyRequest) -> str:
    """An apply that was asked twice to end."""
    return (
        f"{request.plan.instance}: stopped at once: calls to Canvas that were under way have an unknown outcome. "
        f"{UNKNOWN}; go on with: sync-worker apply {request.plan_id}"
    )


def _onward(carried: CarriedOut) -> str:
    back = f"take it back with: sync-worker undo {carried.progress.run_id}"
    if carried.journal and all(action.status in SETTLED for action in carried.journal):
        return f"nothing is left to do; {back}"
    return f"go on with: sync-worker apply {carried.request.plan_id}, or {back}"

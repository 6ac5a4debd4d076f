"""What reading a user means for the mirror: its state, and whether it failed. Pure.

The table is that of canvas-api's "Deleted and merged users": 404 means gone; no right means unreadable, and of somebody
whom a listing does not contain any more it proves nothing.
"""

from collections.abc import Sequence

from sync_worker.channels import Failure, Gone, ReadOutcome, Snapshot, Unreadable, by_id
from sync_worker.errors import Forbidden
from sync_worker.mirror.runs import FailedUser, Reason


def complete(outcomes: Sequence[ReadOutcome]) -> list[Snapshot | Gone]:
    """Those that say what a user has: all of it."""
    return [outcome for outcome in outcomes if isinstance(outcome, Snapshot | Gone)]


def state_after(outcome: ReadOutcome, reason: Reason) -> str | None:
    """The user's state after this read; None where it says nothing (design.md, "Deleted and merged users")."""
    missing = reason is Reason.MISSING
    match outcome:
        case Snapshot(channels=channels):
            return "unlisted" if missing and not channels else "present"
        case Gone():
            return "gone"
        case Unreadable():
            return "unlisted" if missing else "unreadable"
        case Failure():
            return None


def failure_of(outcome: ReadOutcome, reason: Reason, state: str | None, before: dict[int, str]) -> FailedUser | None:
    """What goes into the failures: real ones, and users that have become unreadable only now."""
    match outcome:
        case Failure():
            return FailedUser(
                reference=str(by_id(outcome.user_id)),
                user_id=outcome.user_id,
                kind=outcome.kind,
                status=outcome.status,
                message=outcome.message,
                reason=reason,
                failed_at=outcome.read_at,
            )
        case Unreadable() if state == "unreadable" and before.get(outcome.user_id) != "unreadable":
            return FailedUser(
                reference=str(by_id(outcome.user_id)),
                user_id=outcome.user_id,
                kind=Forbidden.kind,
                status=None,
                message=outcome.message,
                reason=reason,
                failed_at=outcome.read_at,
            )
        case _:
            return None

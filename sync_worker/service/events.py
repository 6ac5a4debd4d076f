"""What there is to tell of a job. Pure."""

import hashlib
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from sync_worker.desired.plan import fingerprint
from sync_worker.desired.render.words import counted, summary
from sync_worker.errors import SyncWorkerError
from sync_worker.exitcodes import (
    DONE,
    IMPLAUSIBLE,
    IN_PART,
    TOKEN_REFUSED,
    UNEXPECTED,
    UNREACHABLE,
    USAGE,
    WITHHELD,
)
from sync_worker.flows.job import Outcome
from sync_worker.flows.look.freshness import TOKEN_NOTICE
from sync_worker.flows.push.carryout import CarriedOut
from sync_worker.flows.push.reconcile import Made
from sync_worker.mirror.actions import Status
from sync_worker.service.scrub import scrubbed

FAILED: Final = "failed"
RECOVERED: Final = "recovered"
PLAN_WAITING: Final = "plan_waiting"
TOKEN_EXPIRING: Final = "token_expiring"  # noqa: S105  (the name of an event)
STANDING: Final = ("withheld", "partial", PLAN_WAITING)
"""What may hold for many runs: told when it is new, and once a week."""

EVENTS: Final = {
    **dict.fromkeys((UNEXPECTED, USAGE, TOKEN_REFUSED, UNREACHABLE, IMPLAUSIBLE), FAILED),
    WITHHELD: "withheld",
    IN_PART: "partial",
    DONE: "",
}
"""What an exit code is told as. Not in here: stopped by a signal (somebody wanted it), and another run that holds the
lock (that run tells how it went): they say nothing about how things are."""

WARN_AHEAD: Final = timedelta(days=TOKEN_NOTICE)
"""Before a token ends."""

_FIGURE: Final = re.compile(r"\d+(?:[.,]\d+)*")
_NOT_DONE: Final = (
    Status.WITHHELD,
    Status.REFUSED,
    Status.FAILED,
    Status.UNCERTAIN,
    Status.STARTED,
    Status.PLANNED,
    Status.SKIPPED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing to tell; its message holds no address, URL or secret."""

    name: str
    instance: str
    job: str
    exit_code: int
    message: str
    run: int | None = None
    same: str = ""  # what makes it the same thing as another night; empty: the message without its figures

    @property
    def fingerprint(self) -> str:
        """The same for the same thing."""
        same = self.same or _FIGURE.sub("#", self.message)
        return hashlib.sha256(f"{self.name} {same}".encode()).hexdigest()


def conclusive(outcome: Outcome) -> bool:
    """Whether it says how things are."""
    return outcome.exit_code in EVENTS


def came_to_its_end(outcome: Outcome) -> bool:
    """Whether the job did its work, if not all of it."""
    return conclusive(outcome) and EVENTS[outcome.exit_code] != FAILED


def events_of(outcome: Outcome) -> tuple[Event, ...]:
    """What there is to tell; nothing where all is well."""
    found = []
    if name := EVENTS.get(outcome.exit_code):
        found.append(_event(outcome, name, scrubbed("; ".join(_messages(outcome)))))
    reconciled = outcome.reconciled
    if reconciled is not None and reconciled.state == "waiting" and reconciled.made is not None:
        found.append(_waiting(outcome, reconciled.made))
    return tuple(found)


def token_event(outcome: Outcome, ends: date | None, today: date) -> Event | None:
    """That the token of the instance ends soon; None where it does not."""
    if ends is None or ends - today > WARN_AHEAD:
        return None
    days = (ends - today).days
    when = f"ends in {counted(days, 'day', 'days')}" if days > 0 else "has ended" if days else "ends today"
    return _event(outcome, TOKEN_EXPIRING, f"the access token {when} ({ends}); make a new one in Canvas", str(ends))


def recovered(outcome: Outcome) -> Event:
    """That it works again."""
    return _event(outcome, RECOVERED, f"{outcome.kind} came to its end again")


def _event(outcome: Outcome, name: str, message: str, same: str = "") -> Event:
    return Event(
        name=name,
        instance=outcome.instance,
        job=outcome.kind,
        exit_code=outcome.exit_code,
        message=message,
        run=outcome.progress.run_id or None,
        same=same,
    )


def _waiting(outcome: Outcome, made: Made) -> Event:
    message = f"plan {made.number} waits: {summary(made.plan)}; see: sync-worker plans show {made.number}"
    return _event(outcome, PLAN_WAITING, scrubbed(message), fingerprint(made.plan))


def _messages(outcome: Outcome) -> list[str]:
    """The sentences that belong to the exit code, or else all."""
    found = [(finding.exit_code, finding.message) for finding in (outcome.report.findings if outcome.report else ())]
    made = outcome.reconciled.made if outcome.reconciled else None
    if outcome.reconciled is not None and made is not None:
        blocked = outcome.reconciled.state == "blocked"
        found += [(WITHHELD, str(trip)) for trip in made.ruling.tripped if blocked]
        found += [(IN_PART, f"{made.failed:,} users could not be planned")] * bool(made.failed)
        found += _carried(outcome.reconciled.carried) if outcome.reconciled.carried else []
    if outcome.error is not None:
        found.append((outcome.exit_code, _error(outcome.error)))
    return [message for code, message in found if code == outcome.exit_code] or [message for _, message in found]


def _carried(carried: CarriedOut) -> list[tuple[int, str]]:
    """An apply in figures: its own sentences name addresses."""
    if carried.error is not None:
        return [(carried.exit_code, _error(carried.error))]
    if carried.report is None or not carried.exit_code:
        return []
    tally = carried.report.tally
    parts = [f"{number:,} {status.value}" for status in _NOT_DONE if (number := tally.number(status))]
    said = ", ".join(parts) or "stopped by a guard"
    return [(carried.exit_code, f"apply of plan {carried.report.plan_id}: {said}; see worker.actions")]


def _error(error: Exception) -> str:
    """Without the place, which is a URL or a file, and without what an unexpected error says."""
    if isinstance(error, SyncWorkerError):
        return ". ".join(filter(None, (error.what.removesuffix("."), error.hint)))
    return f"unexpected error: {type(error).__name__}"

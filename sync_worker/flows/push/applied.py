"""What an apply came to, as a value: for the summary, the ledger and the exit code."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sync_worker.desired.diff import Kind
from sync_worker.desired.render.words import counted
from sync_worker.flows.pull.record import STATUS, gravest
from sync_worker.flows.pull.verdict import IN_PART, WITHHELD, Finding
from sync_worker.flows.push.tally import Tally
from sync_worker.mirror.actions import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyReport:
    """One apply that came to its end, well or not so well."""

    instance: str
    origin: str
    kind: str  # apply, undo, channels
    run_id: int
    plan_id: int | None  # None: the removal of a push device
    tally: Tally
    findings: tuple[Finding, ...]
    left: int  # actions of the plan that are not settled
    requests: int
    refusals: int
    took: timedelta = field(default_factory=timedelta)
    closed: tuple[int, ...] = ()  # plans that were not finished, and are over because this undo takes them back
    pending: int = 0  # an apply holds nothing back from the mirror

    @property
    def exit_code(self) -> int:
        """0, 3 or 4."""
        return gravest(self.findings)

    @property
    def status(self) -> str:
        """Of the run, for the ledger."""
        return STATUS[self.exit_code]

    def canonical(self) -> dict[str, Any]:
        """The figures of the one line that ends the log of a run."""
        return {
            "kind": self.kind,
            "plan": self.plan_id,
            "status": self.status,
            "exit_code": self.exit_code,
            "creates": self.tally.number(Status.DONE, Kind.CREATE),
            "deletes": self.tally.number(Status.DONE, Kind.DELETE),
            **{status.value: self.tally.number(status) for status in Status if status is not Status.DONE},
            "messages": self.tally.messages,
            "left": self.left,
            "requests": self.requests,
            "throttled": self.refusals,
            "seconds": round(self.took.total_seconds(), 3),
            "findings": [finding.message for finding in self.findings],
        }


def findings(tally: Tally, tripped: Iterable[str], halted: str | None, refused_before: int = 0) -> tuple[Finding, ...]:
    """All there is to say, the gravest first.

    Args:
        tally: of this apply.
        tripped: guards that withhold all of a kind.
        halted: why the apply stopped by itself.
        refused_before: actions of the plan that Canvas refused in earlier runs, which perhaps nobody was told.
    """
    grave = (*([f"stopped: {halted}"] if halted else []), *tripped)
    was = counted(refused_before, "action of the plan was", "actions of the plan were")
    earlier = f"{was} refused by Canvas in an earlier run: see sync-worker report actions"
    return (
        *(Finding(exit_code=WITHHELD, message=line) for line in grave),
        *tally.findings(),
        *([Finding(exit_code=IN_PART, message=earlier)] if refused_before else []),
    )

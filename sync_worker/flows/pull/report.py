"""What a run came to, as a value: for the summary, the ledger and the exit code."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sync_worker.flows.pull.settle import Settled
from sync_worker.flows.pull.verdict import Finding
from sync_worker.mirror.runs import RunFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run that came to its end, well or not so well."""

    instance: str
    origin: str
    kind: str
    run_id: int
    resumed: bool
    status: str
    exit_code: int
    findings: tuple[Finding, ...]
    figures: RunFigures
    settled: Settled  # what the second reads came to
    pending: int  # deletions held back, of all runs
    failures: tuple[dict[str, Any], ...] = ()  # kind, status, users, example, message
    coverage_percent: float = 0.0
    requests: int = 0  # of this start
    refusals: int = 0  # of this start
    retries: int = 0  # of this start: requests sent again after trouble
    took: timedelta = field(default_factory=timedelta)  # this start

    def canonical(self) -> dict[str, Any]:
        """The figures of the one line that ends the log of a run."""
        figures = {name: getattr(self.figures, name) for name in RunFigures.__slots__}
        return {
            "kind": self.kind,
            "status": self.status,
            "exit_code": self.exit_code,
            "resumed": self.resumed,
            **figures,
            "channels_deleted": self.settled.merged.deleted,
            "deletions_pending": self.pending,
            "coverage_percent": round(self.coverage_percent, 2),
            "requests": self.requests,
            "throttled": self.refusals,
            "retries": self.retries,
            "seconds": round(self.took.total_seconds(), 3),
            "findings": [finding.message for finding in self.findings],
        }

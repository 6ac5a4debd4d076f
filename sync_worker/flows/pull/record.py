"""The end of a run, well or not: for the caller, for the ledger and for the log."""

from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, Final, Protocol

from sync_worker.canvas.options import Traffic
from sync_worker.clock import deadline
from sync_worker.errors import LockLost, Stopped, SyncWorkerError, TokenRefused, Unreachable
from sync_worker.flows.pull.clocks import canvas_clock, future_times
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.pull.settle import Settled
from sync_worker.flows.pull.verdict import IMPLAUSIBLE, IN_PART, WITHHELD, Finding, coverage_percent, older
from sync_worker.flows.rooms import Rooms
from sync_worker.logs import get_logger
from sync_worker.mirror.clocks import future_values
from sync_worker.mirror.ledger import Ledger
from sync_worker.mirror.runs import Run, RunEnd

STATUS: Final = {IMPLAUSIBLE: "implausible", WITHHELD: "withheld", IN_PART: "partial", 0: "done"}
"""The status of a finished run by its exit code, the graver ones first."""

UNEXPECTED: Final = 1
PATIENCE: Final = 3.0  # seconds for writing down why a run stopped

log = get_logger(__name__)


class Report(Protocol):
    """What the end of any run says."""

    @property
    def status(self) -> str:
        """Of the run, for the ledger."""

    @property
    def exit_code(self) -> int:
        """Of the command."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What there is to say."""

    @property
    def pending(self) -> int:
        """Deletions held back from the mirror, of all runs."""

    def canonical(self) -> dict[str, Any]:
        """The figures of the one line that ends the log of a run."""


class Recorder:
    """Measures one start of a run, and records its end.

    Args:
        rooms: where it runs.
        ledger: where the end is written down.
        run: which one.
        going_on: an earlier start in the same rooms has counted what was sent before.
    """

    def __init__(self, rooms: Rooms, ledger: Ledger, run: Run, *, going_on: bool = False) -> None:
        self._rooms = rooms
        self._ledger = ledger
        self._run = run
        self._started = rooms.clock.monotonic()
        self._before = replace(rooms.client.traffic) if going_on else Traffic()

    async def report(self, kind: str, findings: tuple[Finding, ...], settled: Settled, pending: int) -> RunReport:
        """What the run came to."""
        figures = await self._ledger.figures(self._run)
        findings = (*findings, *older(figures), *self.canvas_clock(), *await self._future_times())
        code = gravest(findings)
        traffic = self.traffic()
        return RunReport(
            instance=self._rooms.instance.name,
            origin=self._rooms.instance.origin,
            kind=kind,
            run_id=self._run.id,
            resumed=self._run.resumed,
            status=STATUS[code],
            exit_code=code,
            findings=findings,
            figures=figures,
            settled=settled,
            pending=pending,
            failures=tuple(await self._ledger.failures(self._run)),
            coverage_percent=coverage_percent(figures),
            requests=traffic.requests,
            refusals=traffic.refusals,
            retries=traffic.retries,
            took=self.took(),
        )

    async def finished(self, report: Report) -> None:
        """The run came to its end: write it down, and say so in one canonical line."""
        message = "; ".join(finding.message for finding in report.findings)
        await self._finish(report.status, report.exit_code, message, report.pending)
        log.info("run finished", **report.canonical())

    async def interrupted(self, error: Exception) -> None:
        """The run stopped on the way: write down why, as far as the database lets us."""
        status, exit_code = "interrupted", UNEXPECTED
        reason = f"unexpected error: {type(error).__name__}"
        if isinstance(error, SyncWorkerError):
            status = "interrupted" if isinstance(error, Stopped | TokenRefused | Unreachable) else "failed"
            exit_code, reason = error.exit_code, str(error)
        if not isinstance(error, LockLost):  # then nothing may be written
            with suppress(SyncWorkerError, TimeoutError):
                async with deadline(PATIENCE):
                    await self._finish(status, exit_code, reason, 0)
        log.warning("run stopped", status=status, exit_code=exit_code, reason=reason)

    async def _finish(self, status: str, exit_code: int, message: str, pending: int) -> None:
        traffic = self.traffic()
        end = RunEnd(
            status=status,
            exit_code=exit_code,
            message=message,
            requests=traffic.requests,
            throttled=traffic.refusals,
            seconds=self.took().total_seconds(),
            pending=pending,
            possible=self._rooms.gate.possible(self.took().total_seconds()),
        )
        await self._ledger.finish(self._run, end)

    def canvas_clock(self) -> tuple[Finding, ...]:
        """What the answers so far say about clocks."""
        return canvas_clock(self._rooms.client.ahead)

    async def _future_times(self) -> tuple[Finding, ...]:
        rooms = self._rooms
        return future_times(await future_values(rooms.database, rooms.clock, [rooms.instance.name]))

    def traffic(self) -> Traffic:
        """What this start has sent and received."""
        now, before = asdict(self._rooms.client.traffic), asdict(self._before)
        return Traffic(**{name: now[name] - before[name] for name in now})

    def took(self) -> timedelta:
        """How long this start has lasted."""
        return timedelta(seconds=self._rooms.clock.monotonic() - self._started)


def gravest(findings: tuple[Finding, ...]) -> int:
    """The exit code that several findings come to."""
    found = {finding.exit_code for finding in findings}
    return next((code for code in STATUS if code in found), 0)

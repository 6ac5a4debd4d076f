"""Carry out a plan that was approved, in rooms of its own; what came of it as one value, also where it ended early."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from sync_worker.clock import deadline
from sync_worker.errors import SyncWorkerError
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.flows.push.apply import ApplyRequest, apply
from sync_worker.flows.rooms import Opened, Rooms, open_rooms
from sync_worker.flows.stop import Stop
from sync_worker.logs import bind
from sync_worker.mirror.actions import Action, actions_of_plan

Showing: TypeAlias = Callable[[Progress, Rooms], AbstractAsyncContextManager[None]]
"""Shows progress during its body."""

PATIENCE: Final = 3.0
"""Seconds for looking what an apply that ended early has come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """One apply: its report, or the error that ended it before."""

    request: ApplyRequest
    progress: Progress
    report: ApplyReport | None = None
    error: SyncWorkerError | None = None
    journal: tuple[Action, ...] | None = None  # of the plan, where it ended early; None: it cannot be had

    @property
    def exit_code(self) -> int:
        """Of the report, or of the error."""
        if self.error is not None:
            return self.error.exit_code
        return self.report.exit_code if self.report else 0


async def carry_out(opened: Opened, request: ApplyRequest, *, stop: Stop, showing: Showing) -> CarriedOut:
    """Carry out a plan that was approved."""
    name = request.plan.instance
    progress = Progress(instance=name)
    with bind(instance=name):
        try:
            async with (
                open_rooms(opened.settings, opened.database, name, opened.clock, writing=True) as rooms,
                showing(progress, rooms),
            ):
                report = await apply(rooms, request, stop=stop, progress=progress)
        except SyncWorkerError as error:
            journal = await _journal(opened, request) if progress.run_id and not stop.hurried else None
            return CarriedOut(request=request, progress=progress, error=error, journal=journal)
    return CarriedOut(request=request, progress=progress, report=report)


async def _journal(opened: Opened, request: ApplyRequest) -> tuple[Action, ...] | None:
    with suppress(SyncWorkerError, TimeoutError):
        async with deadline(PATIENCE):
            return await actions_of_plan(opened.database, request.plan_id)
    return None

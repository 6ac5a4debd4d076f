"""Carry out a plan that was approved, in rooms of its own; what came of it as one value, also where it ended early."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TypeAlias

from sync_worker.errors import SyncWorkerError
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.flows.push.apply import ApplyRequest, apply
from sync_worker.flows.rooms import Opened, Rooms, open_rooms
from sync_worker.flows.stop import Stop
from sync_worker.logs import bind

Showing: TypeAlias = Callable[[Progress, Rooms], AbstractAsyncContextManager[None]]
"""Shows progress during its body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """One apply: its report, or the error that ended it before."""

    request: ApplyRequest
    progress: Progress
    report: ApplyReport | None = None
    error: SyncWorkerError | None = None

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
            return CarriedOut(request=request, progress=progress, error=error)
    return CarriedOut(request=request, progress=progress, report=report)

"""A piece of work as a run of its own: with a row in the ledger, a number, and an end that is written down."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from sync_worker.flows.pull.record import Recorder, Report
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from sync_worker.flows.watch import watched
from sync_worker.logs import bind as bind_log
from sync_worker.mirror.ledger import Ledger
from sync_worker.mirror.lock import Writer
from sync_worker.mirror.runs import Run, RunRequest

R = TypeVar("R", bound=Report)


async def recorded(
    rooms: Rooms,
    writer: Writer,
    stop: Stop,
    request: RunRequest,
    body: Callable[[Run, Recorder], Awaitable[R]],
    run: Run | None = None,
) -> R:
    """Begin a run, which leaves an unfinished one as it is; do the work; write down how it ended.

    Args:
        rooms: of the instance.
        writer: of the instance.
        stop: ends the work.
        request: what is done, for the ledger.
        body: the work.
        run: go on with this one instead.

    Raises:
        Stopped, LockLost: as `watched`.
        SyncWorkerError: what the work raises; the run is then interrupted.
    """
    ledger = Ledger(rooms.database, writer, rooms.clock)
    going_on = run is not None
    run = await (ledger.begin(request) if run is None else ledger.go_on(run, request))
    recorder = Recorder(rooms, ledger, run, going_on=going_on)
    with bind_log(run=run.id), stop.gently(rooms.database.abandon):
        try:
            async with watched(rooms, writer, stop):
                report = await body(run, recorder)
        except Exception as error:
            if not stop.hurried:
                await recorder.interrupted(error)
            raise
        await recorder.finished(report)
    return report

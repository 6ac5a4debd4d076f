"""`pending accept`: a person has said yes; the second read still decides."""

from sync_worker.errors import UsageError
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.canvas import bind_to_canvas, outage_watch, reader
from sync_worker.flows.pull.record import Recorder
from sync_worker.flows.pull.recorded import recorded
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.pull.settle import SecondRead, unread
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from sync_worker.flows.watch import watched
from sync_worker.mirror.candidates import Candidates
from sync_worker.mirror.database import Database
from sync_worker.mirror.lock import Writer, writing
from sync_worker.mirror.merge import Mirror
from sync_worker.mirror.runs import Run, RunRequest

ACCEPT = "accept"


async def accept(rooms: Rooms, held_by: int, *, stop: Stop, progress: Progress) -> RunReport:
    """Make tombstones of what the run `held_by` holds back and a second read does not see either.

    Raises:
        UsageError: that run holds nothing back.
        LockHeld, TokenRefused, Unreachable, Stopped: as for a run; what is left stays pending.
    """
    async with writing(rooms.database, rooms.instance.name, f"pending accept {held_by}", rooms.clock) as writer:
        candidates = Candidates(rooms.database, writer)
        progress.users = await _held(candidates, held_by)
        async with watched(rooms, writer, stop):
            await bind_to_canvas(rooms, writer)

        async def settle(run: Run, recorder: Recorder) -> RunReport:
            progress.run_id = run.id
            second_read = _second_read(rooms, writer, run, progress, held_by)
            settled = await second_read.settle(candidates.held_users(held_by))
            return await recorder.report(ACCEPT, unread(settled), settled, await candidates.pending())

        return await recorded(rooms, writer, stop, _request(rooms, held_by), settle)


def _second_read(rooms: Rooms, writer: Writer, run: Run, progress: Progress, held_by: int) -> SecondRead:
    return SecondRead(
        mirror=Mirror(writer, rooms.clock),
        run=run,
        read=reader(rooms, outage_watch(rooms, progress)),
        workers=rooms.instance.max_concurrency,
        progress=progress,
        held_by=held_by,
    )


async def dismiss(database: Database, writer: Writer, held_by: int) -> int:
    """Forget what the run `held_by` holds back; the rows stay alive. Returns the number of channels.

    Raises:
        UsageError: that run holds nothing back.
    """
    candidates = Candidates(database, writer)
    await _held(candidates, held_by)
    return await candidates.dismiss(held_by)


async def _held(candidates: Candidates, held_by: int) -> int:
    held = await candidates.count_held(held_by)
    if not held:
        raise UsageError(f"run {held_by} holds no deletions back", hint="See: sync-worker pending list")
    return held


def _request(rooms: Rooms, held_by: int) -> RunRequest:
    return RunRequest(
        kind=ACCEPT,
        specs=(f"pending:{held_by}",),
        fingerprint="",
        resume_max_age=rooms.settings.database.resume_max_age,
    )

"""`channels delete-push`: remove a device of the token's own user from push; journalled, the device's token is not."""

from functools import partial

from sync_worker.canvas.read import read_user
from sync_worker.channels import Snapshot
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.model import PUSH
from sync_worker.errors import Forbidden, NotFound, RefusedAlone, Rejected, RequestFailed, Stopped, UsageError
from sync_worker.flows.pull.canvas import bind_to_canvas, ordered, token_owner
from sync_worker.flows.pull.record import Recorder
from sync_worker.flows.pull.recorded import recorded
from sync_worker.flows.push.applied import ApplyReport, findings
from sync_worker.flows.push.tally import Tally
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from sync_worker.flows.watch import watched
from sync_worker.mirror.actions import Author, Closing, Status
from sync_worker.mirror.journal import Journal
from sync_worker.mirror.lock import writing
from sync_worker.mirror.runs import Run, RunRequest


async def delete_push(rooms: Rooms, device: str, *, reason: str | None, stop: Stop) -> ApplyReport:
    """Remove a push device of the token's own user.

    Args:
        rooms: of the instance, with the token for writing.
        device: the device's token, as the app registered it.
        reason: why, for the journal.
        stop: asked between two calls.

    Raises:
        UsageError: Canvas does not say whose the token is.
        LockHeld, TokenRefused, Unreachable, Stopped: as for a run.
    """
    async with writing(rooms.database, rooms.instance.name, "channels delete-push", rooms.clock) as writer:
        async with watched(rooms, writer, stop):
            await bind_to_canvas(rooms, writer)

        async def body(run: Run, recorder: Recorder) -> ApplyReport:
            owner = await token_owner(rooms)
            if owner is None:
                raise UsageError("Canvas does not say whose token this is", where=rooms.instance.origin)
            author = Author(canvas_user_id=owner, reason=reason)
            tally = await _remove(rooms, Journal(writer, run, author, rooms.clock), owner, device)
            if stop.requested.is_set():
                raise _stopped(stop, tally)
            traffic = recorder.traffic()
            return ApplyReport(
                instance=rooms.instance.name,
                origin=rooms.instance.origin,
                kind="channels",
                run_id=run.id,
                plan_id=None,
                tally=tally,
                findings=(*findings(tally, (), None), *recorder.canvas_clock()),
                left=0,
                requests=traffic.requests,
                refusals=traffic.refusals,
                took=recorder.took(),
            )

        request = RunRequest(
            kind="channels",
            specs=("self",),
            fingerprint="",
            resume_max_age=rooms.settings.database.resume_max_age,
        )
        return await recorded(rooms, writer, stop, request, body)


async def _remove(rooms: Rooms, journal: Journal, owner: int, device: str) -> Tally:
    read = ordered(partial(read_user, rooms.client, rooms.clock), journal.read_order)
    before = await read(owner)
    if not isinstance(before, Snapshot):
        raise UsageError(f"the channels of user {owner} cannot be read", where=rooms.instance.origin)
    with rooms.gate.kept_open():
        number = await journal.start_push_removal(before)
        closing = await _call(rooms, journal, device)
        after = await read(owner)
        await journal.close_push_removal(number, closing, after if isinstance(after, Snapshot) else None)
    tally = Tally()
    change = Change(kind=Kind.DELETE, user_id=owner, type=PUSH, address="device")
    tally.note(change, closing.status, None if closing.status is Status.DONE else closing.note)
    return tally


def _stopped(stop: Stop, tally: Tally) -> Stopped:
    """The signal, with what became of the device."""
    error = Stopped(stop.signum or 0)
    (status,) = (status for status in Status if tally.number(status))
    error.hint = f"The removal of the device had come to its end: {status.value}"
    return error


async def _call(rooms: Rooms, journal: Journal, device: str) -> Closing:
    try:
        known = await rooms.client.writing(journal.make_sure).delete_push(device)
    except RequestFailed as error:
        if isinstance(error, Rejected | Forbidden | NotFound | RefusedAlone) and not error.outcome_unknown:
            return Closing(status=Status.REFUSED, note=str(error), rejected=True)
        return Closing(status=Status.UNCERTAIN, note=str(error), sent_at=rooms.clock.now())
    return Closing(status=Status.DONE) if known else Closing(status=Status.SKIPPED, note="Canvas knows no such device")

"""What a call to Canvas came to: told by the read after it, for the answer alone proves nothing. Pure."""

from typing import Final

from sync_worker.channels import Channel, Gone, Snapshot
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.model import ACTIVE, key_of
from sync_worker.errors import Forbidden, NotFound, Rejected, RequestFailed
from sync_worker.mirror.actions import Closing, Status

_NO: Final = (Rejected, Forbidden, NotFound)


def is_no(error: RequestFailed | None) -> bool:
    """Whether Canvas says no to this one request."""
    return isinstance(error, _NO)


def created(
    change: Change, error: RequestFailed | None, after: Snapshot | Gone, answer: Channel | None = None
) -> Closing:
    """What a create came to.

    Args:
        change: the create.
        error: what the call failed with, None where Canvas answered that it is done.
        after: the user, read after the call.
        answer: the channel as Canvas answered; it may write the address in another way than it was asked to.
    """
    refused = is_no(error)
    if isinstance(after, Gone):
        messaged = not change.skip_confirmation and not refused
        return Closing(status=Status.SKIPPED, note="Canvas does not know this user any more", messaged=messaged)
    channel = _made(change, after, answer)
    if channel is not None and refused:
        return Closing(status=Status.EXISTED, note=str(error), channel_id=channel.id)
    if channel is not None:
        note = _note(change, channel, error)
        unconfirmed = channel.workflow_state != ACTIVE
        return Closing(status=Status.DONE, note=note, channel_id=channel.id, messaged=unconfirmed)
    if refused:
        return Closing(status=Status.REFUSED, note=str(error))
    what = str(error) if error else "Canvas answered that it is created"
    note = f"{what}; a look right after it did not find it"
    return Closing(status=Status.UNCERTAIN, note=note, messaged=not change.skip_confirmation)


def _made(change: Change, after: Snapshot, answer: Channel | None) -> Channel | None:
    """The channel with the address that was asked for; else the one that Canvas answered with, if it is there."""
    asked = next((each for each in after.channels if key_of(each.type, each.address) == change.key), None)
    if asked is not None or answer is None:
        return asked
    return next((each for each in after.channels if each.id == answer.id), None)


def _note(change: Change, channel: Channel, error: RequestFailed | None) -> str | None:
    if error is not None:
        return "the answer was lost, a look found it there"
    if key_of(channel.type, channel.address) != change.key:
        return f"Canvas writes the address as {channel.address}: write it like that in the desired state"
    return None


def deleted(change: Change, error: RequestFailed | None, after: Snapshot | Gone) -> Closing:
    """What a delete came to; the arguments are those of `created`."""
    channels = after.channels if isinstance(after, Snapshot) else ()
    if all(channel.id != change.channel_id for channel in channels):
        return Closing(status=Status.DONE, note=None if error is None else f"{error}; a look found it gone")
    if is_no(error):
        return Closing(status=Status.REFUSED, note=str(error))
    return Closing(status=Status.FAILED, note=str(error) if error else "Canvas says it is deleted, and still lists it")


def come_late(change: Change, now: Snapshot) -> Closing:
    """An action that was sent before, was not found by a look, and is found now: it is ours, and can be undone."""
    channel = None if change.kind is Kind.DELETE else _made(change, now, None)
    return Closing(
        status=Status.DONE,
        note="the request of an earlier attempt was carried out late",
        channel_id=None if channel is None else channel.id,
        messaged=channel is not None and channel.workflow_state != ACTIVE,
    )

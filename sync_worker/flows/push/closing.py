"""What a call to Canvas came to: known at once only where its response and the read after it agree. Pure."""

from dataclasses import dataclass
from typing import Final

from sync_worker.channels import Channel, Gone, Snapshot
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.model import ACTIVE
from sync_worker.errors import Forbidden, NotFound, RefusedAlone, Rejected, RequestFailed
from sync_worker.flows.pull.outcomes import GONE, late, look_for, made
from sync_worker.mirror.actions import Closing, Status

_NO: Final = (Rejected, Forbidden, NotFound, RefusedAlone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What Canvas answered to one call."""

    error: RequestFailed | None = None  # None: Canvas says that it is done
    channel: Channel | None = None  # as Canvas answered a create; it may write the address in another way

    @property
    def rejected(self) -> bool:
        """Whether Canvas clearly said no: to every attempt of this call that was sent."""
        return isinstance(self.error, _NO) and not self.error.outcome_unknown


def concluded(change: Change, response: Response, after: Snapshot | Gone) -> Closing:
    """What a call came to, by its response and a read after it.

    Where both agree, that is what it came to. Where the response was lost, or the read shows something else, the
    outcome is unknown: the request may be carried out late, and the read may be stale.
    """
    if response.rejected:
        return _rejected(change, str(response.error), after)
    return _created(change, response, after) if change.kind is Kind.CREATE else _deleted(change, response, after)


def _rejected(change: Change, why: str, after: Snapshot | Gone) -> Closing:
    if isinstance(after, Gone):
        return Closing(status=Status.SKIPPED, note=GONE, rejected=True)
    there = look_for(change, after)
    if change.kind is Kind.CREATE and there.channel is not None:
        return Closing(status=Status.EXISTED, note=why, channel_id=there.channel.id, rejected=True)
    if change.kind is Kind.DELETE and there.effect:
        return Closing(status=Status.SKIPPED, note=f"{why}; it is gone all the same", rejected=True)
    return Closing(status=Status.REFUSED, note=why, rejected=True)


def _created(change: Change, response: Response, after: Snapshot | Gone) -> Closing:
    answer = response.channel
    channel = None if isinstance(after, Gone) else made(after, change, answer.id if answer else None)
    if response.error is None and channel is not None:
        messaged = channel.workflow_state != ACTIVE
        return Closing(status=Status.DONE, note=_note(change, channel), channel_id=channel.id, messaged=messaged)
    unconfirmed = any(each is not None and each.workflow_state != ACTIVE for each in (answer, channel))
    return Closing(
        status=Status.UNCERTAIN,
        note=_unknown(response, "Canvas answered that it is created", found=channel is not None),
        channel_id=answer.id if answer else None,
        messaged=unconfirmed or not change.skip_confirmation,
    )


def _note(change: Change, channel: Channel) -> str | None:
    if not change.means(channel):
        return f"Canvas writes the address as {channel.address}: write it like that in the desired state"
    return None


def _deleted(change: Change, response: Response, after: Snapshot | Gone) -> Closing:
    gone = look_for(change, after).effect
    if response.error is None and gone:
        return Closing(status=Status.DONE)
    note = _unknown(response, "Canvas answered that it is deleted", found=gone)
    return Closing(status=Status.UNCERTAIN, note=note)


def _unknown(response: Response, answered: str, *, found: bool) -> str:
    what = answered if response.error is None else _what(response.error)
    return f"{what}; a read right after it {'shows it done' if found else 'does not show it'}"


def _what(error: RequestFailed) -> str:
    """What happened and where; what to do next is said for all actions together."""
    return f"{error.where}: {error.what}" if error.where else error.what


def unread(change: Change, response: Response) -> Closing:
    """The user could not be read after the call."""
    answer = response.channel
    unconfirmed = answer is not None and answer.workflow_state != ACTIVE
    is_asked = change.kind is Kind.CREATE and not change.skip_confirmation
    what = "" if response.error is None else f"{_what(response.error)}; "
    note = f"{what}the user could not be read after it"
    if response.rejected:
        return Closing(status=Status.FAILED, note=note, rejected=True)
    return Closing(
        status=Status.UNCERTAIN, note=note, channel_id=answer.id if answer else None, messaged=unconfirmed or is_asked
    )


def completed_late(change: Change, now: Snapshot) -> Closing:
    """An action that was sent before, was found not done, and is there now: it is ours, and can be undone."""
    return late(look_for(change, now))

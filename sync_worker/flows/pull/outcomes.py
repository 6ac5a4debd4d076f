"""What complete reads say about actions: their effect, their settlement, whether a read is too old to count. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from sync_worker.channels import Channel, Gone, Snapshot
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.model import ACTIVE, ChannelKey, key_of
from sync_worker.mirror.actions import Action, Closing, Status

GONE = "Canvas does not know this user any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a complete read shows of one action."""

    effect: bool
    channel: Channel | None = None  # of a create whose effect is there
    user_gone: bool = False

    @property
    def messaged(self) -> bool:
        """Whether a confirmation message went out, or may have: Canvas sends one for what is not active at once."""
        return self.channel is not None and self.channel.workflow_state != ACTIVE


def change_of(action: Action, phone_region: str | None = None) -> Change:
    """The change that an action is to make."""
    return Change(
        kind=Kind(action.kind),
        user_id=action.user_id,
        type=action.type,
        address=action.address,
        channel_id=action.channel_id if action.kind == Kind.DELETE else None,
        skip_confirmation=action.skip_confirmation,
        phone_region=phone_region,
    )


def look(action: Action, read: Snapshot | Gone, phone_region: str | None = None) -> Look:
    """Whether the effect of an action is there."""
    return look_for(change_of(action, phone_region), read, action.channel_id)


def look_for(change: Change, read: Snapshot | Gone, answered: int | None = None) -> Look:
    """Whether the effect of a change is there; `answered`: the channel that Canvas named when it answered a create."""
    if isinstance(read, Gone):
        return Look(effect=change.kind is Kind.DELETE, user_gone=True)
    if change.kind is Kind.DELETE:
        return Look(effect=all(channel.id != change.channel_id for channel in read.channels))
    channel = made(read, change, answered)
    return Look(effect=channel is not None, channel=channel)


def made(read: Snapshot, change: Change, channel_id: int | None) -> Channel | None:
    """The channel with the address that was asked for, else the one that Canvas answered with, if it is there."""
    asked = next(filter(change.means, read.channels), None)
    return asked or next((each for each in read.channels if each.id == channel_id), None)


def settled(action: Action, now: Look) -> Closing:
    """What an action with an unknown outcome has come to, now that two reads agree."""
    if now.effect:
        return _done(now, GONE if now.user_gone else "the outcome was unknown; two reads found it done")
    if now.user_gone:
        return Closing(status=Status.SKIPPED, note=GONE)
    if action.kind == Kind.CREATE and action.channel_id is not None:
        note = "Canvas answered that it is created; two reads did not find it: somebody else has deleted it since"
        return Closing(status=Status.DONE, note=note)
    if action.kind == Kind.CREATE and not action.skip_confirmation:
        note = "two reads did not find it; it is not sent again, for a message may have gone out: make a new plan"
        return Closing(status=Status.SKIPPED, note=note, messaged=True)
    return Closing(status=Status.FAILED, note="two reads found it not done; it may be sent again")


def late(now: Look) -> Closing:
    """An action that two reads found not done has taken effect after all: it is ours, and can be undone."""
    return _done(now, "the request was carried out late")


def _done(now: Look, note: str) -> Closing:
    channel_id = None if now.channel is None else now.channel.id
    return Closing(status=Status.DONE, note=note, channel_id=channel_id, messaged=now.messaged)


def unresolved(action: Action) -> Closing:
    """Nobody can tell what it came to."""
    note = f"the outcome is still unknown after 7 days: look at the channels of user {action.user_id}"
    return Closing(status=Status.UNRESOLVED, note=note, messaged=action.messaged)


def explained(action: Action, done: Iterable[Action]) -> bool:
    """Whether a later action of ours accounts for what looks like a late effect of this one."""
    return any(
        other.id != action.id
        and other.kind == action.kind
        and other.user_id == action.user_id
        and _key(other) == _key(action)
        and (other.started_at is None or action.started_at is None or other.started_at > action.started_at)
        for other in done
    )


def contradicted(done: Iterable[Action], read: Snapshot | Gone, phone_region: str | None = None) -> Action | None:
    """The last of our own recent actions on an address that this read does not show: then the read is too old.

    Args:
        done: what was done to the user a moment ago, in the order of doing.
        read: a complete read.
        phone_region: of the instance.
    """
    latest = {_key(action): action for action in done if action.user_id == read.user_id}
    return next((action for action in latest.values() if not look(action, read, phone_region).effect), None)


def _key(action: Action) -> ChannelKey:
    return key_of(action.type, action.address)

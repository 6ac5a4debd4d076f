"""What Canvas makes of the calls that carry out changes: the model that the laws of diff and ceiling rest on."""

from collections.abc import Iterable

from sync_worker.channels import Channel
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.model import key_of


def applied(changes: Iterable[Change], live: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """What Canvas makes of the calls, one after the other."""
    for change in changes:
        live = created(change, live) if change.kind is Kind.CREATE else retired(change, live)
    return live


def created(change: Change, live: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """A new channel in the last position; 400 where there is one of this key."""
    assert change.key not in {key_of(channel.type, channel.address) for channel in live}
    state = "active" if change.skip_confirmation else "unconfirmed"
    last = max((channel.position or 0 for channel in live), default=0)
    place = min(last + 1, 2**31 - 1)
    names = {"id": 1000 + len(live), "user_id": change.user_id, "type": change.type, "address": change.address}
    return (*live, Channel.model_validate({**names, "workflow_state": state, "position": place}))


def retired(change: Change, live: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """Canvas lists a retired channel no more."""
    left = tuple(channel for channel in live if channel.id != change.channel_id)
    assert len(left) == len(live) - 1
    return left

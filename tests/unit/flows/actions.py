"""Short ways to say changes, actions of the journal, and what a read shows."""

from typing import Any

from sync_worker.channels import Channel, Snapshot
from sync_worker.desired.diff import Change, Kind
from sync_worker.mirror.actions import Action, Status
from tests.unit.desired.builders import NOON


def create(address: str = "new@x", *, user_id: int = 1, skip_confirmation: bool = True) -> Change:
    """A create of an e-mail."""
    return Change(kind=Kind.CREATE, user_id=user_id, type="email", address=address, skip_confirmation=skip_confirmation)


def delete(address: str = "old@x", *, user_id: int = 1, channel_id: int = 7) -> Change:
    """A delete of an e-mail."""
    return Change(kind=Kind.DELETE, user_id=user_id, type="email", address=address, channel_id=channel_id)


def action(change: Change, **more: Any) -> Action:
    """A change in the journal, begun and not settled."""
    facts: dict[str, Any] = {
        "id": 100,
        "ordinal": 1,
        "run_id": 5,
        "user_id": change.user_id,
        "kind": change.kind.value,
        "type": change.type,
        "address": change.address,
        "channel_id": change.channel_id,
        "skip_confirmation": change.skip_confirmation,
        "status": Status.STARTED,
        "note": None,
        "messaged": False,
        "attempts": 1,
        "started_at": NOON,
    }
    return Action(**(facts | more))


def seen(*channels: Channel) -> Snapshot:
    """What a read of user 1 shows."""
    return Snapshot(user_id=1, read_at=NOON, channels=channels)

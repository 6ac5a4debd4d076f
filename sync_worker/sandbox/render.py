"""Objects as the server sends them: which fields, in which form, for whom.

The source is Canvas's `lib/api/v1/communication_channel.rb`: bounce details only for those who may read them, times
without fractions, in UTC.
"""

import json
from datetime import UTC, datetime

from sync_worker.sandbox.model import Account, Bounce, Channel, Json, User

_NO_BOUNCE = Bounce()

dump = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""Compact JSON as text."""


def instant(epoch: int | None) -> str | None:
    """Epoch seconds as ISO 8601 in UTC."""
    return None if epoch is None else datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def channel_json(channel: Channel, *, bounces: bool, bounce_count: bool) -> Json:
    """A channel; `bounces` and `bounce_count` say what the caller may see."""
    body: Json = {
        "id": channel.id,
        "created_at": instant(channel.created_at),
        "position": channel.position,
        "user_id": channel.user_id,
        "workflow_state": channel.state,
        "address": channel.address,
        "type": channel.type,
    }
    if bounces:
        body |= _bounce_json(channel.bounce or _NO_BOUNCE)
        if bounce_count:
            body["bounce_count"] = channel.bounce.count if channel.bounce else 0
    return body


def user_json(user: User, *, admin: bool, email: bool = False) -> Json:
    """A user; identifiers are for administrators, `email` is `include[]=email`."""
    first, _, last = user.name.rpartition(" ")
    body: Json = {
        "id": user.id,
        "name": user.name,
        "created_at": instant(user.created_at),
        "sortable_name": f"{last}, {first}" if first else last,
        "short_name": user.name,
    }
    if admin:
        body["sis_user_id"] = user.sis_user_id
        body["integration_id"] = user.integration_id
        body["login_id"] = user.login_id
    if email:
        body["email"] = default_address(user)
    return body


def default_address(user: User) -> str | None:
    """The active e-mail with the lowest position."""
    mails = (c.address for c in user.live_channels() if c.type == "email" and c.state == "active")
    return next(mails, None)


def account_json(account: Account, *, root_id: int) -> Json:
    """An account; `root_account_id` is null for the root itself."""
    return {
        "id": account.id,
        "name": account.name,
        "workflow_state": "active",
        "parent_account_id": account.parent_id,
        "root_account_id": None if account.parent_id is None else root_id,
        "uuid": account.uuid,
    }


def user_state_json(user: User) -> Json:
    """A user as the control routes show it: with its state."""
    fields = user_json(user, admin=True)
    return {**fields, "account_id": user.account_id, "state": user.state, "merged_into": user.merged_into}


def with_string_ids(body: Json) -> Json:
    """The same object with its ids as strings (`Accept: application/json+canvas-string-ids`)."""
    return {name: str(value) if _is_id(name, value) else value for name, value in body.items()}


def _is_id(name: str, value: object) -> bool:
    return isinstance(value, int) and (name == "id" or name.endswith("_id"))


def _bounce_json(bounce: Bounce) -> Json:
    return {
        "last_bounce_at": instant(bounce.last_bounce_at),
        "last_bounce_summary": bounce.last_bounce_summary,
        "last_transient_bounce_at": instant(bounce.last_transient_bounce_at),
        "last_transient_bounce_summary": bounce.last_transient_bounce_summary,
        "last_suppression_bounce_at": instant(bounce.last_suppression_bounce_at),
    }

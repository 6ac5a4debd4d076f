"""What creating and retiring a channel means, on one user and without any transport.

The source of every rule is Canvas's `communication_channels_controller.rb` and the model behind it. A rule decides
(`Refusal`) or does (`Created`); it never does half of both.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sync_worker.sandbox.model import PUSH, PUSH_ADDRESS, Channel, ChannelState, Json, Key, User, key_of

MAX_MESSAGES = 3
"""Confirmation messages a channel gets at most."""

MAX_ADDRESS = 255
"""The width of the column `path`."""

RECENT = 3600
"""Seconds for which a retired channel still counts against `max_recent`."""

_EMAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s.,;<>\"]+(\.[^@\s.,;<>\"]+)+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a POST asks for."""

    type: str
    address: str = ""
    push_token: str = ""
    confirmed: bool = False  # the caller may skip the confirmation, and asked for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The installation's rules for creating and deleting."""

    push_allowed: bool = False
    max_channels: int = 100
    max_recent: int | None = None
    edit_institution_email: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Nothing was done; `errors` is the answer's error object, empty for a plain 401."""

    status: int
    errors: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The channel lives."""

    channel: Channel
    revived: bool = False  # it has its old id
    message: bool = False  # a confirmation went to a real person


def find(user: User, key: Key) -> Channel | None:
    """The channel with this key: the unretired one, else a retired one."""
    found = [channel for channel in user.channels if channel.key == key]
    return next((channel for channel in found if channel.live), found[0] if found else None)


def last_position(user: User, *, besides: Channel | None = None) -> int:
    """The position after all others of this user, retired ones included."""
    return 1 + max((channel.position or 0 for channel in user.channels if channel is not besides), default=0)


def refuse_create(user: User, wish: Wish, limits: Limits, *, now: int) -> Refusal | None:
    """Why this create is a 400, or None. `now` in epoch seconds."""
    if limits.max_recent is not None and _recent(user, now) >= limits.max_recent:
        return Refusal(status=400, errors={"type": "Maximum number of communication channels reached"})
    if wish.type == PUSH:
        return _refuse_push(wish, limits)
    if problem := _address_problem(wish):
        return _path_error(problem)
    old = find(user, key_of(wish.type, wish.address))
    if old is not None:
        return _path_error("unique!") if old.live else None
    if len(user.live_channels()) >= limits.max_channels:
        return Refusal(status=400, errors={"type": "Maximum number of communication channels reached"})
    return None


def create(user: User, wish: Wish, *, next_id: Callable[[], int], now: int) -> Created:
    """Carry a permitted wish out: a retired channel comes back with its old id; both kinds take the last position."""
    address = PUSH_ADDRESS if wish.type == PUSH else wish.address
    state: ChannelState = "active" if wish.confirmed or wish.type == PUSH else "unconfirmed"
    if wish.push_token:
        user.push_tokens.add(wish.push_token.lower())
    old = find(user, key_of(wish.type, address))
    if old is not None and old.live:
        return Created(channel=old)
    channel = old or Channel(id=next_id(), user_id=user.id, type=wish.type, address=address, created_at=now)
    if old is None:
        user.channels.append(channel)
    revive(user, channel, address=address, state=state)
    return Created(channel=channel, revived=old is not None, message=_send_confirmation(channel))


def revive(user: User, channel: Channel, *, address: str, state: ChannelState) -> None:
    """Bring a channel (back) to life: new casing, bounces forgotten, last position."""
    channel.address, channel.state = address, state
    channel.bounce, channel.retired_at = None, None
    channel.position = last_position(user, besides=channel)


def refuse_delete(channel: Channel, limits: Limits) -> Refusal | None:
    """Why this channel may not be deleted through the API, or None."""
    if channel.sis_locked and not limits.edit_institution_email:
        return Refusal(status=401, errors={})
    if channel.otp:
        message = "Cannot be removed: it is used for one time passwords"
        return Refusal(status=400, errors={"base": [_error("base", message)]})
    return None


def retire(channel: Channel, *, now: int) -> None:
    """The only deletion there is."""
    channel.state, channel.retired_at = "retired", now


def _recent(user: User, now: int) -> int:
    return sum(c.live or (c.retired_at is not None and c.retired_at > now - RECENT) for c in user.channels)


def _refuse_push(wish: Wish, limits: Limits) -> Refusal | None:
    if not limits.push_allowed:
        return Refusal(status=400, errors={"type": "SNS is not configured for this developer key"})
    if not wish.push_token:
        return Refusal(status=400, errors={"token": "is required"})
    return None


def _address_problem(wish: Wish) -> str:
    if not wish.type or not wish.address:
        return "blank"
    if len(wish.address) > MAX_ADDRESS:
        return "too_long"
    if wish.type == "email" and not _EMAIL.fullmatch(wish.address):
        return "invalid"
    return ""


def _path_error(problem: str) -> Refusal:
    return Refusal(status=400, errors={"path": [_error("path", problem)]})


def _error(attribute: str, message: str) -> Json:
    return {"attribute": attribute, "type": message, "message": message}


def _send_confirmation(channel: Channel) -> bool:
    """Whether a message went out: never to a bouncing address, at most three a channel."""
    wanted = channel.state == "unconfirmed" and channel.messages < MAX_MESSAGES
    sent = wanted and (channel.bounce is None or channel.bounce.count == 0)
    channel.messages += sent
    return sent

"""Bytes of Canvas to values of ours; what does not fit is an error, never a shorter list.

Not JSON at all is `Trouble`: somebody other than Canvas's API answered, or the answer was cut off; asking again
may help. JSON of the wrong shape is `Incomplete`: asking again will not.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from sync_worker.canvas.answers import Asked
from sync_worker.canvas.oauth import Granted
from sync_worker.channels import MAX_ID, SHARD, Channel, Id, User, same_user
from sync_worker.errors import Incomplete, RequestFailed, Trouble

_T = TypeVar("_T")


class Account(BaseModel):
    """An account; an instance is bound to the root account behind its token."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Id
    root_account_id: Id | None = None  # null on a root account
    name: str | None = None


_CHANNELS: Final = TypeAdapter(list[Channel])
_CHANNEL: Final = TypeAdapter(Channel)
_USERS: Final = TypeAdapter(list[User])
_USER: Final = TypeAdapter(User)
_ACCOUNT: Final = TypeAdapter(Account)
_GRANTED: Final = TypeAdapter(Granted)
_OBJECT: Final = TypeAdapter(dict[str, object])


def read_channels(body: bytes, asked: Asked) -> list[Channel]:
    """One page of channels. Raises `Trouble` (not JSON) or `Incomplete` (another shape), as all of these."""
    return _read(_CHANNELS, body, asked)


def read_channel(body: bytes, asked: Asked) -> Channel:
    """The channel that was created or deleted."""
    return _read(_CHANNEL, body, asked)


def read_users(body: bytes, asked: Asked) -> list[User]:
    """One page of an account's users."""
    return _read(_USERS, body, asked)


def read_user(body: bytes, asked: Asked) -> User:
    """One user."""
    return _read(_USER, body, asked)


def read_account(body: bytes, asked: Asked) -> Account:
    """One account."""
    return _read(_ACCOUNT, body, asked)


def read_granted(body: bytes, asked: Asked) -> Granted:
    """A new access token."""
    return _read(_GRANTED, body, asked)


def read_anything(body: bytes, asked: Asked) -> dict[str, object]:
    """Some object: an answer whose content says nothing."""
    return _read(_OBJECT, body, asked)


def _read(shape: TypeAdapter[_T], body: bytes, asked: Asked) -> _T:
    try:
        value = shape.validate_json(body)
    except ValidationError as error:
        raise _misread(error, asked) from None  # the cause would quote the answer, addresses included
    return value


def _misread(error: ValidationError, asked: Asked) -> RequestFailed:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Trouble(f"the answer is not complete JSON ({first['msg']})", where=asked.where)
    place = ".".join(str(part) for part in first["loc"]) or "the answer"
    return Incomplete(f"the answer has another shape: {place}: {first['msg']}", where=asked.where)


def number_of(text: str) -> int | None:
    """The id that `1042` or `1~1042` (shard ~ local id) names; None where it is neither.

    A leading zero is refused: such a thing is somebody's SIS id that lost its way.
    """
    shard, tilde, local = text.rpartition("~")
    parts = (shard, local) if tilde else (local,)
    if not all(part.isascii() and part.isdigit() and part[0] != "0" and len(part) < 20 for part in parts):  # noqa: PLR2004
        return None
    number = int(local) + (int(shard) * SHARD if tilde else 0)
    too_large = number > MAX_ID or (tilde and int(local) >= SHARD)
    return None if too_large else number


def check_owner(channels: Iterable[Channel], user_id: int | None, asked: Asked) -> None:
    """See that all channels are the asked user's, in local or global form.

    Args:
        channels: what was answered.
        user_id: the asked user; None where a reference was asked, then all must be one user's.
        asked: for the message.

    Raises:
        Incomplete: a channel is somebody else's, so the answer is about who knows whom.
    """
    for channel in channels:
        if user_id is None:
            user_id = channel.user_id
        elif channel.user_id != user_id and not same_user(channel.user_id, user_id):
            raise Incomplete(
                f"channel {channel.id} belongs to user {channel.user_id}, not to user {user_id}",
                where=asked.where,
            )


def merged(channels: Iterable[Channel]) -> tuple[Channel, ...]:
    """One channel for each id, in the order of first sight; of two sights the later one is newer.

    Pages are separate queries: an item that moves between two of them is seen twice.
    """
    return tuple({channel.id: channel for channel in channels}.values())

"""What a school consists of: accounts, users, channels; and what can change about them.

Mutable and slotted: a school of 200,000 users has to fit into modest memory. Instants are whole epoch seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from sync_worker.sandbox.options import DeletedUserAnswer

Json = dict[str, Any]
ChannelState = Literal["active", "unconfirmed", "retired"]
UserState = Literal["present", "deleted", "merged"]

PUSH = "push"
PUSH_ADDRESS = "For All Devices"
"""A push channel's address is a translated label, not an address."""

MAX_ID = 2**63 - 1


@dataclass(slots=True, kw_only=True)
class Bounce:
    """What the mail gateway reported about a channel."""

    count: int = 0
    last_bounce_at: int | None = None
    last_bounce_summary: str | None = None
    last_transient_bounce_at: int | None = None
    last_transient_bounce_summary: str | None = None
    last_suppression_bounce_at: int | None = None


@dataclass(slots=True, kw_only=True)
class Channel:
    """One communication channel; a retired one stays and may be brought back."""

    id: int
    user_id: int
    type: str
    address: str
    created_at: int
    position: int | None = None
    state: ChannelState = "active"
    bounce: Bounce | None = None  # None: never bounced
    sis_locked: bool = False  # came from a SIS import
    otp: bool = False  # an SMS channel used for one-time passwords
    messages: int = 0  # confirmation messages sent
    retired_at: int | None = None

    @property
    def key(self) -> "Key":
        """What is unique among a user's unretired channels."""
        return key_of(self.type, self.address)

    @property
    def live(self) -> bool:
        """Whether lists show it."""
        return self.state != "retired"


@dataclass(frozen=True, slots=True)
class Key:
    """(type, lower(address)), unique among a user's unretired channels."""

    type: str
    address: str


def key_of(channel_type: str, address: str) -> Key:
    """As PostgreSQL lowers an address: letter by letter, without a rule for the end of a word."""
    return Key(channel_type, "".join(letter.lower()[0] for letter in address))


@dataclass(slots=True, kw_only=True)
class User:
    """One user with all channels, retired ones included, in the order in which they came."""

    id: int
    account_id: int
    name: str
    created_at: int
    sis_user_id: str | None = None
    login_id: str | None = None
    integration_id: str | None = None
    state: UserState = "present"
    merged_into: int | None = None
    deleted_answer: DeletedUserAnswer | None = None  # None: as the options say
    channels: list[Channel] = field(default_factory=list)
    push_tokens: set[str] = field(default_factory=set)

    def live_channels(self) -> list[Channel]:
        """Unretired channels by position; nulls come last, as PostgreSQL sorts them."""
        live = [channel for channel in self.channels if channel.state != "retired"]
        if len(live) > 1:
            live.sort(key=_rank)
        return live


def _rank(channel: Channel) -> tuple[bool, int, int]:
    return (channel.position is None, channel.position or 0, channel.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The root account has no parent."""

    id: int
    name: str
    uuid: str
    parent_id: int | None = None


class Kind(StrEnum):
    """What can happen to a channel or a user."""

    CREATED = "created"
    RETIRED = "retired"
    REVIVED = "revived"
    MOVED = "moved"
    READDRESSED = "readdressed"
    CONFIRMED = "confirmed"
    BOUNCED = "bounced"
    USER_ADDED = "user_added"
    USER_DELETED = "user_deleted"
    USER_MERGED = "user_merged"
    USER_RESTORED = "user_restored"
    USER_RENAMED = "user_renamed"  # its SIS id changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that was changed behind the client's back."""

    kind: Kind
    user_id: int  # after the change: a moved channel's new owner
    channel_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> Json:
        """The change as the control routes send it."""
        body: Json = {"kind": self.kind.value, "user_id": self.user_id, "channel_id": self.channel_id}
        return {**body, **self.detail}

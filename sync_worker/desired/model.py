"""The values that a desired state is made of, and the keys by which channels are compared.

Two channels are the same wish when type and address agree; addresses compare as `sync_worker.folding` says. SMS
addresses that are wholly a number compare by what they dial: `key_of` alone decides.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from sync_worker.channels import Channel, UserRef
from sync_worker.desired.addresses import EMAIL, SMS, number, usable
from sync_worker.folding import fold

__all__ = ["EMAIL", "SMS"]

PUSH: Final = "push"
"""A push channel's address is a translated label: never compared, created or deleted from a desired state."""

ACTIVE: Final = "active"

LAST_PLACE: Final = 2**31 - 1
"""The highest position there is."""


class Mode(StrEnum):
    """How far a desired state reaches."""

    ADD = "add"  # only create; what is listed as absent is deleted in any mode
    EXACT = "exact"  # also delete managed channels that are not listed


class ChannelKey(NamedTuple):
    """What makes two channels of one user the same."""

    type: str
    address: str  # folded; of an SMS number, as E.164


def key_of(channel_type: str, address: str, phone_region: str | None = None) -> ChannelKey:
    """The key of a channel or of a wish.

    A number without a country's code, where no region says which country is meant, equals nothing but itself.

    Args:
        channel_type: of the channel.
        address: as Canvas or a document writes it.
        phone_region: `phone_region` of the instance.
    """
    dialled = number(address, phone_region) if channel_type == SMS else None
    return ChannelKey(channel_type, dialled or fold(address))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One channel that is to be there, or not to be there."""

    type: str
    address: str  # as written
    skip_confirmation: bool = True  # only of a wish to be there
    reason: str = ""
    where: str = ""  # file and line, for messages
    phone_region: str | None = None  # of the instance

    @property
    def key(self) -> ChannelKey:
        """By which it is compared."""
        return key_of(self.type, self.address, self.phone_region)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesiredUser:
    """What is wanted of one user, whose Canvas id is known."""

    user_id: int
    ref: UserRef  # as the document names the person
    mode: Mode
    manage: frozenset[str]  # types that may be touched
    present: tuple[Wish, ...] = ()
    absent: tuple[Wish, ...] = ()
    phone_region: str | None = None  # of the instance


def deliverable(channel: Channel) -> bool:
    """Whether Canvas sends mail there: an active e-mail without a hard bounce (one is enough for Canvas to stop)."""
    return channel.type == EMAIL and channel.workflow_state == ACTIVE and channel.last_bounce_at is None


def reachable(channel: Channel) -> bool:
    """Whether something that is sent there may arrive: an address that looks like one; of an e-mail, deliverable."""
    return usable(channel.type, channel.address) and (channel.type != EMAIL or deliverable(channel))


def default_address(channels: tuple[Channel, ...]) -> Channel | None:
    """The default address: the active e-mail with the lowest position; without a position it comes last."""
    candidates = [channel for channel in channels if channel.type == EMAIL and channel.workflow_state == ACTIVE]
    return min(candidates, key=_place, default=None)


def _place(channel: Channel) -> tuple[int, int]:
    return (LAST_PLACE + 1 if channel.position is None else channel.position, channel.id)

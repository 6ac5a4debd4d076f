"""The one stream that every form of a desired state is read into: users, and what is wanted of them. Pure.

A user object gives a `UserHead` and then one `Entry` for each of its channels; a row of a CSV gives an `Entry` alone.
Every entry says all that holds for its user, so that entries can be staged and sorted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from sync_worker.channels import UserRef
from sync_worker.desired.model import EMAIL, ChannelKey, DesiredUser, Mode, Wish, key_of


class State(StrEnum):
    """Whether a channel is to be there."""

    PRESENT = "present"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds where a user says nothing, and what holds whatever it says."""

    mode: Mode = Mode.ADD
    manage: frozenset[str] = frozenset({EMAIL})
    skip_confirmation: bool = True
    phone_region: str | None = None  # of the instance: where numbers without a country's code are
    forced_mode: Mode | None = None  # of the command line
    forced_manage: frozenset[str] | None = None

    def for_user(self, mode: Mode | None = None, manage: frozenset[str] | None = None) -> "Terms":
        """The terms of a user that says this itself."""
        mode = self.forced_mode or mode or self.mode
        manage = self.forced_manage or manage or self.manage
        same = mode is self.mode and manage == self.manage
        return self if same else replace(self, mode=mode, manage=manage)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserHead:
    """A user that a document describes, perhaps without any channel: in exact mode that deletes all managed ones."""

    ref: UserRef  # with its place
    mode: Mode
    manage: frozenset[str]  # types that may be touched

    @property
    def where(self) -> str:
        """File and line."""
        return self.ref.where


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One wish of one user."""

    ref: UserRef  # with its place
    mode: Mode
    manage: frozenset[str]  # types that may be touched
    type: str
    address: str  # as written, without blanks around it
    state: State = State.PRESENT
    skip_confirmation: bool = True  # only of a wish to be there
    reason: str = ""
    where: str = ""  # file and line
    phone_region: str | None = None  # of the instance

    @property
    def key(self) -> ChannelKey:
        """By which it is compared."""
        return key_of(self.type, self.address, self.phone_region)

    @property
    def wish(self) -> Wish:
        """The same as part of a `DesiredUser`."""
        return Wish(
            type=self.type,
            address=self.address,
            skip_confirmation=self.skip_confirmation,
            reason=self.reason,
            where=self.where,
            phone_region=self.phone_region,
        )


Item = UserHead | Entry


def desired_user(user_id: int, items: Iterable[Item], phone_region: str | None = None) -> DesiredUser:
    """What is wanted of one user, whose id is known by now.

    Args:
        user_id: the numeric Canvas id.
        items: at least one; all of this user, and without problems (`rules.check_user`).
        phone_region: of the instance, as the items have it.
    """
    group = list(items)
    first = next((item for item in group if isinstance(item, UserHead)), group[0])
    entries = [item for item in group if isinstance(item, Entry)]
    return DesiredUser(
        user_id=user_id,
        ref=first.ref,
        mode=first.mode,
        manage=first.manage,
        present=tuple(entry.wish for entry in entries if entry.state is State.PRESENT),
        absent=tuple(entry.wish for entry in entries if entry.state is State.ABSENT),
        phone_region=phone_region,
    )

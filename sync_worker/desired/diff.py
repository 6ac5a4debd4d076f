"""Desired against live, for one user: an ordered tuple of changes. Pure; `diff` of what has been applied is empty."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sync_worker.channels import Channel
from sync_worker.desired.addresses import EMAIL, usable
from sync_worker.desired.model import (
    LAST_PLACE,
    PUSH,
    ChannelKey,
    DesiredUser,
    Wish,
    default_address,
    deliverable,
    key_of,
    reachable,
)


class Kind(StrEnum):
    """What a change does at Canvas."""

    CREATE = "create"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One call to Canvas."""

    kind: Kind
    user_id: int
    type: str
    address: str  # a create: as the document writes it; a delete: as Canvas does
    channel_id: int | None = None  # of a delete
    skip_confirmation: bool = True  # of a create; False: a person gets a message
    replaced: bool = False  # a delete of an address whose successor this plan creates: only after that is verified
    reason: str = ""
    where: str = ""  # what of the document it comes from
    phone_region: str | None = None  # of the instance

    @property
    def key(self) -> ChannelKey:
        """By which it is compared."""
        return key_of(self.type, self.address, self.phone_region)

    def means(self, channel: Channel) -> bool:
        """Whether a channel has the type and the address of this change."""
        return key_of(channel.type, channel.address, self.phone_region) == self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmanaged:
    """A wish that is outside `manage`: said, never carried out."""

    wish: Wish
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDiff:
    """What one user needs, and what that does to the person."""

    desired: DesiredUser
    live: tuple[Channel, ...]
    changes: tuple[Change, ...]  # creates first, then deletes; each in the order of document and Canvas
    unmanaged: tuple[Unmanaged, ...] = ()
    default_before: str | None = None  # address
    default_after: str | None = None
    deliverable_before: int = 0  # e-mail addresses that Canvas sends to
    deliverable_after: int = 0
    managed_live: int = field(default=0)  # live channels of managed types
    stranded: tuple[str, ...] = ()  # types whose deletes leave what does not look like an address in their stead

    @property
    def unusable(self) -> tuple[Change, ...]:
        """The creates whose address does not look like one."""
        return tuple(c for c in self.changes if c.kind is Kind.CREATE and not usable(c.type, c.address))

    @property
    def loses_last_email(self) -> bool:
        """Whether nothing deliverable, or no active e-mail at all, is left of what was: a bounce may be an old one."""
        undeliverable = self.deliverable_before > 0 and self.deliverable_after == 0
        return undeliverable or (self.default_before is not None and self.default_after is None)

    @property
    def changes_default(self) -> bool:
        """Whether mail goes elsewhere, or nowhere, afterwards."""
        before, after = self.default_before, self.default_after
        return before is not None and (after is None or key_of("email", before) != key_of("email", after))


def diff(desired: DesiredUser, live: tuple[Channel, ...]) -> UserDiff:
    """What it takes to bring the live channels of a user to the desired ones.

    Args:
        desired: what is wanted; its wishes have been validated (no key twice).
        live: all live channels, completely read.
    """
    touchable, region = _touchable(desired), desired.phone_region
    here = {key_of(channel.type, channel.address, region) for channel in live if channel.type in touchable}
    wished = [wish for wish in desired.present if wish.type in touchable]
    creates = tuple(_create(desired, wish) for wish in wished if wish.key not in here)
    doomed = _doomed(desired, live, {wish.key for wish in wished})
    successors = {change.type for change in creates}
    deletes = tuple(_delete(desired, channel, wish, replaced=channel.type in successors) for channel, wish in doomed)
    return consequences(desired, live, (*creates, *deletes))


def deleting_only(found: UserDiff, channel_ids: Collection[int | None]) -> UserDiff:
    """The same without the deletes of other channels: several may have one address, in several spellings."""
    chosen = tuple(c for c in found.changes if c.kind is Kind.CREATE or c.channel_id in channel_ids)
    return found if chosen == found.changes else consequences(found.desired, found.live, chosen)


def consequences(desired: DesiredUser, live: tuple[Channel, ...], changes: tuple[Change, ...]) -> UserDiff:
    """What these changes, and no others, do to a person who has the live channels."""
    creates = tuple(change for change in changes if change.kind is Kind.CREATE)
    left = _after(live, creates, {change.channel_id for change in changes if change.kind is Kind.DELETE})
    before, after = default_address(live), default_address(left)
    deletes = [change for change in changes if change.kind is Kind.DELETE]
    found = UserDiff(
        desired=desired,
        live=live,
        changes=changes,
        unmanaged=_unmanaged(desired),
        default_before=before.address if before else None,
        default_after=after.address if after else None,
        deliverable_before=sum(map(deliverable, live)),
        deliverable_after=sum(map(deliverable, left)),
        managed_live=sum(channel.type in _touchable(desired) for channel in live),
    )
    return replace(found, stranded=_stranded(found, deletes, left)) if deletes else found


def _stranded(found: UserDiff, deletes: list[Change], left: tuple[Channel, ...]) -> tuple[str, ...]:
    """The types of which a good address goes, and what is left in its stead does not look like one.

    So it is where nothing is left that can be reached, and something that does not look like an address; and where mail
    goes to such a one from then on, whatever else is left.
    """
    good = {change.type for change in deletes if usable(change.type, change.address)}
    bad = {channel.type for channel in left if not usable(channel.type, channel.address)}
    stranded = (good & bad) - {channel.type for channel in left if reachable(channel)}
    astray = found.changes_default and not usable(EMAIL, found.default_after or "")
    return tuple(sorted(stranded | ({EMAIL} & good & bad if astray else set())))


def _touchable(desired: DesiredUser) -> frozenset[str]:
    return desired.manage - {PUSH}


def _doomed(
    desired: DesiredUser, live: tuple[Channel, ...], wished: set[ChannelKey]
) -> list[tuple[Channel, Wish | None]]:
    """The channels to delete, in the order of Canvas, with the wish that says so (None: exact mode does)."""
    unwanted = {wish.key: wish for wish in desired.absent}
    doomed: list[tuple[Channel, Wish | None]] = []
    for channel in live:
        key = key_of(channel.type, channel.address, desired.phone_region)
        if channel.type not in _touchable(desired) or key in wished:
            continue
        if key in unwanted or desired.mode == "exact":
            doomed.append((channel, unwanted.get(key)))
    return doomed


def _create(desired: DesiredUser, wish: Wish) -> Change:
    return Change(
        kind=Kind.CREATE,
        user_id=desired.user_id,
        type=wish.type,
        address=wish.address,
        skip_confirmation=wish.skip_confirmation,
        reason=wish.reason,
        where=wish.where,
        phone_region=desired.phone_region,
    )


def _delete(desired: DesiredUser, channel: Channel, wish: Wish | None, *, replaced: bool) -> Change:
    return Change(
        kind=Kind.DELETE,
        user_id=channel.user_id,
        type=channel.type,
        address=channel.address,
        channel_id=channel.id,
        replaced=replaced,
        reason=wish.reason if wish else "",
        where=wish.where if wish else "",
        phone_region=desired.phone_region,
    )


def _after(live: tuple[Channel, ...], creates: tuple[Change, ...], doomed: set[int | None]) -> tuple[Channel, ...]:
    """The channels as they will be; a new one comes last, and is active where no confirmation is asked for."""
    kept = tuple(channel for channel in live if channel.id not in doomed)
    last = max((channel.position or 0 for channel in live), default=0)
    new = (
        Channel(
            id=2**62 + number,
            user_id=change.user_id,
            type=change.type,
            address=change.address,
            workflow_state="active" if change.skip_confirmation else "unconfirmed",
            position=min(last + 1 + number, LAST_PLACE),
        )
        for number, change in enumerate(creates)
    )
    return (*kept, *new)


def _unmanaged(desired: DesiredUser) -> tuple[Unmanaged, ...]:
    found = []
    for wish in (*desired.present, *desired.absent):
        if wish.type == PUSH:
            found.append(Unmanaged(wish=wish, why="push channels are never touched"))
        elif wish.type not in desired.manage:
            found.append(Unmanaged(wish=wish, why=f"type {wish.type} is not in manage"))
    return tuple(found)

"""Approval is a ceiling: what of an approved plan may still be done to a user, as the user is now. Pure.

Nothing is done that the plan does not contain, nothing whose reason has gone, and nothing that means more to the person
than what was approved: the guards are asked again, about the channels of this moment.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from sync_worker.channels import Channel, Snapshot
from sync_worker.desired.diff import Change, Kind, consequences
from sync_worker.desired.guards import Rules, objections
from sync_worker.desired.model import ACTIVE, EMAIL, default_address
from sync_worker.desired.plan import Plan, PlannedUser, Warn, planned
from sync_worker.folding import fold

NOT_REPLACED: Final = "its replacement is not there"
_STRANDED: Final = "what would be left does not look like an address now, which the plan does not say"


class Standing(StrEnum):
    """What became of a change that is not carried out."""

    EXISTED = "existed"  # somebody else has created it
    GONE = "gone"  # what was to be deleted is not there any more
    SKIPPED = "skipped"  # stale
    WITHHELD = "withheld"  # by a guard, for now


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """A change that is not carried out, and why."""

    change: Change
    standing: Standing
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StillDue:
    """What of a user's approved changes is to be done now."""

    due: tuple[Change, ...]
    dropped: tuple[Dropped, ...]


def remaining(plan: Plan, settled: Iterable[Change]) -> Plan:
    """The plan without what is settled; its figures about document and channels stay."""
    gone = set(settled)
    users = (_without(user, gone) for user in plan.users)
    return replace(plan, users=tuple(user for user in users if user.diff.changes))


def _without(user: PlannedUser, gone: set[Change]) -> PlannedUser:
    left = tuple(change for change in user.diff.changes if change not in gone)
    return replace(user, diff=replace(user.diff, changes=left))


def creates_due(creates: Iterable[Change], live: tuple[Channel, ...]) -> StillDue:
    """The creates that are still needed."""
    due, dropped = [], []
    for change in creates:
        if any(map(change.means, live)):
            dropped.append(Dropped(change=change, standing=Standing.EXISTED, why="it is there already"))
        else:
            due.append(change)
    return StillDue(due=tuple(due), dropped=tuple(dropped))


def deletes_due(approved: PlannedUser, deletes: Iterable[Change], live: Snapshot, rules: Rules) -> StillDue:
    """The deletes that are still meant, and that the guards allow, all together, as the user is now.

    The default address comes last. Otherwise mail would go, for a moment or until somebody notices that Canvas refused
    the next delete, to an address that is to be deleted too.

    Args:
        approved: the user as the plan has it.
        deletes: the changes of the plan that are not settled yet.
        live: the user's channels after the creates.
        rules: the guards.
    """
    dropped, meant = [], []
    for change in deletes:
        given_up = _not_meant(approved, change, live.channels)
        if given_up is None:
            meant.append(change)
        else:
            dropped.append(given_up)
    due, guarded = _guarded(approved, tuple(meant), live, rules)
    default = default_address(live.channels)
    ordered = sorted(due, key=lambda change: default is not None and change.channel_id == default.id)
    return StillDue(due=tuple(ordered), dropped=(*dropped, *guarded))


def _not_meant(approved: PlannedUser, change: Change, live: tuple[Channel, ...]) -> Dropped | None:
    """Why a delete is not to be done now, whatever the guards say; None where it is."""
    channel = next((channel for channel in live if channel.id == change.channel_id), None)
    if channel is None:
        return Dropped(change=change, standing=Standing.GONE, why="it is gone already")
    stale = _stale(approved, change, channel)
    if stale is not None:
        return Dropped(change=change, standing=Standing.SKIPPED, why=stale)
    if not _replaced(approved, change, live):
        return Dropped(change=change, standing=Standing.WITHHELD, why=NOT_REPLACED)
    return None


def _stale(approved: PlannedUser, change: Change, channel: Channel) -> str | None:
    """Why the channel is not the one whose delete was approved, or None."""
    if not change.means(channel):
        return f"channel {channel.id} has another address now"
    then = {each.id: each.workflow_state for each in approved.diff.live}.get(channel.id, "unknown")
    if then != channel.workflow_state:
        return f"it was {then} when the plan was made, and is {channel.workflow_state} now"
    return None


def _replaced(approved: PlannedUser, change: Change, live: tuple[Channel, ...]) -> bool:
    """Whether all that the plan creates in its stead, if anything, is there, and active where it was to be."""
    for create in approved.diff.changes:
        if create.kind is Kind.CREATE and create.type == change.type:
            there = {channel.workflow_state for channel in live if create.means(channel)}
            if not there or (create.skip_confirmation and ACTIVE not in there):
                return False
    return True


def _guarded(
    approved: PlannedUser, deletes: tuple[Change, ...], live: Snapshot, rules: Rules
) -> tuple[tuple[Change, ...], tuple[Dropped, ...]]:
    """Weigh the deletes until what is left passes: what one of them means depends on the others."""
    why = _objections(approved, deletes, live, rules)
    if not why:
        return deletes, ()
    left = tuple(change for change in deletes if change not in why)
    held = (Dropped(change=change, standing=Standing.WITHHELD, why=why[change]) for change in deletes if change in why)
    due, more = _guarded(approved, left, live, rules)
    return due, (*held, *more)


def _objections(approved: PlannedUser, deletes: tuple[Change, ...], live: Snapshot, rules: Rules) -> dict[Change, str]:
    """What speaks against these deletes, all together; the guards have the last word."""
    present = planned(consequences(approved.diff.desired, live.channels, deletes), live.read_at)
    surprise = _surprise(approved, present)
    surprised = {} if surprise is None else {change: surprise for change in deletes if change.type == EMAIL}
    stranded = set(present.diff.stranded) - set(approved.diff.stranded)
    surprised |= {change: _STRANDED for change in deletes if change.type in stranded}
    return surprised | dict(objections(present, rules.limits, rules.allowances))


def _surprise(approved: PlannedUser, present: PlannedUser) -> str | None:
    """What the deletes would mean now and did not mean when the plan was approved, or None."""
    if Warn.LOSES_LAST_EMAIL in present.warnings and Warn.LOSES_LAST_EMAIL not in approved.warnings:
        return "it would leave the user without a deliverable e-mail now, which the plan does not say"
    if Warn.CHANGES_DEFAULT not in present.warnings:
        return None
    after, expected = present.diff.default_after, approved.diff.default_after
    if Warn.CHANGES_DEFAULT in approved.warnings and _folded(after) == _folded(expected):
        return None
    return f"the default address would become {after or 'none'} now, which the plan does not say"


def _folded(address: str | None) -> str | None:
    return None if address is None else fold(address)

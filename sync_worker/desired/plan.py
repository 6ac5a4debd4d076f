"""A plan: what would be done to whom, with everything that a person wants to know before saying yes. Pure.

A plan is a value: sorted, counted and fingerprinted with the state that it assumes. Several renderers print it; guards
weigh it; approval of it is a ceiling.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sync_worker.desired.diff import Change, Kind, UserDiff


class Warn(StrEnum):
    """What may surprise about one user's changes."""

    LOSES_LAST_EMAIL = "loses the last deliverable e-mail"
    CHANGES_DEFAULT = "changes the default address"
    UNUSABLE_REPLACEMENT = "loses a good address to one that does not look like an address"
    UNUSABLE_ADDRESS = "gets what does not look like an address"
    MESSAGES = "gets a confirmation message"
    SIS_REFUSED = "Canvas refused such a delete before: probably managed by SIS"
    SIS_REAPPEARED = "came back after a delete of ours: a tug of war, probably with SIS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """What the journal knows about a channel that a plan wants to delete."""

    channel_id: int
    warn: Warn  # SIS_REFUSED or SIS_REAPPEARED


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedUser:
    """One user of a plan; only users with changes or with wishes outside `manage`."""

    diff: UserDiff
    read_at: datetime  # of the live state that is assumed
    warnings: tuple[Warn, ...]
    suspicions: tuple[Suspicion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where the wishes come from.

    A plan for some users only (`only`) is of the whole document all the same: `users` counts that one, so that the plan
    does not look like one of a shrunken document. Nobody has asked about the others, so each of their references counts
    as a user. `unresolved` are then the references that the specs name, and those that Canvas gave no answer about
    while one of the users was still to be found.
    """

    document: str  # as the user named it
    digest: str  # sha256 of its contents; of a query, of its text and its rows
    users: int  # entries, after validation
    users_before: int | None = None  # of the document of the last applied plan
    unresolved: tuple[str, ...] = ()  # references that lead to nobody, with their place
    only: tuple[str, ...] = ()  # the specs of the users that the plan is restricted to; empty: everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be done, in order of user; creates before deletes for the same user."""

    instance: str
    origin: str
    made_at: datetime
    source: Source
    users: tuple[PlannedUser, ...]
    unchanged: int  # users of the document that need nothing; only of those that the plan is restricted to
    managed_live: int  # live channels of managed types of the same users

    def changes(self) -> Iterator[Change]:
        """All changes in their order."""
        for user in self.users:
            yield from user.diff.changes

    @property
    def empty(self) -> bool:
        """Whether nothing would be done."""
        return next(self.changes(), None) is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A plan in numbers."""

    users: int  # with changes
    creates: int
    deletes: int
    replaced: int  # deletes whose successor the plan creates
    messages: int  # to people
    default_changes: int  # users
    last_emails: int  # users who would lose their last deliverable e-mail
    suspicious: int  # deletes that are probably managed by SIS
    unmanaged: int  # wishes outside `manage`


def totals(plan: Plan) -> Totals:
    """Count a plan."""
    changes = list(plan.changes())
    creates = [change for change in changes if change.kind is Kind.CREATE]
    deletes = [change for change in changes if change.kind is Kind.DELETE]
    return Totals(
        users=sum(bool(user.diff.changes) for user in plan.users),
        creates=len(creates),
        deletes=len(deletes),
        replaced=sum(change.replaced for change in deletes),
        messages=sum(not change.skip_confirmation for change in creates),
        default_changes=sum(Warn.CHANGES_DEFAULT in user.warnings for user in plan.users),
        last_emails=sum(Warn.LOSES_LAST_EMAIL in user.warnings for user in plan.users),
        suspicious=sum(len({known.channel_id for known in user.suspicions}) for user in plan.users),
        unmanaged=sum(len(user.diff.unmanaged) for user in plan.users),
    )


def planned(diff: UserDiff, read_at: datetime, suspicions: Iterable[Suspicion] = ()) -> PlannedUser:
    """A user's diff with its warnings."""
    deleted = {change.channel_id for change in diff.changes if change.kind is Kind.DELETE}
    known = tuple(suspicion for suspicion in suspicions if suspicion.channel_id in deleted)
    warnings = [
        (Warn.LOSES_LAST_EMAIL, diff.loses_last_email),
        (Warn.CHANGES_DEFAULT, diff.changes_default),
        (Warn.UNUSABLE_REPLACEMENT, bool(diff.stranded)),
        (Warn.UNUSABLE_ADDRESS, bool(diff.unusable)),
        (Warn.MESSAGES, any(c.kind is Kind.CREATE and not c.skip_confirmation for c in diff.changes)),
        *((suspicion.warn, True) for suspicion in known),
    ]
    said = dict.fromkeys(warn for warn, holds in warnings if holds)
    return PlannedUser(diff=diff, read_at=read_at, warnings=tuple(said), suspicions=known)


def fingerprint(plan: Plan) -> str:
    """sha256 (hex) over what is to be done, to whom, where, the live state that it assumes, and what that means.

    What it means is what a person says yes to: other warnings, or another default address, make another plan.
    """
    content = {
        "instance": plan.instance,
        "origin": plan.origin,
        "document": plan.source.digest,
        "users": [_assumed(user) for user in plan.users],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _assumed(user: PlannedUser) -> dict[str, object]:
    region = user.diff.desired.phone_region
    return {
        **({} if region is None else {"phone_region": region}),
        "user": user.diff.desired.user_id,
        "ref": str(user.diff.desired.ref),
        "live": [[c.id, c.type, c.address, c.workflow_state] for c in user.diff.live],
        "changes": [[c.kind, c.type, c.address, c.channel_id, c.skip_confirmation] for c in user.diff.changes],
        "warnings": [warn.name for warn in user.warnings],
        "default": [user.diff.default_before, user.diff.default_after],
    }

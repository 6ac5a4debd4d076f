"""The actions of the journal as values, and what can be asked about them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sync_worker.channels import Channel
from sync_worker.mirror.database import Database, Record
from sync_worker.mirror.unknown import LATE_EFFECT, LONGEST_CALL, Unknown

UNATTENDED_WINDOW: Final = timedelta(hours=24)
"""Deletes that nobody was asked about count against the guards for so long."""

NOBODY: Final = 0
"""The user of actions on somebody who was forgotten; Canvas counts from 1."""


class Status(StrEnum):
    """What became of an action."""

    PLANNED = "planned"
    STARTED = "started"  # the call may have been sent
    DONE = "done"
    EXISTED = "existed"  # somebody else's create; never undone
    REFUSED = "refused"  # Canvas says no; not tried again
    FAILED = "failed"  # may be tried again
    WITHHELD = "withheld"  # by a guard
    SKIPPED = "skipped"  # stale: not what was approved any more
    UNCERTAIN = "uncertain"  # sent and not clearly rejected: unknown until two complete reads agree
    UNRESOLVED = "unresolved"  # still unknown after `LATE_EFFECT`


SETTLED: Final = frozenset({Status.DONE, Status.EXISTED, Status.REFUSED, Status.SKIPPED, Status.UNRESOLVED})
"""What is never sent again."""

IN_DOUBT: Final = frozenset({Status.STARTED, Status.UNCERTAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAction:
    """A change of a plan on its way into the journal."""

    user_id: int
    kind: str  # create, delete
    type: str
    address: str
    channel_id: int | None
    skip_confirmation: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A row of the journal."""

    id: int
    ordinal: int  # place within the plan, from 1
    run_id: int | None
    user_id: int
    kind: str  # create, delete, delete_push
    type: str
    address: str
    channel_id: int | None
    skip_confirmation: bool
    status: Status
    note: str | None
    messaged: bool  # a message went, or may have gone, to a person
    attempts: int  # how often the call may have been sent
    started_at: datetime | None
    sent_at: datetime | None = None  # until when a call that was not clearly rejected may have been sent
    observed_at: datetime | None = None  # begin of the first of the two reads that settle an unknown outcome
    observed_effect: bool | None = None  # whether that read showed the effect

    def unknown(self, now: datetime) -> Unknown:
        """What is known of its outcome; nobody saw how the call of an action that is `started` ended."""
        ended = self.sent_at or self.started_at or now
        if self.status is Status.STARTED:
            ended = min(now, ended + LONGEST_CALL)
        return Unknown(sent_at=ended, observed_at=self.observed_at, effect=self.observed_effect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who acts, and why; the database role is the session's."""

    canvas_user_id: int | None  # whose token it is
    reason: str | None = None
    unattended: bool = False  # nobody was asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What became of a call."""

    status: Status
    note: str | None = None
    channel_id: int | None = None  # of a create
    messaged: bool = False
    sent_at: datetime | None = None  # until when it may have been sent; None: as it is known
    rejected: bool = False  # the call was clearly rejected: only an earlier one may still take effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """An action that is not called, and why."""

    action: Action
    status: Status
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneBefore:
    """What counts against the guards."""

    creates: int = 0
    deletes: int = 0
    messages: int = 0
    deletes_unattended: int = 0  # of other plans, in the last 24 hours


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What a run did, for undoing it."""

    action: Action
    before: tuple[Channel, ...]  # the user's channels right before


# --- looking --------------------------------------------------------------------------------------------


async def actions_of_plan(database: Database, plan_id: int) -> tuple[Action, ...]:
    """The journal of a plan; empty before its first apply."""
    async with database.session() as session:
        return tuple(_action(row) for row in await session.fetch("actions_of_plan", plan_id))


async def unsettled(database: Database, instance: str) -> tuple[Action, ...]:
    """Actions whose outcome is unknown, in order of user."""
    async with database.session() as session:
        return tuple(_action(row) for row in await session.fetch("unsettled_actions", instance))


async def sent(database: Database, instance: str, now: datetime) -> tuple[Action, ...]:
    """Actions that are settled as not done and may still take effect late, in order of user."""
    async with database.session() as session:
        return tuple(_action(row) for row in await session.fetch("sent_actions", instance, now - LATE_EFFECT))


async def done_since(
    database: Database, instance: str, since: datetime, user_ids: Sequence[int] | None = None
) -> tuple[Action, ...]:
    """Creates and deletes that were done after a time, in order of user; `user_ids`: only theirs."""
    ids = None if user_ids is None else list(user_ids)
    async with database.session() as session:
        return tuple(_action(row) for row in await session.fetch("done_actions", instance, ids, since))


async def settled_plans(database: Database, instance: str) -> tuple[int, ...]:
    """Plans of which nothing is left to do, and nobody has said so: their apply died, and others settled the rest."""
    async with database.session() as session:
        return tuple(row["id"] for row in await session.fetch("settled_plans", instance))


async def deeds(database: Database, instance: str, run_id: int) -> tuple[Deed, ...]:
    """What a run did or tried, the last first."""
    async with database.session() as session:
        rows = await session.fetch("actions_of_run", instance, run_id)
    return tuple(Deed(action=_action(row), before=_channels(row["image_before"])) for row in rows)


async def went_on(database: Database, instance: str, run_id: int) -> tuple[int, ...]:
    """Later runs that went on with a plan of this one, and whose deeds are not all taken back; the last first."""
    async with database.session() as session:
        return tuple(row["run_id"] for row in await session.fetch("runs_that_went_on", instance, run_id))


async def done_before(database: Database, instance: str, plan_id: int, now: datetime) -> DoneBefore:
    """What was done under a plan, and without asking anybody in the last 24 hours."""
    async with database.session() as session:
        row = await session.fetch_row("done_under_plan", plan_id)
        unattended = await session.fetch_value("done_unattended", instance, plan_id, now - UNATTENDED_WINDOW)
    return DoneBefore(**dict(row or {}), deletes_unattended=unattended)


async def betrayed_at(database: Database, instance: str, canvas_user_id: int | None) -> datetime | None:
    """When this token's user was last seen to be unable to skip confirmations; None where it can, or never tried."""
    async with database.session() as session:
        seen: datetime | None = await session.fetch_value("last_trial", instance, canvas_user_id)
    return seen


async def suspicious(database: Database, instance: str, channel_ids: Sequence[int]) -> dict[int, bool]:
    """Channels that Canvas refused to delete (True), or that came back after a delete of ours (False)."""
    async with database.session() as session:
        rows = await session.fetch("suspicious_channels", instance, list(channel_ids))
    return {row["channel_id"]: row["refused"] for row in rows}


def _channels(text: str | None) -> tuple[Channel, ...]:
    return tuple(Channel.model_validate(each) for each in json.loads(text or "[]"))


def _action(row: Record) -> Action:
    values = {name: row[name] for name in Action.__slots__}
    return Action(**{**values, "status": Status(row["status"])})

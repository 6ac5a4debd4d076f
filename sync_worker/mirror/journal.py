"""The journal of actions: written before each call to Canvas, closed after the call was verified by a read.

The mirror moves in the transaction that closes an action, so that whoever reads both never sees one without the other.
A process that dies in between leaves the action `started`; whoever writes next looks at Canvas first.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sync_worker.channels import Channel, Gone, Snapshot
from sync_worker.clock import Clock
from sync_worker.mirror.database import Database, Record, Session
from sync_worker.mirror.lock import Writer
from sync_worker.mirror.merge import Mirror
from sync_worker.mirror.runs import Run
from sync_worker.mirror.text import NulReplacer

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
    UNCERTAIN = "uncertain"  # the answer was lost, and a look did not show it


SETTLED: Final = frozenset({Status.DONE, Status.EXISTED, Status.REFUSED, Status.SKIPPED})
"""What is never touched again."""

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


class Journal:
    """Writes the actions of one run, for the writer of the instance."""

    def __init__(self, writer: Writer, run: Run, author: Author, clock: Clock) -> None:
        self._writer = writer
        self._run = run
        self._author = author
        self._clock = clock
        self._mirror = Mirror(writer, clock)

    async def begin(self, plan_id: int, actions: Sequence[NewAction]) -> bool:
        """Take a plan in hand, for the first time or again; False where it may not be carried out (any more)."""
        clean = NulReplacer()
        async with self._writer.transaction() as session:
            if await session.fetch_value("begin_plan", plan_id, self._clock.now()) is None:
                return False
            await session.execute(
                "add_actions",
                self._writer.instance,
                plan_id,
                list(range(1, len(actions) + 1)),
                [action.user_id for action in actions],
                [action.kind for action in actions],
                [clean(action.type) for action in actions],
                [clean(action.address) for action in actions],
                [action.channel_id for action in actions],
                [action.skip_confirmation for action in actions],
            )
            return True

    async def start(self, action: Action, before: Snapshot) -> bool:
        """Write down that the call is about to be sent; False where the action is settled already."""
        async with self._writer.transaction() as session:
            started = await session.fetch_value(
                "start_action",
                action.id,
                self._run.id,
                self._clock.now(),
                image(before),
                self._writer.process.user,
                self._author.canvas_user_id,
                self._author.reason,
                self._author.unattended,
            )
        return started is not None

    async def start_push_removal(self, before: Snapshot) -> int:
        """Write down that a push device of the token's own user is about to be removed; the number of the action."""
        async with self._writer.transaction() as session:
            number: int = await session.fetch_value(
                "begin_push_removal",
                self._writer.instance,
                self._run.id,
                self._clock.now(),
                image(before),
                self._writer.process.user,
                self._author.canvas_user_id,
                self._author.reason,
            )
        return number

    async def reopen(self, action: Action) -> None:
        """The call was surely not carried out: as if it had never been started."""
        async with self._writer.transaction() as session:
            await session.execute("reopen_action", action.id)

    async def close(self, action: Action, closing: Closing, after: Snapshot | Gone | None) -> None:
        """Write down what became of an action; the mirror moves in the same transaction."""
        async with self._writer.transaction() as session:
            await self._close(session, action.id, closing, after)
            if after is None:
                return
            done = closing.status is Status.DONE
            acted = [number for number in (closing.channel_id or action.channel_id,) if done and number is not None]
            created = acted if action.kind == "create" else []
            retired = acted if action.kind == "delete" else []
            await self._mirror.record(session, self._run, after, created=created, retired=retired)

    async def close_push_removal(self, number: int, closing: Closing, after: Snapshot | None) -> None:
        """The same for a push device."""
        async with self._writer.transaction() as session:
            await self._close(session, number, closing, after)
            if after is not None:
                await self._mirror.record(session, self._run, after)

    async def _close(self, session: Session, number: int, closing: Closing, after: Snapshot | Gone | None) -> None:
        clean = NulReplacer()
        await session.execute(
            "close_action",
            number,
            closing.status.value,
            clean(closing.note) if closing.note else None,
            self._clock.now(),
            image(after) if isinstance(after, Snapshot) else None,
            closing.channel_id,
            closing.messaged,
        )

    async def set_aside(self, asides: Sequence[Aside], read: Snapshot | Gone | None = None) -> None:
        """Write down what is not called, and why; what was read on the way goes into the mirror."""
        if not asides and read is None:
            return
        clean = NulReplacer()
        async with self._writer.transaction() as session:
            await session.execute(
                "set_actions_aside",
                [aside.action.id for aside in asides],
                [aside.status.value for aside in asides],
                [clean(aside.note) if aside.note else None for aside in asides],
                self._run.id,
                self._clock.now(),
            )
            if read is not None:
                await self._mirror.record(session, self._run, read)

    async def finish(self, plan_id: int) -> bool:
        """Whether nothing of the plan is left: then it is applied."""
        async with self._writer.transaction() as session:
            user = self._writer.process.user
            return await session.fetch_value("finish_plan", plan_id, self._clock.now(), user) is not None


# --- looking --------------------------------------------------------------------------------------------


async def actions_of_plan(database: Database, plan_id: int) -> tuple[Action, ...]:
    """The journal of a plan; empty before its first apply."""
    async with database.session() as session:
        return tuple(_action(row) for row in await session.fetch("actions_of_plan", plan_id))


async def unsettled(database: Database, instance: str) -> tuple[Action, ...]:
    """Actions whose outcome nobody knows, in order of user."""
    async with database.session() as session:
        return tuple(_action(row) for row in await session.fetch("unsettled_actions", instance))


async def deeds(database: Database, instance: str, run_id: int) -> tuple[Deed, ...]:
    """What a run did or tried, the last first."""
    async with database.session() as session:
        rows = await session.fetch("actions_of_run", instance, run_id)
    return tuple(Deed(action=_action(row), before=_channels(row["image_before"])) for row in rows)


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


def image(read: Snapshot) -> str:
    """A user's channels as JSON that PostgreSQL can hold."""
    clean = NulReplacer()
    channels = [channel.model_dump(mode="json", exclude_unset=True) for channel in read.channels]
    return json.dumps([{name: _storable(value, clean) for name, value in each.items()} for each in channels])


def _storable(value: Any, clean: NulReplacer) -> Any:
    return clean(value) if isinstance(value, str) else value


def _channels(text: str | None) -> tuple[Channel, ...]:
    return tuple(Channel.model_validate(each) for each in json.loads(text or "[]"))


def _action(row: Record) -> Action:
    values = {name: row[name] for name in Action.__slots__}
    return Action(**{**values, "status": Status(row["status"])})

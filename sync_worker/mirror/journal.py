"""The journal of actions: written before each call to Canvas, closed after the call was verified by a read.

The mirror moves in the transaction that closes an action, so that whoever reads both never sees one without the other.
A process that dies in between leaves the action `started`; whoever writes next looks at Canvas first.
"""

import json
from collections.abc import Sequence
from typing import Any

from sync_worker.channels import Gone, ReadOrder, Snapshot
from sync_worker.clock import Clock
from sync_worker.folding import fold
from sync_worker.mirror.actions import Action, Aside, Author, Closing, NewAction, Status
from sync_worker.mirror.database import Session
from sync_worker.mirror.lock import Writer
from sync_worker.mirror.merge import Mirror
from sync_worker.mirror.runs import Run
from sync_worker.mirror.text import NulReplacer
from sync_worker.mirror.unknown import Unknown


class Journal:
    """Writes the actions of one run, for the writer of the instance."""

    def __init__(self, writer: Writer, run: Run, author: Author, clock: Clock) -> None:
        self._writer = writer
        self._run = run
        self._author = author
        self._clock = clock
        self._mirror = Mirror(writer, clock)

    async def begin(self, plan_id: int, actions: Sequence[NewAction]) -> tuple[int, ...] | None:
        """Take a plan in hand, for the first time or again; None where it may not be carried out (any more).

        Returns:
            the plans that are over with it, if it is an undo: they were not finished, and it takes back what they did.
        """
        clean = NulReplacer()
        async with self._writer.transaction() as session:
            if await session.fetch_value("begin_plan", plan_id, self._clock.now()) is None:
                return None
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
                [fold(clean(action.address)) for action in actions],
            )
            user = self._writer.process.user
            closed = await session.fetch("close_undone_plans", plan_id, self._clock.now(), user, self._run.id)
            return tuple(sorted(row["id"] for row in closed))

    async def make_sure(self) -> None:
        """Return when a call to Canvas may be sent: the lock is ours; see `Writer.make_sure`."""
        await self._writer.make_sure()

    async def read_order(self) -> ReadOrder:
        """Draw the order of a read that is about to begin; see `Writer.read_order`."""
        return await self._writer.read_order()

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
            if action.sent_at is not None:  # a run may have read it before us
                await self._claim(session, action, acted)

    async def observe(self, action: Action, unknown: Unknown, read: Snapshot | Gone) -> None:
        """Write down what a read showed of an action whose outcome stays unknown."""
        async with self._writer.transaction() as session:
            await session.execute("observe_action", action.id, unknown.sent_at, unknown.observed_at, unknown.effect)
            await self._mirror.record(session, self._run, read)

    async def _claim(self, session: Session, action: Action, channel_ids: Sequence[int]) -> None:
        """The history says that we did it, also where a run has seen the change first."""
        for channel_id in channel_ids:
            is_delete = action.kind == "delete"
            await session.execute("claim_change", self._writer.instance, channel_id, action.started_at, is_delete)

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
            closing.sent_at,
            closing.rejected,
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


def image(read: Snapshot) -> str:
    """A user's channels as JSON that PostgreSQL can hold."""
    clean = NulReplacer()
    channels = [channel.model_dump(mode="json", exclude_unset=True) for channel in read.channels]
    return json.dumps([{name: _storable(value, clean) for name, value in each.items()} for each in channels])


def _storable(value: Any, clean: NulReplacer) -> Any:
    return clean(value) if isinstance(value, str) else value

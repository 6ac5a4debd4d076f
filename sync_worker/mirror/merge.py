"""Writing what was read: one transaction for a batch, with its marks in the ledger.

The comparison itself is set-based SQL (`sql/queries/merge.sql`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sync_worker.channels import Gone, ReadOrder, ReadOutcome, Snapshot, Unreadable
from sync_worker.clock import Clock
from sync_worker.errors import ClaimLost
from sync_worker.mirror.columns import columns
from sync_worker.mirror.database import Session
from sync_worker.mirror.ledger import record_failures
from sync_worker.mirror.lock import Writer
from sync_worker.mirror.outcomes import complete, failure_of, state_after
from sync_worker.mirror.runs import Batch, FailedUser, Run

BY_CANVAS: Final = "canvas"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What writing some reads came to; numbers of channels."""

    seen: int = 0
    created: int = 0
    changed: int = 0  # revived and moved ones included
    revived: int = 0
    moved: int = 0
    deleted: int = 0  # tombstones
    nul_replaced: int = 0  # texts
    older: int = 0  # rows that differ and were left alone: a later read had written them

    def __add__(self, other: "Merged") -> "Merged":
        return Merged(
            seen=self.seen + other.seen,
            created=self.created + other.created,
            changed=self.changed + other.changed,
            revived=self.revived + other.revived,
            moved=self.moved + other.moved,
            deleted=self.deleted + other.deleted,
            nul_replaced=self.nul_replaced + other.nul_replaced,
            older=self.older + other.older,
        )


class Mirror:
    """Writes reads into the mirror of one instance, for its writer."""

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock

    async def read_order(self) -> ReadOrder:
        """Draw the order of second reads that are about to begin; see `Writer.read_order`."""
        return await self._writer.read_order()

    async def commit(self, run: Run, batch: Batch, outcomes: Sequence[ReadOutcome]) -> Merged:
        """Write a batch and close it; users without an outcome stay behind as a batch of their own.

        Raises:
            ClaimLost: somebody else has taken the batch over; nothing was written.
            LockLost: this writer may not write any more; nothing was written.
        """
        async with self._writer.transaction() as session:
            merged = await self._merge(session, run, complete(outcomes))
            states, older = await self._note_states(session, run, batch, outcomes)
            merged += Merged(older=older)
            await session.execute("count_older", run.id, merged.older)
            await self._finish(session, run, batch, outcomes, merged, states)
            return merged

    async def settle(
        self, run: Run, outcomes: Sequence[ReadOutcome], *, held: bool = False, held_by: int | None = None
    ) -> Merged:
        """Write second reads: candidates that are absent again become tombstones. May run twice.

        Args:
            run: the run at work.
            outcomes: the second reads.
            held: also what the brake holds back: a person has raised it.
            held_by: also what the brake holds back for this run: a person has accepted that.
        """
        async with self._writer.transaction() as session:
            read = complete(outcomes)
            merged = await self._merge(session, run, read)
            deleted = await session.fetch_value(
                "bury_channels",
                self._writer.instance,
                run.id,
                BY_CANVAS,
                [outcome.user_id for outcome in read],
                [outcome.read_at for outcome in read],
                held,
                held_by,
                *_orders(read),
            )
            await session.execute("count_deleted", run.id, deleted)
            merged += Merged(deleted=deleted, older=await self._correct_states(session, run, read))
            await session.execute("count_older", run.id, merged.older)
            return merged

    async def record(
        self,
        session: Session,
        run: Run,
        outcome: Snapshot | Gone,
        *,
        created: Sequence[int] = (),
        retired: Sequence[int] = (),
    ) -> None:
        """Write a read that follows an action of ours, in the transaction that closes the action.

        Args:
            session: within the writer's transaction.
            run: the apply at work.
            outcome: a complete read.
            created: ids of channels that we created or brought back.
            retired: ids of channels that we deleted; absent from the read, they become tombstones at once: what a run
                needs two reads for has been said by Canvas's answer to the delete.
        """
        merged = await self._merge(session, run, [outcome], ours=(*created, *retired))
        older = await self._write_states(session, run, [(outcome, "gone" if isinstance(outcome, Gone) else "present")])
        await session.execute("count_older", run.id, merged.older + older)
        here = {channel.id for channel in outcome.channels} if isinstance(outcome, Snapshot) else set()
        absent = [channel_id for channel_id in retired if channel_id not in here]
        if absent:
            who = (self._writer.instance, run.id, outcome.user_id)
            order = _order(outcome)
            await session.fetch_value("bury_retired", *who, absent, outcome.read_at, order.epoch, order.number)

    async def _merge(
        self, session: Session, run: Run, read: Sequence[Snapshot | Gone], *, ours: Sequence[int] = ()
    ) -> Merged:
        if not read:
            return Merged()
        arrays, replaced = columns(read)
        row = await session.fetch_row(
            "merge_channels",
            self._writer.instance,
            run.id,
            list(ours),
            [outcome.user_id for outcome in read],
            [outcome.read_at for outcome in read],
            *arrays,
            [outcome.user_id for outcome in read if isinstance(outcome, Gone)],
            *_orders(read),
        )
        return Merged(**dict(row or {}), nul_replaced=replaced)

    async def _note_states(
        self, session: Session, run: Run, batch: Batch, outcomes: Sequence[ReadOutcome]
    ) -> tuple[Counter[str], int]:
        before = await self._known_states(session, outcomes)
        known = [(outcome, state_after(outcome, batch.reason)) for outcome in outcomes]
        written = [(outcome, state) for outcome, state in known if state is not None]
        older = await self._write_states(session, run, written)
        failed = [failure for outcome, state in known if (failure := failure_of(outcome, batch.reason, state, before))]
        await self._note_failures(session, run, outcomes, failed)
        return Counter(state or "failed" for _, state in known), older

    async def _correct_states(self, session: Session, run: Run, read: Sequence[Snapshot | Gone]) -> int:
        """Who was gone at the first read and answers at the second one lives, and the other way round."""
        before = await self._known_states(session, read)
        lives = [(outcome, "present") for outcome in read if isinstance(outcome, Snapshot)]
        returned = [(outcome, state) for outcome, state in lives if before.get(outcome.user_id) == "gone"]
        left = [(outcome, "gone") for outcome in read if isinstance(outcome, Gone)]
        return await self._write_states(session, run, [*returned, *left])

    async def _write_states(self, session: Session, run: Run, states: Sequence[tuple[ReadOutcome, str]]) -> int:
        """How many users were left alone because a later read had written their state."""
        older: int = await session.fetch_value(
            "note_states",
            self._writer.instance,
            run.id,
            [outcome.user_id for outcome, _ in states],
            [state for _, state in states],
            [outcome.read_at for outcome, _ in states],
            *_orders([outcome for outcome, _ in states]),
        )
        return older

    async def _known_states(self, session: Session, outcomes: Sequence[ReadOutcome]) -> dict[int, str]:
        ids = [outcome.user_id for outcome in outcomes]
        return {row["id"]: row["state"] for row in await session.fetch("known_states", self._writer.instance, ids)}

    async def _note_failures(
        self, session: Session, run: Run, outcomes: Sequence[ReadOutcome], failed: list[FailedUser]
    ) -> None:
        failed_ids = {failure.user_id for failure in failed}
        fine = [outcome.user_id for outcome in outcomes if outcome.user_id not in failed_ids]
        await session.execute("resolve_failures", self._writer.instance, fine, self._clock.now())
        await record_failures(session, self._writer, run, failed)

    async def _finish(
        self,
        session: Session,
        run: Run,
        batch: Batch,
        outcomes: Sequence[ReadOutcome],
        merged: Merged,
        states: Counter[str],
    ) -> None:
        read = {outcome.user_id for outcome in outcomes}
        closed = await session.fetch_value(
            "finish_batch",
            run.id,
            batch.number,
            batch.claim,
            self._clock.now(),
            [user_id for user_id in batch.user_ids if user_id in read],
            [user_id for user_id in batch.user_ids if user_id not in read],
            sum(isinstance(outcome, Snapshot) for outcome in outcomes),
            states["gone"],
            states["unreadable"],
            sum(isinstance(outcome, Unreadable) for outcome in outcomes) - states["unreadable"],
            states["failed"],
            merged.seen,
            merged.created,
            merged.changed,
            merged.revived,
            merged.moved,
            merged.nul_replaced,
        )
        if not closed:
            raise ClaimLost(f"batch {batch.number} of run {run.id} was taken over by another worker")


def _order(outcome: ReadOutcome) -> ReadOrder:
    """Raises ValueError for a read whose order was not drawn before it began: nobody can say what it is newer than."""
    if outcome.order is None:
        raise ValueError(f"the read of user {outcome.user_id} has no order")
    return outcome.order


def _orders(outcomes: Sequence[ReadOutcome]) -> tuple[list[int], list[int]]:
    """Epochs and numbers, as the statements take them."""
    orders = [_order(outcome) for outcome in outcomes]
    return [order.epoch for order in orders], [order.number for order in orders]

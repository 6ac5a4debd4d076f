"""The ledger of runs: who was to be read, what became of it, where to go on after a kill.

Batches are claimed with a number and committed only by their latest claim.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any, Final

from sync_worker import __version__
from sync_worker.channels import ReadOrder
from sync_worker.clock import Clock
from sync_worker.mirror.clocks import TOLERANCE
from sync_worker.mirror.database import Database, Record, Session
from sync_worker.mirror.enrolment import Enrolment
from sync_worker.mirror.forgotten import load
from sync_worker.mirror.lock import Process, Writer
from sync_worker.mirror.runs import (
    Batch,
    FailedStart,
    FailedUser,
    ListingCount,
    Reason,
    Run,
    RunEnd,
    RunFigures,
    RunRequest,
)
from sync_worker.mirror.text import NulReplacer

LONGEST_REFERENCE: Final = 300  # characters
ENDED_WELL: Final = frozenset({"done", "partial", "withheld"})
REMEMBERED: Final = timedelta(days=7)
"""Batches of runs this old are not looked through any more for when a user was read last: that is noted by then."""


async def note_failed_start(database: Database, clock: Clock, start: FailedStart) -> int:
    """Write it down as a failed run; its number. The lock is not needed: nothing was read, nothing follows."""
    process = Process.current(start.kind)
    async with database.transaction() as session:
        number: int = await session.fetch_value(
            "note_failed_start",
            start.instance,
            start.kind,
            list(start.specs),
            start.started_at,
            clock.now(),
            start.exit_code,
            start.message,
            __version__,
            process.host,
            process.pid,
            process.user,
        )
    return number


class Ledger:
    """Runs and batches of one instance, for its writer."""

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock

    async def open_run(self, request: RunRequest) -> Run:
        """Go on with the unfinished run that walks the same, or abandon it and start anew."""
        async with self._writer.transaction() as session:
            specs, now = list(request.specs), self._clock.now()
            await self._interrupt_others(session)
            unfinished = await session.fetch_row("find_unfinished_run", self._writer.instance, specs)
            keep = unfinished if unfinished and self._resumable(unfinished, request) else None
            too_old = now - request.resume_max_age
            kept = keep["id"] if keep else None
            await session.execute("abandon_runs", self._writer.instance, kept, now, specs, too_old)
            if keep is None:
                return Run(id=await self._start(session, request), resumed=False, listed=False)
            await self._resume(session, keep["id"], request.kind)
            return Run(id=keep["id"], resumed=True, listed=keep["listed"])

    async def begin(self, request: RunRequest) -> Run:
        """Start a run of its own, which leaves an unfinished one as it is."""
        async with self._writer.transaction() as session:
            await self._interrupt_others(session)
            return Run(id=await self._start(session, request), resumed=False, listed=True)

    async def go_on(self, run: Run, request: RunRequest) -> Run:
        """Go on with a run of its own that this very command has begun."""
        async with self._writer.transaction() as session:
            await self._interrupt_others(session)
            await self._resume(session, run.id, request.kind)
        return replace(run, resumed=True)

    async def is_finished(self, run_id: int) -> bool:
        """Whether the end of a run is written down."""
        async with self._database.session() as session:
            return bool(await session.fetch_value("run_is_finished", run_id))

    async def _interrupt_others(self, session: Session) -> None:
        """What is said to run does not: the lock is ours."""
        await session.execute("interrupt_runs", self._writer.instance, self._clock.now())

    def _resumable(self, run: Record, request: RunRequest) -> bool:
        age = self._clock.now() - run["last_start"]
        young = -TOLERANCE <= age <= request.resume_max_age  # begun in the future: nobody knows how old it is
        wanted = request.going_on or (young and not request.fresh)
        return wanted and bool(run["source_fingerprint"] == request.fingerprint)

    async def _resume(self, session: Session, number: int, kind: str) -> None:
        process = self._writer.process
        who = (__version__, process.host, process.pid, process.user)
        await session.execute("resume_run", number, self._clock.now(), *who, kind)

    async def _start(self, session: Session, request: RunRequest) -> int:
        process = self._writer.process
        number: int = await session.fetch_value(
            "start_run",
            self._writer.instance,
            request.kind,
            list(request.specs),
            request.fingerprint,
            self._clock.now(),
            __version__,
            process.host,
            process.pid,
            process.user,
        )
        return number

    @asynccontextmanager
    async def enrolment(self, run: Run, batch_size: int) -> AsyncIterator[Enrolment]:
        """Take in the users of a run, on a session of its own."""
        async with self._database.dedicated(f"sync-worker users {self._writer.instance}") as session:
            await session.execute("create_walked_users")
            enrolment = Enrolment(self._writer, self._clock, run, session, batch_size)
            enrolment.forgotten = await load(session, self._writer.instance)
            if run.resumed:
                enrolment.enrolled = await session.fetch_value("recall_walked_users", run.id)
            yield enrolment

    async def claim(self, run: Run) -> Batch | None:
        """The next batch to read, or None if there is none (yet)."""
        async with self._writer.transaction() as session:
            row = await session.fetch_row("claim_batch", run.id, self._writer.epoch, self._clock.now())
        if row is None:
            return None
        return Batch(
            number=row["number"],
            reason=Reason(row["reason"]),
            user_ids=tuple(row["user_ids"]),
            claim=row["claim"],
            order=ReadOrder(epoch=self._writer.epoch, number=row["claim"]),
        )

    async def note_failures(self, run: Run, failed: Sequence[FailedUser]) -> None:
        """Record references that could not be resolved."""
        async with self._writer.transaction() as session:
            await record_failures(session, self._writer, run, failed)

    async def figures(self, run: Run) -> RunFigures:
        """What the run has come to so far."""
        async with self._database.session() as session:
            return await figures_so_far(session, run.id)

    async def listings(self, run: Run) -> tuple[ListingCount, ...]:
        """How many users each account listed in this run, beside the latest good run before it."""
        async with self._database.session() as session:
            rows = await session.fetch("listings", self._writer.instance, run.id)
        return tuple(ListingCount(**row) for row in rows)

    async def failures(self, run: Run) -> list[dict[str, Any]]:
        """Failures of a run by kind: kind, status, users, example, message."""
        async with self._database.session() as session:
            return [dict(row) for row in await session.fetch("failures_of_run", run.id)]

    async def finish(self, run: Run, end: RunEnd) -> None:
        """Write down how this start of the run ended."""
        async with self._writer.transaction() as session:
            await session.execute(
                "finish_run",
                run.id,
                end.status,
                end.exit_code,
                end.message,
                self._clock.now(),
                end.requests,
                end.throttled,
                end.seconds,
                end.pending,
                end.possible,
            )
            if end.status in ENDED_WELL:
                since = self._clock.now() - REMEMBERED
                await session.execute("join_by_hash")
                await session.execute("note_reads", self._writer.instance, run.id, since)


async def figures_so_far(session: Session, run_id: int) -> RunFigures:
    """What the batches of a run have come to, also of one that is under way or was killed."""
    row = await session.fetch_row("run_progress", run_id)
    return RunFigures() if row is None else RunFigures(**{f.name: row[f.name] for f in fields(RunFigures)})


def _key(reference: str) -> str:
    """A reference that fits an index, however long a document made it."""
    if len(reference) <= LONGEST_REFERENCE:
        return reference
    return f"{reference[:LONGEST_REFERENCE]}… sha256 {hashlib.sha256(reference.encode()).hexdigest()[:16]}"


async def record_failures(session: Session, writer: Writer, run: Run, failed: Sequence[FailedUser]) -> None:
    """Write failures of a run; one row for each reference, the latest counts."""
    if not failed:
        return
    clean = NulReplacer()
    latest = {_key(clean(failure.reference)): failure for failure in failed}
    await session.execute(
        "note_failures",
        run.id,
        writer.instance,
        list(latest),
        [failure.user_id for failure in latest.values()],
        [failure.kind for failure in latest.values()],
        [failure.status for failure in latest.values()],
        [clean(failure.message) for failure in latest.values()],
        [failure.reason.value for failure in latest.values()],
        [failure.failed_at for failure in latest.values()],
        writer.epoch,
    )

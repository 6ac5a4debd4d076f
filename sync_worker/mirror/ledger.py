"""The ledger of runs: who was to be read, what became of it, where to go on after a kill.

Batches are claimed with a number and committed only by their latest claim. The list of users that a run has met is
a temporary table of its own session: no Python set that grows, no trace in the write-ahead log.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sync_worker import __version__
from sync_worker.channels import User
from sync_worker.clock import Clock
from sync_worker.mirror.database import Database, Record, Session
from sync_worker.mirror.lock import Writer
from sync_worker.mirror.text import NulReplacer


class Reason(StrEnum):
    """Why users are in a batch."""

    SOURCE = "source"
    FAILED_BEFORE = "failed_before"
    MISSING = "missing_from_listing"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What a run is to walk; a run with the same of these can be resumed."""

    kind: str  # run, backfill, accept
    specs: tuple[str, ...]
    fingerprint: str  # of specs and files
    resume_max_age: timedelta
    fresh: bool = False  # never resume


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A run that is under way."""

    id: int
    resumed: bool
    listed: bool  # whether all its users are in batches already


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some hundred users to read, claimed."""

    number: int
    reason: Reason
    user_ids: tuple[int, ...]
    claim: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedUser:
    """A user that could not be read, or a reference that could not be resolved (no id)."""

    reference: str
    user_id: int | None
    kind: str
    status: int | None
    message: str
    failed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """What the batches of a run have come to."""

    users_total: int = 0
    users_done: int = 0
    users_gone: int = 0
    users_unreadable: int = 0
    users_unlisted: int = 0
    users_failed: int = 0
    users_missing: int = 0  # asked for singly because a listing does not contain them any more
    unresolved: int = 0  # references that could not be resolved
    newly_unreadable: int = 0
    channels_seen: int = 0
    channels_created: int = 0
    channels_changed: int = 0
    channels_revived: int = 0
    channels_moved: int = 0
    nul_replaced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnd:
    """How a start of a run ended."""

    status: str
    exit_code: int
    message: str
    requests: int = 0
    throttled: int = 0
    seconds: float = 0.0
    pending: int = 0  # deletions held back
    nul_replaced: int = 0  # in what is written outside batches


class Enrolment:
    """Takes in the users of a run, each once, and forms batches of them."""

    def __init__(self, writer: Writer, clock: Clock, run: Run, session: Session, batch_size: int) -> None:
        self._writer = writer
        self._clock = clock
        self._run = run
        self._session = session
        self._size = batch_size
        self._waiting: list[User] = []
        self.enrolled = 0  # users in batches, those of earlier starts included

    async def offer(self, users: Iterable[User], *, account: str | None = None) -> int:
        """Take in users; returns the number of batches formed. `account`: whose listing named them."""
        formed = 0
        for user in users:
            self._waiting.append(user)
            if len(self._waiting) >= self._size:
                formed += await self.flush(account=account)
        return formed

    async def flush(self, *, account: str | None = None) -> int:
        """Form a batch of whoever waits; returns how many were formed (0 or 1)."""
        users, self._waiting = self._waiting, []
        if not users:
            return 0
        async with self._writer.transaction(self._session):
            await self._note_identifiers(users, account)
            return await self._add([user.id for user in users], Reason.SOURCE)

    async def add_failed_before(self, specs: Sequence[str]) -> int:
        """Put first whoever earlier runs of these specs could not read; returns the number of batches."""
        async with self._writer.transaction(self._session) as session:
            rows = await session.fetch("open_failures", self._writer.instance, list(specs))
            return await self._add_all([row["user_id"] for row in rows], Reason.FAILED_BEFORE)

    async def add_missing(self, accounts: Sequence[str]) -> int:
        """Add whoever complete listings of these accounts do not contain any more; returns the number of users."""
        async with self._writer.transaction(self._session) as session:
            rows = await session.fetch("missing_from_listing", self._writer.instance, list(accounts))
            await self._add_all([row["id"] for row in rows], Reason.MISSING)
            return len(rows)

    async def close(self, listed: int | None = None) -> None:
        """All users of the run are in batches; `listed` of them are out of account listings (None: it walked none)."""
        async with self._writer.transaction(self._session) as session:
            await session.execute("mark_listed", self._run.id, listed)

    async def _add_all(self, ids: list[int], reason: Reason) -> int:
        parts = [ids[at : at + self._size] for at in range(0, len(ids), self._size)]
        return sum([await self._add(part, reason) for part in parts])

    async def _add(self, ids: list[int], reason: Reason) -> int:
        new = [row["user_id"] for row in await self._session.fetch("add_walked_users", ids)]
        if new:
            await self._session.execute("add_batch", self._run.id, reason.value, new)
            self.enrolled += len(new)
        return bool(new)

    async def _note_identifiers(self, users: list[User], account: str | None) -> None:
        clean = NulReplacer()
        await self._session.execute(
            "note_identifiers",
            self._writer.instance,
            self._run.id,
            self._clock.now(),
            account,
            [user.id for user in users],
            [_given(user) for user in users],
            [clean(user.sis_user_id) for user in users],
            [clean(user.login_id) for user in users],
            [clean(user.integration_id) for user in users],
        )


def _given(user: User) -> int:
    """Bit i is set where the answer held identifier i; the order of `note_identifiers`."""
    names = ("sis_user_id", "login_id", "integration_id")
    return sum(1 << bit for bit, name in enumerate(names) if name in user.model_fields_set)


class Ledger:
    """Runs and batches of one instance, for its writer."""

    def __init__(self, database: Database, writer: Writer, clock: Clock) -> None:
        self._database = database
        self._writer = writer
        self._clock = clock

    async def open_run(self, request: RunRequest) -> Run:
        """Go on with the unfinished run that walks the same, or abandon it and start anew."""
        async with self._writer.transaction() as session:
            unfinished = await session.fetch_row("find_unfinished_run", self._writer.instance)
            keep = unfinished if unfinished and self._resumable(unfinished, request) else None
            now = self._clock.now()
            await session.execute("abandon_runs", self._writer.instance, keep["id"] if keep else None, now)
            if keep is None:
                return Run(id=await self._start(session, request), resumed=False, listed=False)
            process = self._writer.process
            who = (__version__, process.host, process.pid, process.user)
            await session.execute("resume_run", keep["id"], now, *who, request.kind)
            return Run(id=keep["id"], resumed=True, listed=keep["listed"])

    async def begin(self, request: RunRequest) -> Run:
        """Start a run of its own, which leaves an unfinished one as it is."""
        async with self._writer.transaction() as session:
            return Run(id=await self._start(session, request), resumed=False, listed=True)

    def _resumable(self, run: Record, request: RunRequest) -> bool:
        young = self._clock.now() - run["last_start"] <= request.resume_max_age
        same = tuple(run["users_spec"]) == request.specs and run["source_fingerprint"] == request.fingerprint
        return young and same and not request.fresh

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
            if run.resumed:
                enrolment.enrolled = await session.fetch_value("recall_walked_users", run.id)
            yield enrolment

    async def claim(self, run: Run) -> Batch | None:
        """The next batch to read, or None if there is none (yet)."""
        async with self._writer.transaction() as session:
            row = await session.fetch_row("claim_batch", run.id, self._writer.epoch, self._clock.now())
        if row is None:
            return None
        ids = tuple(row["user_ids"])
        return Batch(number=row["number"], reason=Reason(row["reason"]), user_ids=ids, claim=row["claim"])

    async def note_failures(self, run: Run, failed: Sequence[FailedUser]) -> None:
        """Record references that could not be resolved."""
        async with self._writer.transaction() as session:
            await record_failures(session, self._writer.instance, run, failed)

    async def figures(self, run: Run) -> RunFigures:
        """What the run has come to so far."""
        async with self._database.session() as session:
            row = await session.fetch_row("run_progress", run.id)
        return _figures(row)

    async def listings(self, run: Run) -> tuple[int, int] | None:
        """Users that the run's listings contained, and those of the latest good run before it that walked the same.

        None where there is nothing to compare.
        """
        async with self._database.session() as session:
            row = await session.fetch_row("listings", self._writer.instance, run.id)
        return None if row is None or None in (row["now"], row["before"]) else (row["now"], row["before"])

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
                end.nul_replaced,
            )


def _figures(row: Record | None) -> RunFigures:
    return RunFigures() if row is None else RunFigures(**{f.name: row[f.name] for f in fields(RunFigures)})


async def record_failures(session: Session, instance: str, run: Run, failed: Sequence[FailedUser]) -> None:
    """Write failures of a run; one row for each reference, the latest counts."""
    if not failed:
        return
    clean = NulReplacer()
    latest = {clean(failure.reference): failure for failure in failed}
    await session.execute(
        "note_failures",
        run.id,
        instance,
        list(latest),
        [failure.user_id for failure in latest.values()],
        [failure.kind for failure in latest.values()],
        [failure.status for failure in latest.values()],
        [clean(failure.message) for failure in latest.values()],
        [failure.failed_at for failure in latest.values()],
    )

"""A job in one instance: read, then plan, then apply, as far as it is asked to go; one value says what came of it.

The command line prints that value; the scheduler counts and tells it. An error is a part of it: that of one instance
does not stop the others.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from sync_worker.errors import SyncWorkerError
from sync_worker.exitcodes import UNEXPECTED, worst
from sync_worker.flows.privacy.prune import prune
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.failedstart import note_start
from sync_worker.flows.pull.overrides import Overrides, limits
from sync_worker.flows.pull.pull import PullRequest, pull
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.push.carryout import Showing
from sync_worker.flows.push.reconcile import Reconciled, Wishes, reconcile
from sync_worker.flows.rooms import Opened, Rooms, open_rooms
from sync_worker.flows.stop import Stop
from sync_worker.logs import bind
from sync_worker.mirror.retention import Pruned
from sync_worker.users.specs import configured

Flow: TypeAlias = Callable[[Rooms, Stop, Progress], Awaitable[RunReport]]


PULLS: Final = frozenset({"run", "backfill"})
"""Kinds of jobs that read everybody: one that could not even begin is noted in the ledger."""


def _nothing_shown(_progress: Progress, _rooms: Rooms) -> AbstractAsyncContextManager[None]:
    return nullcontext()


def _nobody_told(_report: RunReport) -> None:
    """Nobody wants to know before the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onlooker:
    """Who watches a job."""

    showing: Showing = _nothing_shown  # progress
    read: Callable[[RunReport], None] = _nobody_told  # the reading has come to its end; planning follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a job came to in one instance."""

    instance: str
    kind: str  # run, backfill, prune, …
    started_at: datetime
    took: timedelta
    exit_code: int
    progress: Progress  # of the reading
    report: RunReport | None = None  # None: it did not come to its end
    reconciled: Reconciled | None = None  # None: not asked for, or not reached
    pruned: tuple[Pruned, ...] = ()
    error: Exception | None = None


@dataclass(slots=True, kw_only=True)
class _Result:
    """What has come of it so far."""

    report: RunReport | None = None
    reconciled: Reconciled | None = None
    pruned: tuple[Pruned, ...] = ()
    error: Exception | None = None
    codes: list[int] = field(default_factory=list)


Body: TypeAlias = Callable[[Progress, _Result], Awaitable[None]]


def pulling(kind: str, users: tuple[str, ...] = (), *, fresh: bool = False, overrides: Overrides | None = None) -> Flow:
    """The flow of `run` and `backfill`.

    Args:
        kind: which of them.
        users: specs; none: the configured ones.
        fresh: never go on with an unfinished run.
        overrides: of the brake.
    """
    said = overrides or Overrides()

    async def flow(rooms: Rooms, stop: Stop, progress: Progress) -> RunReport:
        request = PullRequest(
            kind=kind,
            specs=configured(rooms.instance, users),
            limits=limits(rooms.instance.brake, said),
            fresh=fresh,
            settle_held=said.raise_the_brake(rooms.instance.brake),
        )
        return await pull(rooms, request, stop=stop, progress=progress)

    return flow


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A flow, and what follows it."""

    kind: str
    flow: Flow
    wishes: Wishes | None = None  # None: nothing follows
    users: tuple[str, ...] = ()  # specs of what the flow reads; none: the configured ones


async def run_job(opened: Opened, name: str, job: Job, *, stop: Stop, onlooker: Onlooker) -> Outcome:
    """Do a job in one instance; never raises but for a cancellation."""

    async def body(progress: Progress, result: _Result) -> None:
        async with open_rooms(opened.settings, opened.database, name, opened.clock) as rooms:
            async with onlooker.showing(progress, rooms):
                result.report = await job.flow(rooms, stop, progress)
            onlooker.read(result.report)
        result.codes.append(result.report.exit_code)
        if job.wishes is not None:
            result.reconciled = await reconcile(opened, result.report, job.wishes, stop, onlooker.showing)
            result.codes.append(result.reconciled.exit_code)

    outcome = await _measured(opened, name, job.kind, body)
    if outcome.error is not None and not outcome.progress.run_id and job.kind in PULLS:
        await note_start(opened, name, job.kind, job.users, outcome.started_at, outcome.error)
    return outcome


def unbegun(name: str, kind: str, started_at: datetime, took: timedelta, error: SyncWorkerError) -> Outcome:
    """What a job came to that could not begin, because the database could not be had."""
    return Outcome(
        instance=name,
        kind=kind,
        started_at=started_at,
        took=took,
        exit_code=error.exit_code,
        progress=Progress(instance=name),
        error=error,
    )


async def run_prune(opened: Opened, name: str) -> Outcome:
    """Prune one instance; never raises but for a cancellation."""

    async def body(_progress: Progress, result: _Result) -> None:
        result.pruned = await prune(opened.database, opened.clock, name, opened.settings.retention)

    return await _measured(opened, name, "prune", body)


async def _measured(opened: Opened, name: str, kind: str, body: Body) -> Outcome:
    clock, progress, result = opened.clock, Progress(instance=name), _Result()
    started_at, began = clock.now(), clock.monotonic()
    with bind(instance=name):
        try:
            await body(progress, result)
        except SyncWorkerError as error:
            result.error = error
            result.codes.append(error.exit_code)
        except Exception as error:  # noqa: BLE001  (told, with exit code 1; the other instances go on)
            result.error = error
            result.codes.append(UNEXPECTED)
    return Outcome(
        instance=name,
        kind=kind,
        started_at=started_at,
        took=timedelta(seconds=clock.monotonic() - began),
        exit_code=worst(result.codes),
        progress=progress,
        report=result.report,
        reconciled=result.reconciled,
        pruned=result.pruned,
        error=result.error,
    )

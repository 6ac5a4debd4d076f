"""The wiring of `run` and `backfill`: settings to rooms, rooms to job, what came of it to summary and exit code."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeAlias

from sync_worker.cli import exits
from sync_worker.cli.context import CliContext
from sync_worker.cli.display import shown
from sync_worker.cli.opening import chosen, opened_for
from sync_worker.cli.reconciling import print_reconciled
from sync_worker.cli.summary import print_report
from sync_worker.clock import Clock
from sync_worker.desired.render.words import counted
from sync_worker.errors import Stopped, SyncWorkerError
from sync_worker.flows.job import Job, Onlooker, Outcome, run_job, unbegun
from sync_worker.flows.progress import Progress
from sync_worker.flows.rooms import Opened
from sync_worker.flows.stop import stopping_on_signals
from sync_worker.mirror.database import AwayDatabase

Aftermath: TypeAlias = Callable[[Opened, tuple[Outcome, ...]], Awaitable[None]]
"""Who is to know what a job came to in all its instances."""


async def on_instances(
    context: CliContext, job: Job, *, single: bool = False, aftermath: Aftermath | None = None
) -> int:
    """Do a job in every selected instance in turn, print what it came to; the exit code.

    Args:
        context: which instances.
        job: what to do in each.
        single: it makes sense in one instance only.
        aftermath: is told at the end; also where the database cannot be had.
    """
    onlooker = Onlooker(showing=shown(context), read=print_report)
    async with stopping_on_signals() as stop, _opening(context, job, single=single, aftermath=aftermath) as opened:
        outcomes: list[Outcome] = []
        for name in opened.names:
            if not stop.requested.is_set():
                outcomes.append(await run_job(opened, name, job, stop=stop, onlooker=onlooker))
                _tell(outcomes[-1])
        codes = [outcome.exit_code for outcome in outcomes]
        if stop.signum is not None and len(codes) < len(opened.names):
            codes.append(exits.exit_code(Stopped(stop.signum)))  # the others were not begun
        if aftermath is not None:
            await aftermath(opened, tuple(outcomes))
    return exits.worst(codes)


@asynccontextmanager
async def _opening(
    context: CliContext, job: Job, *, single: bool, aftermath: Aftermath | None
) -> AsyncIterator[Opened]:
    """As `opening`, but whoever is to know what a job came to hears that it could not begin."""
    settings, clock = context.load_settings(), Clock()
    names = chosen(context, settings, single=single)
    started_at, began, begun = clock.now(), clock.monotonic(), False
    try:
        async with opened_for(settings, names, clock, migrate=True) as opened:
            begun = True
            yield opened
    except SyncWorkerError as error:
        if aftermath is not None and not begun:
            took = timedelta(seconds=clock.monotonic() - began)
            outcomes = tuple(unbegun(name, job.kind, started_at, took, error) for name in names)
            away = Opened(settings=settings, database=AwayDatabase(error), names=names, clock=clock)
            await aftermath(away, outcomes)
        raise


def _tell(outcome: Outcome) -> None:
    """What follows the reading, and what went wrong; the reading itself is told as soon as it has ended."""
    if outcome.reconciled is not None:
        print_reconciled(outcome.instance, outcome.reconciled)
    error = outcome.error
    carried = outcome.reconciled.carried if outcome.reconciled is not None else None
    if carried is not None and not isinstance(carried.error, Stopped):  # how far an apply came was told
        error = carried.error
    if error is None:
        return
    for line in exits.messages(error):
        exits.say(f"{outcome.instance}: {line}" if not isinstance(error, Stopped) else _stopped(outcome.progress))


def _stopped(progress: Progress) -> str:
    if not progress.run_id:
        return f"{progress.instance}: stopped by a signal before anything was read"
    users = counted(progress.users, "user", "users")
    total = users if progress.listed else f"{users} listed so far"
    return (
        f"{progress.instance}: run {progress.run_id} stopped by a signal after {progress.done:,} of {total}; "
        "what was read is kept, and the same command goes on from there"
    )

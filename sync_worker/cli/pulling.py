"""The wiring of `run` and `backfill`: settings to rooms, rooms to job, what came of it to summary and exit code."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from sync_worker.cli import exits
from sync_worker.cli.context import CliContext
from sync_worker.cli.display import shown
from sync_worker.cli.opening import opening
from sync_worker.cli.reconciling import print_reconciled
from sync_worker.cli.summary import print_report
from sync_worker.desired.render.words import counted
from sync_worker.errors import Stopped
from sync_worker.flows.job import Job, Onlooker, Outcome, run_job
from sync_worker.flows.progress import Progress
from sync_worker.flows.rooms import Opened
from sync_worker.flows.stop import stopping_on_signals

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
        aftermath: is told at the end.
    """
    onlooker = Onlooker(showing=shown(context), read=print_report)
    async with stopping_on_signals() as stop, opening(context, single=single, migrate=True) as opened:
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

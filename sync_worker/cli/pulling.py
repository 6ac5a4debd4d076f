"""The wiring of `run` and `backfill`: settings to rooms, rooms to flow, report to summary and exit code."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace

from sync_worker.cli import exits
from sync_worker.cli.context import CliContext
from sync_worker.cli.display import showing
from sync_worker.cli.opening import Opened, opening
from sync_worker.cli.summary import print_report
from sync_worker.errors import Stopped, SyncWorkerError
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull import PullRequest, pull
from sync_worker.flows.report import RunReport
from sync_worker.flows.rooms import Rooms, open_rooms
from sync_worker.flows.stop import Stop, stopping_on_signals
from sync_worker.flows.verdict import Limits
from sync_worker.logs import bind, get_logger
from sync_worker.settings import BrakeTable
from sync_worker.users.specs import configured

log = get_logger(__name__)

Flow = Callable[[Rooms, Stop, Progress], Awaitable[RunReport]]
Sequel = Callable[[Opened, RunReport, Stop], Awaitable[int]]
"""What follows a flow that came to its end; its exit code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """Limits of the brake that the command line sets for this run; None: as configured."""

    max_tombstones: int | None = None
    max_tombstone_percent: float | None = None
    min_coverage_percent: float | None = None
    min_listing_percent: float | None = None

    def raise_the_brake(self, brake: BrakeTable) -> bool:
        """Whether a person allows more deletions than are configured."""
        number, percent = self.max_tombstones, self.max_tombstone_percent
        return (number is not None and number > brake.max_tombstones) or (
            percent is not None and percent > brake.max_tombstone_percent
        )


async def pull_instances(
    context: CliContext,
    kind: str,
    users: tuple[str, ...],
    *,
    fresh: bool,
    overrides: Overrides,
    then: Sequel | None = None,
) -> int:
    """Pull every selected instance in turn, and do what follows; the exit code of the first that went wrong counts."""

    async def flow(rooms: Rooms, stop: Stop, progress: Progress) -> RunReport:
        specs = configured(rooms.instance, users)
        request = PullRequest(
            kind=kind,
            specs=specs,
            limits=limits(rooms.instance.brake, overrides),
            fresh=fresh,
            settle_held=overrides.raise_the_brake(rooms.instance.brake),
        )
        return await pull(rooms, request, stop=stop, progress=progress)

    return await on_instances(context, flow, then=then)


def limits(brake: BrakeTable, overrides: Overrides) -> Limits:
    """The brake for one run: as configured, but for what the command line sets."""
    configured = Limits(
        max_tombstones=brake.max_tombstones,
        max_tombstone_percent=brake.max_tombstone_percent,
        percent_from=brake.percent_from,
        min_coverage_percent=brake.min_coverage_percent,
        min_listing_percent=brake.min_listing_percent,
        empty_answers_from=brake.empty_answers_from,
    )
    return replace(configured, **{name: value for name, value in asdict(overrides).items() if value is not None})


async def on_instances(context: CliContext, flow: Flow, *, single: bool = False, then: Sequel | None = None) -> int:
    """Open the rooms, run a flow in each instance, print what it came to; the exit code.

    Args:
        context: which instances.
        flow: what to do in each.
        single: it makes sense in one instance only.
        then: what follows in each.
    """
    async with stopping_on_signals() as stop, opening(context, single=single, migrate=True) as opened:
        codes = [
            await _one(context, opened, name, flow, then, stop) for name in opened.names if not stop.requested.is_set()
        ]
        if stop.signum is not None and len(codes) < len(opened.names):
            codes.append(exits.exit_code(Stopped(stop.signum)))  # the others were not begun
    return exits.worst(codes)


async def _one(context: CliContext, opened: Opened, name: str, flow: Flow, then: Sequel | None, stop: Stop) -> int:
    """One instance; its errors are told and do not stop the others."""
    progress = Progress(instance=name)
    with bind(instance=name):
        try:
            async with open_rooms(opened.settings, opened.database, name, opened.clock) as rooms:
                async with showing(progress, rooms, enabled=context.progress):
                    report = await flow(rooms, stop, progress)
                print_report(report)
            after = exits.DONE if then is None else await then(opened, report, stop)
            return exits.worst([report.exit_code, after])
        except SyncWorkerError as error:
            _tell(error, progress)
            return error.exit_code


def _tell(error: SyncWorkerError, progress: Progress) -> None:
    for line in exits.messages(error):
        exits.say(f"{progress.instance}: {line}" if not isinstance(error, Stopped) else _stopped(progress))


def _stopped(progress: Progress) -> str:
    if not progress.run_id:
        return f"{progress.instance}: stopped by a signal before anything was read"
    total = f"{progress.users:,} users" if progress.listed else f"{progress.users:,} users listed so far"
    return (
        f"{progress.instance}: run {progress.run_id} stopped by a signal after {progress.done:,} of {total}; "
        "what was read is kept, and the same command goes on from there"
    )

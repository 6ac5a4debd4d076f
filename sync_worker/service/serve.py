"""`schedule`: the scheduler, the web server and the word to systemd together, until a signal asks for the end."""

import asyncio
import os
from collections import defaultdict

from sync_worker.errors import ConfigError, Stopped
from sync_worker.exitcodes import worst
from sync_worker.flows.job import Job, Onlooker, Outcome, pulling, run_job, run_prune
from sync_worker.flows.push.carryout import Showing
from sync_worker.flows.push.reconcile import Wishes
from sync_worker.flows.rooms import Opened
from sync_worker.flows.stop import Stop
from sync_worker.logs import get_logger
from sync_worker.mirror.schedule import StoredMarks
from sync_worker.service.aftermath import after_job
from sync_worker.service.board import Board
from sync_worker.service.metrics import Metrics
from sync_worker.service.page import Page, status_page
from sync_worker.service.schedule import Schedule
from sync_worker.service.situation import Inquiry
from sync_worker.service.systemd import Systemd
from sync_worker.service.telling import Teller
from sync_worker.service.timetable import ScheduledJob, timetable
from sync_worker.service.web import Site, serving
from sync_worker.tasks import TaskGroup

log = get_logger(__name__)


class Worker:
    """Does the jobs of the schedule, and tells what came of them.

    Args:
        opened: database and instances.
        board: shows what is at work.
        metrics: counts what has ended.
        showing: of progress.
        stop: ends what is at work.
    """

    def __init__(self, opened: Opened, board: Board, metrics: Metrics, showing: Showing, stop: Stop) -> None:
        self._opened = opened
        self._metrics = metrics
        self._onlooker = Onlooker(showing=board.watching(showing))
        self._stop = stop
        self._teller = Teller(os.environ)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __call__(self, job: ScheduledJob) -> int:
        """Do a job in its instances, one after the other; its exit code."""
        outcomes: list[Outcome] = []
        for name in job.names:
            async with self._turns[name]:  # one job at a time for each: they would only meet each other's lock
                if self._stop.requested.is_set():
                    break
                outcomes.append(await self._one(job.kind, name))
                self._metrics.count(outcomes[-1])
                _log(outcomes[-1])
        await after_job(self._opened, tuple(outcomes), self._teller)
        codes = [outcome.exit_code for outcome in outcomes]
        unbegun = len(outcomes) < len(job.names)
        return worst([*codes, *([128 + (self._stop.signum or 0)] if unbegun else [])])

    async def _one(self, kind: str, name: str) -> Outcome:
        if kind == "prune":
            return await run_prune(self._opened, name)
        wishes = Wishes() if kind == "run" else None
        job = Job(kind=kind, flow=pulling(kind), wishes=wishes)
        return await run_job(self._opened, name, job, stop=self._stop, onlooker=self._onlooker)


def _log(outcome: Outcome) -> None:
    """How it ended where no flow has said so; with the place where it was unexpected."""
    said = {"instance": outcome.instance, "kind": outcome.kind, "exit_code": outcome.exit_code}
    if isinstance(outcome.error, Stopped):
        log.info("job stopped by a signal", **said)
    elif outcome.error is not None:
        known = outcome.exit_code != 1
        log.error("job failed", reason=str(outcome.error), exc_info=None if known else outcome.error, **said)
    for pruned in outcome.pruned:
        log.info("pruned", instance=outcome.instance, table=pruned.table, rows=pruned.rows)


async def serve(opened: Opened, stop: Stop, showing: Showing, page: Page = status_page) -> int:
    """Run the jobs of `[[schedule]]` until the end is asked for; the exit code of that signal.

    Raises:
        ConfigError: there are none for these instances, or the web server cannot listen.
    """
    jobs = timetable(opened.settings, opened.names)
    if not jobs:
        raise ConfigError(
            "there is no job to run",
            where=str(opened.settings.file or ""),
            hint='Write a table [[schedule]] with job = "run" and cron = "15 3 * * *"; '
            "config/sync-worker.example.toml shows how",
        )
    board, systemd = Board(), Systemd(os.environ)
    metrics = Metrics(board, opened.names)
    worker = Worker(opened, board, metrics, showing, stop)
    marks = StoredMarks(opened.database)
    schedule = Schedule(jobs, marks, opened.clock, worker, lambda job: metrics.skipped(job.kind, job.names))
    inquiry = Inquiry(opened, jobs, board, schedule.alive)
    with stop.gently(opened.database.abandon):
        async with serving(Site(inquiry, metrics, page), opened.settings.web.bind), TaskGroup() as group:
            watchdog = group.create_task(_watchdog(systemd, schedule, stop, opened), name="watchdog")
            group.create_task(_announce_end(systemd, stop), name="announcing the end")
            systemd.notify(READY=1, STATUS=f"{len(jobs)} jobs scheduled")
            log.info("schedule begins", jobs=[job.key for job in jobs])
            await schedule.run(stop)
            watchdog.cancel()
    log.info("schedule ended", signal=stop.signum)
    return 128 + (stop.signum or 0)


async def _announce_end(systemd: Systemd, stop: Stop) -> None:
    await stop.requested.wait()
    systemd.notify(STOPPING=1, STATUS="waiting for what is at work to end")


async def _watchdog(systemd: Systemd, schedule: Schedule, stop: Stop, opened: Opened) -> None:
    """Tell systemd that the event loop turns and the scheduler looks for jobs; while it ends, that the loop turns."""
    while systemd.watchdog:
        if stop.requested.is_set() or schedule.alive():
            systemd.notify(WATCHDOG=1)
        await opened.clock.sleep(systemd.watchdog / 3)

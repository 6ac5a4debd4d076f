"""`run` and `backfill`: Canvas to the mirror.

Users are enrolled while the first of them are read; what was read is compared and written while the next ones are
read; deletions move last, on proof.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from sync_worker.clock import deadline
from sync_worker.errors import DatabaseUnreachable
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.canvas import bind_to_canvas, outage_watch, reader
from sync_worker.flows.pull.enrol import Enroller
from sync_worker.flows.pull.fetch import Fetcher
from sync_worker.flows.pull.record import Recorder
from sync_worker.flows.pull.recovery import Recovered, recover
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.pull.settle import SecondRead, Settled, unread
from sync_worker.flows.pull.verdict import Evidence, Limits, judge
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from sync_worker.flows.waiting.outage import OutageWatch
from sync_worker.flows.waiting.persistent import begin, persistently
from sync_worker.flows.watch import watched
from sync_worker.logs import bind as bind_log
from sync_worker.logs import get_logger
from sync_worker.mirror.actions import Author, settled_plans
from sync_worker.mirror.candidates import Candidates
from sync_worker.mirror.journal import Journal
from sync_worker.mirror.ledger import Ledger
from sync_worker.mirror.lock import Writer, writing
from sync_worker.mirror.merge import Mirror
from sync_worker.mirror.runs import Run, RunRequest
from sync_worker.tasks import TaskGroup
from sync_worker.users.fingerprint import fingerprint
from sync_worker.users.queries import check_queries
from sync_worker.users.specs import Spec

PATIENCE: Final = 7.0  # seconds for keeping what an interrupted run has read

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """What to read."""

    kind: str  # run, backfill
    specs: tuple[Spec, ...]
    limits: Limits
    fresh: bool = False  # never resume an unfinished run
    settle_held: bool = False  # a person has raised the brake for this run: what it held back is settled too
    going_on: bool = False  # this command has begun the run; then the database was away


async def pull(rooms: Rooms, request: PullRequest, *, stop: Stop, progress: Progress) -> RunReport:
    """Bring the mirror of one instance up to date.

    Raises:
        SourceError, WrongCanvas: nothing was read.
        LockHeld: another process writes to this instance.
        TokenRefused, Unreachable, Stopped: the run is unfinished; the same request goes on with it. Before that, Canvas
            and the database are waited for, as long as their patience lasts.
    """
    sofar = _SoFar()

    async def start() -> RunReport:
        going_on = replace(request, going_on=progress.starts > 0)
        return await _start(rooms, going_on, sofar, stop=stop, progress=progress)

    return await persistently(rooms, stop, progress, start)


@dataclass(slots=True, kw_only=True)
class _SoFar:
    """What the starts of one command leave to the next one."""

    report: RunReport | None = None  # it came to its end; whether that is written down, nobody has said


async def _start(rooms: Rooms, request: PullRequest, sofar: _SoFar, *, stop: Stop, progress: Progress) -> RunReport:
    source = await asyncio.to_thread(fingerprint, request.specs)
    await check_queries(rooms.mirrored, request.specs)
    outage = outage_watch(rooms, progress)
    async with writing(rooms.database, rooms.instance.name, request.kind, rooms.clock) as writer:
        async with watched(rooms, writer, stop):
            await bind_to_canvas(rooms, writer, outage if request.going_on else None)
        ledger = Ledger(rooms.database, writer, rooms.clock)
        if sofar.report is not None and await ledger.is_finished(sofar.report.run_id):
            progress.phase, progress.waiting = "done", None
            return sofar.report  # its last commit has gone through, only the answer was lost
        run = await ledger.open_run(_run_request(rooms, request, source))
        begin(progress, run.id)
        with bind_log(run=run.id):
            return await _Pull(rooms, request, writer, run, outage, progress).run(stop, sofar)


def _run_request(rooms: Rooms, request: PullRequest, source: str) -> RunRequest:
    return RunRequest(
        kind=request.kind,
        specs=tuple(spec.text for spec in request.specs),
        fingerprint=source,
        resume_max_age=rooms.settings.database.resume_max_age,
        fresh=request.fresh,
        going_on=request.going_on,
    )


class _Pull:
    """One start of a run."""

    def __init__(
        self,
        rooms: Rooms,
        request: PullRequest,
        writer: Writer,
        run: Run,
        outage: OutageWatch,
        progress: Progress,
    ) -> None:
        self._rooms = rooms
        self._request = request
        self._writer = writer
        self._ledger = ledger = Ledger(rooms.database, writer, rooms.clock)
        self._run = run
        self._progress = progress
        self._outage = outage
        self._read = reader(rooms, outage)
        self._mirror = Mirror(writer, rooms.clock)
        self._candidates = Candidates(rooms.database, writer)
        self._recorder = Recorder(rooms, ledger, run, going_on=request.going_on)
        self._fetcher = Fetcher(
            ledger=ledger,
            mirror=self._mirror,
            run=run,
            read=self._read,
            workers=rooms.instance.max_concurrency,
            progress=progress,
        )

    async def run(self, stop: Stop, sofar: _SoFar) -> RunReport:
        """Read everybody, settle what is missing, and write down how it ended."""
        log.info("run started", kind=self._request.kind, resumed=self._run.resumed)
        with stop.gently(self._rooms.database.abandon):
            try:
                async with watched(self._rooms, self._writer, stop):
                    recovered = await self._look_after_actions()
                    await self._read_everybody()
                    if recovered.due_at is not None and recovered.due_at <= self._rooms.clock.now():
                        recovered = await self._look_after_actions()
                    report = await self._conclude(recovered)
            except Exception as error:
                if not stop.hurried:
                    await self._keep(error)
                    await self._recorder.interrupted(error)
                raise
            sofar.report = report
            await self._recorder.finished(report)
        self._progress.phase = "done"
        return report

    async def _keep(self, error: Exception) -> None:
        """Commit what was read, where there is a database to do it in; not for long, somebody waits for the end."""
        if isinstance(error, DatabaseUnreachable) or self._writer.lost.is_set():
            return
        with suppress(Exception):  # what cannot be kept is read again; the first error is the one to tell
            async with deadline(PATIENCE):
                await self._fetcher.commit_partial()

    async def _look_after_actions(self) -> Recovered:
        """Settle what can be settled of actions with an unknown outcome: nothing that was sent is forgotten."""
        journal = Journal(self._writer, self._run, Author(canvas_user_id=None), self._rooms.clock)
        recovered = await recover(self._rooms, journal, self._read)
        for number in await settled_plans(self._rooms.database, self._rooms.instance.name):
            await journal.finish(number)
        return recovered

    async def _read_everybody(self) -> None:
        before = await self._ledger.figures(self._run)
        self._progress.phase = "reading"
        self._progress.users = before.users_total
        self._progress.done = self._progress.done_before = (
            before.users_done + before.users_gone + before.users_unreadable + before.users_unlisted
        )
        enroller = Enroller(
            rooms=self._rooms,
            ledger=self._ledger,
            run=self._run,
            specs=self._request.specs,
            fetcher=self._fetcher,
            outage=self._outage,
            progress=self._progress,
        )
        async with TaskGroup() as group:
            group.create_task(enroller.run(), name="enroller")
            group.create_task(self._fetcher.run(), name="fetcher")

    async def _conclude(self, recovered: Recovered) -> RunReport:
        weight = await self._candidates.weigh(self._run)
        figures = await self._ledger.figures(self._run)
        listings = await self._ledger.listings(self._run)
        evidence = Evidence(figures=figures, weight=weight, listings=listings, run_id=self._run.id)
        verdict = judge(evidence, self._request.limits)
        settled = await self._settle() if weight.candidates and verdict.may_settle else Settled()
        if weight.candidates and not verdict.may_settle:
            await self._candidates.hold(self._run, by_brake=verdict.braked)
        pending = await self._candidates.pending()
        findings = (*verdict.findings, *unread(settled), *recovered.findings())
        return await self._recorder.report(self._request.kind, findings, settled, pending)

    async def _settle(self) -> Settled:
        held = self._request.settle_held
        second_read = SecondRead(
            mirror=self._mirror,
            run=self._run,
            read=self._read,
            workers=self._rooms.instance.max_concurrency,
            progress=self._progress,
            held=held,
        )
        return await second_read.settle(self._candidates.covered_users(self._run, held=held))

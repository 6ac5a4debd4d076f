"""The scheduler: runs the jobs of the timetable until it is told to stop. The only owner of APScheduler.

APScheduler knows when to look; whether a job is owed a run is decided by `timetable` from what the database remembers,
at each look: so a time that passed while the machine slept, or this program was not there, is met by the same rules. A
job that is at work when its next time comes is not begun a second time. One that another scheduler is at is looked at
again with each beat: if that scheduler ends before the job does, this one goes on with it.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from apscheduler.events import EVENT_JOB_MAX_INSTANCES
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from typing_extensions import override

from sync_worker.clock import Clock, deadline
from sync_worker.flows.stop import Stop
from sync_worker.logs import get_logger
from sync_worker.mirror.schedule import End, Marks
from sync_worker.service.timetable import PUNCTUAL, Owed, ScheduledJob, owed
from sync_worker.tasks import TaskGroup

BEAT: Final = 60.0
"""Seconds between two looks: time that passed while the machine slept, or that somebody set, shows no later."""

STUCK: Final = timedelta(minutes=2)
"""A job that is due for longer and was not looked at: the scheduler is not alive."""

_STOPPED: Final = frozenset({128 + signal.SIGINT, 128 + signal.SIGTERM})

Work: TypeAlias = Callable[[ScheduledJob], Awaitable[int]]
"""Does a job; its exit code. Raises nothing but a cancellation."""

log = get_logger(__name__)


class CrontabTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """The times of a job, for APScheduler; its own reading of crontabs has Monday for 0, and no day-or-weekday."""

    def __init__(self, job: ScheduledJob) -> None:
        self._job = job

    @override
    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        return self._job.following(previous_fire_time or now)


class Schedule:
    """The scheduler.

    Args:
        jobs: the timetable.
        marks: what was begun when.
        clock: time.
        work: does a job.
        skipped: is told of each time that is not begun.
    """

    def __init__(
        self,
        jobs: tuple[ScheduledJob, ...],
        marks: Marks,
        clock: Clock,
        work: Work,
        skipped: Callable[[ScheduledJob], None] = lambda _: None,
    ) -> None:
        self.jobs = jobs
        self._by_key = {job.key: job for job in jobs}
        self._marks = marks
        self._clock = clock
        self._work = work
        self._skipped = skipped
        self._met: set[str] = set()  # jobs whose memory was looked at
        self._elsewhere: set[str] = set()  # jobs that another scheduler is at
        self._begun: set[str] = set()  # jobs that are at work here
        self._unseen: set[str] = set()  # jobs whose time came while their memory was looked at
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._scheduler.add_listener(self._overlapped, EVENT_JOB_MAX_INSTANCES)

    async def run(self, stop: Stop) -> None:
        """Run until the end is asked for and everything at work has ended; a cancellation cancels that too."""
        try:
            async with TaskGroup() as group:
                self._start(group, stop)
                beat = group.create_task(self._beat(), name="scheduler beat")
                await stop.requested.wait()
                self._scheduler.pause()
                beat.cancel()
        finally:
            if self._scheduler.running:
                self._scheduler.shutdown(wait=False)
                await self._clock.sleep(0)  # it shuts down in the next round of the loop

    def _start(self, group: TaskGroup, stop: Stop) -> None:
        for job in self.jobs:
            self._scheduler.add_job(
                self._fire,
                CrontabTrigger(job),
                args=(job, group, stop),
                id=job.key,
                next_run_time=self._clock.now(),  # to see what is owed from before
                misfire_grace_time=None,  # how late is too late is decided by `owed`
                coalesce=True,
                max_instances=1,
            )
        self._scheduler.start()

    def alive(self) -> bool:
        """Whether it looks for jobs that are due."""
        if not self._scheduler.running:
            return False
        times = [job.next_run_time for job in self._scheduler.get_jobs() if job.next_run_time is not None]
        return all(self._clock.now() - time < STUCK for time in times)

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(BEAT)
            self._set_times()
            self._scheduler.wakeup()

    def _set_times(self) -> None:
        """Look now at what another scheduler is at, and at what waits for a time that a clock far ahead has found."""
        now = self._clock.now()
        for waiting in self._scheduler.get_jobs():
            following = self._by_key[waiting.id].following(now)
            wrong = following is not None and waiting.next_run_time > following
            if wrong or waiting.id in self._elsewhere:
                waiting.modify(next_run_time=now)

    def _overlapped(self, event: Any) -> None:
        if event.job_id not in self._begun:
            self._unseen.add(event.job_id)
            return
        log.warning("not begun: it is still at work", job=event.job_id)
        self._skipped(self._by_key[event.job_id])

    async def _fire(self, job: ScheduledJob, group: TaskGroup, stop: Stop) -> None:
        """Called by APScheduler; the work is a task of our own, so that it has an end when the scheduler has none."""
        self._unseen.add(job.key)
        while job.key in self._unseen and not stop.requested.is_set():
            self._unseen.discard(job.key)
            await asyncio.wait([group.create_task(self._look(job, stop), name=f"job {job.key}")])

    async def _look(self, job: ScheduledJob, stop: Stop) -> None:
        """Do the job if it is owed a run, and nobody else does it; while it is at work nobody else begins it."""
        started_at = self._clock.now()
        async with AsyncExitStack() as turn:
            found = await self._claimed(job, started_at, turn)
            if found is not None:
                self._begun.add(job.key)
                turn.callback(self._begun.discard, job.key)
                await self._do(job, found, started_at, stop)

    async def _do(self, job: ScheduledJob, found: Owed, started_at: datetime, stop: Stop) -> None:
        if await self._stopped_within(self._clock.jitter(job.jitter.total_seconds()), stop):
            return
        log.info("job begins", job=job.key, due=found.at.isoformat(), late_seconds=round(found.late.total_seconds()))
        exit_code = await self._work(job)
        log.info("job ended", job=job.key, exit_code=exit_code)
        if exit_code not in _STOPPED:
            await self._finished(job, started_at, exit_code)

    async def _claimed(self, job: ScheduledJob, now: datetime, turn: AsyncExitStack) -> Owed | None:
        """The time that it is to be begun for; where the database is away, the one that has just come: it says so."""
        try:
            found = await self._owed(job, now, turn)
            if found is None:
                return None
            if not found.begins:
                log.warning("missed, and not caught up", job=job.key, due=found.at.isoformat())
                self._skipped(job)
                return None
            if await self._marks.claim(job.key, found.at, now, found.again):
                return found
        except Exception as error:  # noqa: BLE001  (the job begins in time, and says what is wrong)
            log.warning("the memory of the scheduler cannot be had", job=job.key, reason=str(error))
            return _punctual(job, now)
        log.info("another scheduler has begun it", job=job.key, due=found.at.isoformat())
        return None

    async def _owed(self, job: ScheduledJob, now: datetime, turn: AsyncExitStack) -> Owed | None:
        """What it owes; None while another scheduler is at it. Else `turn` keeps that one out."""
        first = job.key not in self._met or job.key in self._elsewhere
        found = owed(job, await self._marks.meet(job.key, now), now, first=first)
        if found is not None and not await turn.enter_async_context(self._marks.at_work(job.key)):
            if job.key not in self._elsewhere:
                log.info("another scheduler is at it", job=job.key, due=found.at.isoformat())
            self._elsewhere.add(job.key)
            return None
        self._elsewhere.discard(job.key)
        self._met.add(job.key)
        return found

    async def _finished(self, job: ScheduledJob, started_at: datetime, exit_code: int) -> None:
        now = self._clock.now()
        end = End(
            started_at=started_at,
            finished_at=now,
            exit_code=exit_code,
            passed_at=job.passed(now - timedelta(microseconds=1)),
        )
        try:
            await self._marks.finish(job.key, end)
        except Exception as error:  # noqa: BLE001  (then it is caught up after the next start)
            log.warning("the end of the job could not be written down", job=job.key, reason=str(error))

    async def _stopped_within(self, seconds: float, stop: Stop) -> bool:
        """Wait so long; whether the end was asked for meanwhile."""
        with suppress(TimeoutError):
            async with deadline(seconds):
                await stop.requested.wait()
        return stop.requested.is_set()


def _punctual(job: ScheduledJob, now: datetime) -> Owed | None:
    """The time that has just come, without knowing whether it was begun."""
    at = job.passed(now)
    if at is None or now - at > PUNCTUAL:
        return None
    return Owed(at=at, late=now - at, again=None, begins=True)

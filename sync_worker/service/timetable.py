"""The jobs of `[[schedule]]`, and which of them owes a run. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from sync_worker.cron import Cron, following, latest, parse, zone_named
from sync_worker.mirror.schedule import Mark
from sync_worker.settings import ScheduleTable, Settings

PUNCTUAL: Final = timedelta(minutes=1)
"""A start that is later missed its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledJob:
    """One `[[schedule]]`."""

    key: str  # names it in the database, with the instances that it serves: another process may serve others
    kind: str  # run, backfill, prune
    cron: Cron
    zone: tzinfo
    names: tuple[str, ...]  # of the instances, in order
    jitter: timedelta
    catch_up: bool  # a time that was missed
    grace: timedelta  # one that is longer ago is not caught up

    def following(self, after: datetime) -> datetime | None:
        """The next time of its schedule, in UTC."""
        return following(self.cron, self.zone, after)

    def passed(self, until: datetime) -> datetime | None:
        """The last time of its schedule up to `until`, in UTC."""
        return latest(self.cron, self.zone, until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """A time of the schedule that waits for its run."""

    at: datetime
    late: timedelta
    again: datetime | None  # the start that is repeated, because it did not come to its end
    begins: bool  # else it was missed for good


def timetable(settings: Settings, names: tuple[str, ...]) -> tuple[ScheduledJob, ...]:
    """The jobs that concern any of these instances."""
    found: dict[str, ScheduledJob] = {}
    for job in (_job(table, names) for table in settings.schedule):
        if job.names:
            found.setdefault(job.key, job)  # two may come to the same where only some instances are served
    return tuple(found.values())


def _job(table: ScheduleTable, names: tuple[str, ...]) -> ScheduledJob:
    served = tuple(name for name in names if table.instances is None or name in table.instances)
    return ScheduledJob(
        key=f"{table.job} {' '.join(table.cron.split())} {table.timezone} {','.join(sorted(served))}",
        kind=table.job,
        cron=parse(table.cron),
        zone=zone_named(table.timezone),
        names=served,
        jitter=table.jitter,
        catch_up=table.missed == "once",
        grace=table.grace,
    )


def owed(job: ScheduledJob, mark: Mark, now: datetime, *, first: bool) -> Owed | None:
    """What a job owes: the last time of its schedule, if it was not begun.

    Args:
        job: which one.
        mark: what is known of it.
        now: the time.
        first: this process looks for the first time, or again because another one was at it: a start that did not end
            is owed too, unless somebody is at it still. Later on it is at work in this process.
    """
    at, again = job.passed(now), None
    if at is None or at <= mark.due_at:
        if mark.finished_at is not None or not first:
            return None
        at, again = mark.due_at, mark.started_at
    late = now - at
    return Owed(at=at, late=late, again=again, begins=late <= PUNCTUAL or (job.catch_up and late <= job.grace))

"""The scheduler over days of virtual time: the exact times at which jobs begin."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import time_machine
from typing_extensions import override

from sync_worker.clock import deadline
from sync_worker.errors import DatabaseUnreachable
from sync_worker.flows.stop import Stop
from sync_worker.mirror.schedule import End, Mark, Marks
from sync_worker.service.schedule import Schedule
from sync_worker.service.timetable import ScheduledJob, timetable
from sync_worker.settings import Settings
from sync_worker.tasks import TaskGroup
from tests.unit.service.ledger import MemoryMarks
from tests.virtual_time import VirtualClock, VirtualLoop

BERLIN: Final = ZoneInfo("Europe/Berlin")
MONDAY: Final = datetime(2026, 10, 19, tzinfo=BERLIN)
"""The week in which the clocks go back: on Sunday, the 25th, 3:00 becomes 2:00."""


def jobs(*tables: dict[str, Any], names: tuple[str, ...] = ("main",)) -> tuple[ScheduledJob, ...]:
    """Out of a configuration, for a process that serves these instances."""
    settings = Settings(
        instances={name: {"base_url": "http://localhost", "token": "t"} for name in ("main", "test")},
        schedule=[{"job": "run", "timezone": "Europe/Berlin", **table} for table in tables],
    )
    return timetable(settings, names)


class WallClock(VirtualClock):
    """Virtual time that begins at an instant, for APScheduler too."""

    def __init__(self, start: datetime) -> None:
        super().__init__()
        self._start = start

    @override
    def now(self) -> datetime:
        return self._start.astimezone(UTC) + timedelta(seconds=self.monotonic())


class WallLoop(VirtualLoop):
    """A virtual loop that moves the clock of the whole process with it."""

    def __init__(self, start: datetime, traveller: Any) -> None:
        super().__init__()
        self._start = start.astimezone(UTC)
        self._traveller = traveller
        self._moved = 0.0

    @override
    def time(self) -> float:
        seconds = super().time()
        if seconds != self._moved:
            self._moved = seconds
            self._traveller.move_to(self._start + timedelta(seconds=seconds), tick=False)
        return seconds


@dataclass(kw_only=True)
class Machine:
    """A machine that is on for a while, and its database."""

    jobs: tuple[ScheduledJob, ...]
    marks: Marks = field(default_factory=MemoryMarks)
    takes: Callable[[str, datetime], timedelta] = lambda *_: timedelta(minutes=1)  # by kind and begin
    begun: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def on(self, start: datetime, end: datetime) -> None:
        """From `start` until SIGTERM at `end`; a job that is at work then is stopped in the middle."""
        with (
            time_machine.travel(start, tick=False) as traveller,
            asyncio.Runner(loop_factory=lambda: WallLoop(start, traveller)) as runner,
        ):
            runner.run(self.life(WallClock(start), (end.astimezone(UTC) - start.astimezone(UTC)).total_seconds()))

    async def life(self, clock: WallClock, seconds: float) -> None:
        stop = Stop()
        schedule = Schedule(self.jobs, self.marks, clock, self._work(clock, stop), self._skip(clock))
        async with deadline(seconds + 60):
            clock.call_later(seconds, lambda: stop.request(signal.SIGTERM))
            await schedule.run(stop)
        assert not schedule.alive()

    def _skip(self, clock: WallClock) -> Callable[[ScheduledJob], None]:
        return lambda job: self.skipped.append(f"{job.kind} {shown(clock.now())}")

    def _work(self, clock: WallClock, stop: Stop) -> Callable[[ScheduledJob], Awaitable[int]]:
        async def work(job: ScheduledJob) -> int:
            began = clock.now()
            self.begun.append(f"{job.kind} {shown(began)}")
            try:
                async with deadline(self.takes(job.kind, began).total_seconds()):
                    await stop.requested.wait()
            except TimeoutError:
                return 0
            return 128 + signal.SIGTERM

        return work


def shown(at: datetime) -> str:
    """As the clock on the wall shows it."""
    return f"{at.astimezone(BERLIN):%a %H:%M}"


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """An instant of that week, as the clock on the wall shows it; Monday is 0."""
    return (MONDAY + timedelta(days=day)).replace(hour=hour, minute=minute)


def test_a_week() -> None:
    """A nightly run, backfills with a long one among them, a stop in the middle, a night off, clocks that go back."""
    machine = Machine(
        jobs=jobs(
            {"cron": "30 2 * * *"},
            {"job": "backfill", "cron": "0 */6 * * *", "missed": "skip"},
            {"job": "prune", "cron": "0 4 * * 0", "timezone": "UTC"},
        ),
        takes=lambda kind, began: timedelta(hours=7) if (kind, began) == ("backfill", at(1, 6)) else timedelta(hours=1),
    )
    machine.on(at(0, 0, 30), at(3, 3))  # SIGTERM within Thursday's run
    machine.on(at(3, 3, 20), at(4, 1))  # it goes on
    machine.on(at(4, 9), at(7, 0))  # Friday's run was missed while it was off, and so were two backfills
    assert [line for line in machine.begun if line.startswith("run")] == [
        "run Mon 02:30", "run Tue 02:30", "run Wed 02:30", "run Thu 02:30", "run Thu 03:20", "run Fri 09:00",
        "run Sat 02:30", "run Sun 02:30",
    ]  # fmt: skip
    assert [line for line in machine.begun if line.startswith("backfill")] == [
        "backfill Mon 06:00", "backfill Mon 12:00", "backfill Mon 18:00", "backfill Tue 00:00",
        "backfill Tue 06:00", "backfill Tue 18:00",  # it was at work at noon
        "backfill Wed 00:00", "backfill Wed 06:00", "backfill Wed 12:00", "backfill Wed 18:00", "backfill Thu 00:00",
        "backfill Thu 06:00", "backfill Thu 12:00", "backfill Thu 18:00", "backfill Fri 00:00",
        "backfill Fri 12:00", "backfill Fri 18:00", "backfill Sat 00:00", "backfill Sat 06:00", "backfill Sat 12:00",
        "backfill Sat 18:00", "backfill Sun 00:00", "backfill Sun 06:00", "backfill Sun 12:00", "backfill Sun 18:00",
    ]  # fmt: skip
    assert [line for line in machine.begun if line.startswith("prune")] == ["prune Sun 05:00"]
    assert machine.skipped == ["backfill Tue 12:00", "backfill Fri 09:00"]


def test_the_hour_that_comes_twice() -> None:
    """A job that follows the time that passes runs in both; the nightly one at 2:30 in the first."""
    machine = Machine(jobs=jobs({"cron": "30 2 * * *"}, {"job": "prune", "cron": "30 * * * *"}))
    machine.on(at(6, 0), at(6, 5))
    assert sorted(machine.begun) == [
        "prune Sun 00:30", "prune Sun 01:30", "prune Sun 02:30", "prune Sun 02:30", "prune Sun 03:30",
        "prune Sun 04:30", "run Sun 02:30",
    ]  # fmt: skip


def test_many_missed_ones_are_caught_up_once() -> None:
    """And only if the last of them is younger than the grace."""
    machine = Machine(jobs=jobs({"cron": "*/10 * * * *", "grace": "5m"}))
    machine.on(at(0, 0, 1), at(0, 0, 25))
    machine.on(at(0, 5, 4), at(0, 5, 6))
    machine.on(at(0, 8, 6), at(0, 8, 8))
    assert machine.begun == ["run Mon 00:10", "run Mon 00:20", "run Mon 05:04"]
    assert machine.skipped == ["run Mon 08:06"]


def test_a_new_job_owes_nothing() -> None:
    """Whoever writes a schedule at noon does not get last night's run."""
    machine = Machine(jobs=jobs({"cron": "0 3 * * *"}))
    machine.on(at(0, 12), at(0, 14))
    assert machine.begun == []
    machine.on(at(1, 4), at(1, 5))  # but what was missed since
    assert machine.begun == ["run Tue 04:00"]


def test_what_was_stopped_goes_on_after_the_start() -> None:
    """Also where its time is the last that passed; not where missed ones are skipped."""
    machine = Machine(
        jobs=jobs({"cron": "0 3 * * *"}, {"job": "backfill", "cron": "0 3 * * *", "missed": "skip"}),
        takes=lambda *_: timedelta(hours=2),
    )
    machine.on(at(0, 2), at(0, 4))
    machine.on(at(0, 4, 30), at(0, 8))
    machine.on(at(0, 9), at(0, 10))
    assert sorted(machine.begun) == ["backfill Mon 03:00", "run Mon 03:00", "run Mon 04:30"]


def together(*lives: tuple[Machine, datetime, datetime]) -> None:
    """Several machines, each on from its first time to its second; the first of them is on first."""
    start = lives[0][1]

    async def live(clock: WallClock, machine: Machine, begin: datetime, end: datetime) -> None:
        await clock.sleep((begin - start).total_seconds())
        await machine.life(clock, (end - begin).total_seconds())

    async def everybody(clock: WallClock) -> None:
        async with TaskGroup() as group:
            for life in lives:
                group.create_task(live(clock, *life))

    with (
        time_machine.travel(start, tick=False) as traveller,
        asyncio.Runner(loop_factory=lambda: WallLoop(start, traveller)) as runner,
    ):
        runner.run(everybody(WallClock(start)))


def pair(cron: str, takes: timedelta) -> tuple[Machine, Machine]:
    """Two schedulers of one configuration on one database."""
    marks = MemoryMarks()
    one, two = (Machine(jobs=jobs({"cron": cron}), marks=marks, takes=lambda *_: takes) for _ in range(2))
    return one, two


def test_two_schedulers_share_the_work() -> None:
    """One of them begins each time; which one makes no difference."""
    one, two = pair("0 * * * *", timedelta(minutes=1))
    together((one, at(0, 0, 30), at(0, 3, 30)), (two, at(0, 0, 30), at(0, 3, 30)))
    assert sorted(one.begun + two.begun) == ["run Mon 01:00", "run Mon 02:00", "run Mon 03:00"]


def test_two_schedulers_for_two_instances() -> None:
    """Each reads its own: the memory of a job is that of the instances that it serves."""
    marks = MemoryMarks()
    one, two = (Machine(jobs=jobs({"cron": "0 3 * * *"}, names=(name,)), marks=marks) for name in ("main", "test"))
    together((one, at(0, 0, 30), at(1, 1)), (two, at(0, 0, 30), at(1, 1)))
    assert (one.begun, two.begun) == (["run Mon 03:00"], ["run Mon 03:00"])


def test_the_same_job_twice() -> None:
    """Two tables may come to the same for the instances that a process serves: it is one job, in any order of these."""
    tables = {"cron": "0 3 * * *"}, {"cron": "0 3 * * *", "instances": ["main"]}
    assert [job.key for job in jobs(*tables)] == ["run 0 3 * * * Europe/Berlin main"]
    assert len(jobs(*tables, names=("main", "test"))) == 2
    assert jobs(*tables, names=("test", "main"))[0].key == jobs(*tables, names=("main", "test"))[0].key


def test_a_second_scheduler_while_the_first_is_at_work() -> None:
    """It begins nothing: the first one was not killed."""
    one, two = pair("0 3 * * *", timedelta(hours=2))
    together((one, at(0, 2), at(0, 8)), (two, at(0, 3, 30), at(0, 8)))
    assert (one.begun, two.begun, two.skipped) == (["run Mon 03:00"], [], [])


def test_a_rolling_update() -> None:
    """The new one starts while the old one is at work; the old one is stopped, and the new one goes on at once."""
    old, new = pair("0 3 * * *", timedelta(hours=2))
    together((old, at(0, 2), at(0, 3, 30)), (new, at(0, 3, 20), at(0, 8)))
    assert (old.begun, new.begun) == (["run Mon 03:00"], ["run Mon 03:30"])
    old, new = pair("0 3 * * *", timedelta(hours=2))
    together((old, at(0, 2), at(0, 3, 30)), (new, at(0, 2), at(0, 8)))
    assert sorted(old.begun + new.begun) in (["run Mon 03:00"], ["run Mon 03:00", "run Mon 03:30"])


class SlowMarks(MemoryMarks):
    """The database takes ten seconds for its first answer."""

    @override
    async def meet(self, job: str, now: datetime) -> Mark:
        if not self.marks:
            self.marks[job] = Mark(due_at=now, started_at=now, finished_at=now)
            await asyncio.sleep(10)  # noqa: TID251  (virtual time)
        return await super().meet(job, now)


def test_a_time_that_comes_during_the_first_look() -> None:
    """Nothing is at work yet: it is met by a second look, right after."""
    machine = Machine(jobs=jobs({"cron": "0 3 * * *"}), marks=SlowMarks())
    machine.on(at(0, 3) - timedelta(seconds=5), at(0, 8))
    assert (machine.begun, machine.skipped) == (["run Mon 03:00"], [])


class AheadLoop(WallLoop):
    """Whoever looks at the clock sees a wrong day for the first ninety seconds."""

    @override
    def time(self) -> float:
        seconds = super().time()
        if seconds < 90:
            self._traveller.move_to(self._start + timedelta(days=30, seconds=seconds), tick=False)
        return seconds


class AheadClock(WallClock):
    """So does the clock."""

    @override
    def now(self) -> datetime:
        return super().now() + (timedelta(days=30) if self.monotonic() < 90 else timedelta())


def test_a_clock_that_is_put_right() -> None:
    """Jobs begin at their times as the right clock has them, not only when the wrong one comes round."""
    machine, start = Machine(jobs=jobs({"cron": "0 3 * * *"})), at(0, 1)
    with (
        time_machine.travel(start + timedelta(days=30), tick=False) as traveller,
        asyncio.Runner(loop_factory=lambda: AheadLoop(start, traveller)) as runner,
    ):
        runner.run(machine.life(AheadClock(start), 27 * 3600))
    assert machine.begun == ["run Mon 03:00", "run Tue 03:00"]


def test_jitter_delays_the_begin() -> None:
    """By no more than it says; the next time is reckoned from the schedule."""
    machine = Machine(jobs=jobs({"cron": "0 * * * *", "jitter": "20m"}))
    machine.on(at(0, 0, 30), at(1, 0, 30))
    minutes = [int(line[-2:]) for line in machine.begun]
    assert len(minutes) == 24
    assert all(0 <= minute <= 20 for minute in minutes)
    assert len(set(minutes)) > 5


class LostMarks(MemoryMarks):
    """The database is away."""

    @override
    async def meet(self, job: str, now: datetime) -> Mark:
        raise DatabaseUnreachable("away")

    @override
    async def finish(self, job: str, end: End) -> None:
        raise DatabaseUnreachable("away")


def test_without_its_memory_it_goes_on() -> None:
    """The job begins, to say itself that the database is away; at the start nothing is known to be owed."""
    machine = Machine(jobs=jobs({"cron": "0 * * * *"}), marks=LostMarks())
    machine.on(at(0, 0, 30), at(0, 2, 30))
    assert machine.begun == ["run Mon 01:00", "run Mon 02:00"]

"""Clocks that step, on worker and database together: what was read later is written, and nothing is lost."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from sync_worker.cli.nagios import line
from sync_worker.cli.statustable import _facts
from sync_worker.flows.look.freshness import Bounds, Level, weigh
from sync_worker.flows.look.vitals import read_vitals
from sync_worker.mirror.clocks import future_values, repair_times
from sync_worker.mirror.lock import writing
from sync_worker.mirror.readback import instance_status
from tests.clocks import DAY, NOTHING, SteppingClock
from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage, quick, staged

pytestmark = pytest.mark.own_school

STEPS = {
    "a day ahead, and back": [DAY, NOTHING, NOTHING],
    "ahead after a good night, and back": [NOTHING, DAY, NOTHING],
    "a day behind, and right again": [NOTHING, -DAY, NOTHING],
    "back, then ahead, then right": [NOTHING, -DAY, DAY, NOTHING],
    "further back each night": [2 * DAY, DAY, NOTHING, -DAY],
}


@pytest.fixture
def clock() -> SteppingClock:
    """Right, until a test sets it."""
    return SteppingClock()


@pytest.fixture
async def stage(database_url: str, clock: SteppingClock) -> AsyncIterator[Stage]:
    """Thirty users, and a clock that can be set."""
    async with staged(database_url, options=quick(users=30), clock=clock) as stage:
        yield stage


def happen(stage: Stage, night: int) -> set[int]:
    """One of everything that can happen to a channel; the ids of those that were retired."""
    first, second, third = [channel for channel in stage.truth().values() if channel["type"] == "email"][:3]
    stage.school.readdress(first["id"], f"night{night}@example.com")
    stage.school.bounce(second["id"])
    stage.school.create(stage.ids[night], "email", f"new{night}@example.com")
    stage.school.retire(third["id"])
    return {third["id"]}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
async def test_every_night_is_written(stage: Stage, clock: SteppingClock, steps: Sequence[timedelta]) -> None:
    """Whatever the clock says: the mirror is the school after each run, the first after a step included."""
    retired: set[int] = set()
    for night, clock.ahead in enumerate(steps):
        if night:
            retired |= happen(stage, night)
        report = await stage.run()
        assert report.figures.rows_older == 0
        await stage.assert_equal()
        assert await stage.tombstones() == retired
        assert await stage.candidates() == {}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
async def test_a_step_alone_changes_nothing(stage: Stage, clock: SteppingClock, steps: Sequence[timedelta]) -> None:
    """No version, no candidate, no tombstone."""
    for clock.ahead in steps:
        await stage.run()
        assert await stage.candidates() == {}
    assert await stage.tombstones() == set()
    assert await stage.fetch("SELECT * FROM mirror.channel_history") == []
    assert await stage.fetch("SELECT * FROM mirror.user_history") == []


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
async def test_no_time_shows_a_channel_twice_or_loses_it(
    stage: Stage, clock: SteppingClock, steps: Sequence[timedelta]
) -> None:
    """Versions follow each other without a gap or an overlap, and each lasts."""
    for night, clock.ahead in enumerate(steps):
        if night:
            happen(stage, night)
        await stage.run()
    versions: dict[int, list[tuple[datetime, datetime]]] = {}
    query = (
        "SELECT channel_id AS id, valid_from, valid_to FROM mirror.channel_history UNION ALL "
        "SELECT id, changed_at, '9999-01-01Z' FROM mirror.communication_channels ORDER BY id, valid_from, valid_to"
    )
    for row in await stage.fetch(query):
        versions.setdefault(row["id"], []).append((row["valid_from"], row["valid_to"]))
    for intervals in versions.values():
        assert all(begin < end for begin, end in intervals)
        assert all(one[1] == other[0] for one, other in pairwise(intervals))
    edges = "SELECT valid_to FROM mirror.channel_history UNION SELECT valid_from FROM mirror.channel_history"
    for row in await stage.fetch(edges):
        shown = await stage.fetch("SELECT id FROM reporting.channels_as_of($1, 'main')", *row.values())
        assert len(shown) == len({each["id"] for each in shown})
    shown = await stage.fetch("SELECT id FROM reporting.channels_as_of('9999-01-01Z', 'main')")
    assert {each["id"] for each in shown} == set(stage.truth())


async def test_a_user_who_left_while_the_clock_was_ahead_comes_back(stage: Stage, clock: SteppingClock) -> None:
    """States of users go by the order of reads, too."""
    await stage.run()
    user = stage.ids[10]
    clock.ahead = DAY
    stage.school.delete_user(user, answer="404")
    await stage.run()
    assert await stage.state(user) == "gone"
    clock.ahead = NOTHING
    stage.school.restore_user(user)
    stage.school.create(user, "email", "again@example.com")
    await stage.run()
    assert await stage.state(user) == "present"
    await stage.assert_equal()


async def test_an_apply_after_a_step_is_written(stage: Stage, clock: SteppingClock, desire: Desire) -> None:
    """The reads around its actions are newer than everything, and its tombstones are made at once."""
    clock.ahead = DAY
    user = stage.ids[5]
    stage.school.create(user, "email", "doomed@example.com")
    await stage.run()
    clock.ahead = NOTHING
    applying = Applying(stage=stage, desire=desire)
    (doomed,) = (number for number, row in stage.truth().items() if row["address"] == "doomed@example.com")
    rows = (f"id:{user},email,fresh@example.com,present", f"id:{user},email,doomed@example.com,absent")
    report = await applying.apply(await applying.planned(*rows))
    assert (report.exit_code, await applying.statuses()) == (0, {"done": 2})
    await applying.assert_equal([user])
    assert await stage.tombstones() == {doomed}


async def test_a_run_that_a_step_interrupts_goes_on(stage: Stage, clock: SteppingClock) -> None:
    """Half of it was read a day ahead."""
    await stage.run()
    clock.ahead = DAY
    await stage.fetch("UPDATE worker.runs SET status = 'interrupted' WHERE id = 1")
    await stage.fetch("UPDATE worker.batches SET status = 'claimed' WHERE run_id = 1 AND number % 2 = 0")
    clock.ahead = NOTHING
    retired = happen(stage, 1)
    await stage.run()
    await stage.run()
    await stage.assert_equal()
    assert await stage.tombstones() == retired


# --- what is said about it


async def test_what_was_dated_in_the_future_is_a_finding(stage: Stage, clock: SteppingClock) -> None:
    """The run is written, and ends with 3 until a person has looked; the message says what to do."""
    clock.ahead = DAY
    assert (await stage.run()).exit_code == 0
    clock.ahead = NOTHING
    report = await stage.run()
    (finding,) = report.findings
    assert (report.exit_code, finding.exit_code) == (3, 3)
    assert "a time in the future" in finding.message
    assert "mirror.communication_channels" in finding.message
    assert "see sync-worker db repair-times --dry-run" in finding.message
    assert finding.message in (await stage.last_run())["message"]


@pytest.mark.parametrize("ahead", [timedelta(minutes=-20), timedelta(minutes=20), timedelta(days=400)])
async def test_the_clock_of_canvas_is_a_finding_in_every_run(
    stage: Stage, clock: SteppingClock, desire: Desire, ahead: timedelta
) -> None:
    """Also where worker and database agree; it is a warning, for what was read is right."""
    clock.ahead = ahead
    report = await stage.run()
    (said,) = [each for each in report.findings if each.exit_code == 0]
    assert said.message.startswith("Canvas's clock is ")
    assert ("behind" if ahead > NOTHING else "ahead of") in said.message
    applying = Applying(stage=stage, desire=desire)
    applied = await applying.apply(await applying.planned(f"id:{stage.ids[3]},email,fresh@example.com,present"))
    assert [each.message[:14] for each in applied.findings] == ["Canvas's clock"]
    assert applied.exit_code == 0


async def test_a_status_never_tells_a_negative_age(stage: Stage, clock: SteppingClock) -> None:
    """What ended in the future is stale for people, monitors, Nagios and metrics, also after a good run."""
    clock.ahead = DAY
    await stage.run()
    clock.ahead = NOTHING
    async with stage.rooms() as rooms:
        vitals = await read_vitals(rooms.database, clock, rooms.instance)
        status = await instance_status(rooms.database, clock, "main", ["account:self"])
        assert vitals.future
        remarks = weigh(vitals, Bounds(min_coverage=95))
        assert remarks[0].level is Level.CRITICAL
        assert "in the future" in remarks[0].text
        assert status.last_success_is_ahead
        (told,) = [value for name, value in _facts(status, clock.now()) if name == "fresh"]
        assert "in the future" in told
        assert " ago" not in told
        assert " age=U;" in line([(vitals, Bounds(min_coverage=95), remarks)])
    await stage.run()
    async with stage.rooms() as rooms:
        vitals = await read_vitals(rooms.database, clock, rooms.instance)
        levels = {remark.level for remark in weigh(vitals, Bounds(min_coverage=95))}
        assert levels == {Level.OK, Level.WARNING}  # fresh again, and the rows of that day are still to be looked at


async def test_repaired_times_are_read_again(stage: Stage, clock: SteppingClock) -> None:
    """Nothing is deleted, nothing is in the future, versions still follow each other; a full run marks all as read."""
    await stage.run()
    for night in (1, 2):
        clock.ahead = night * DAY
        happen(stage, night)
        await stage.run()
    clock.ahead = NOTHING
    before = await counts(stage)
    async with stage.rooms() as rooms:
        found = await future_values(rooms.database, clock, ["main"])
        async with writing(rooms.database, "main", "db repair-times", clock) as writer:
            repaired = await repair_times(writer, clock)
        assert [each for each in repaired if each.place != "worker.instances"] == [
            each for each in found if each.place != "worker.instances"
        ]
        assert await future_values(rooms.database, clock, ["main"]) == ()
        assert await counts(stage) == before
        marked = "SELECT count(*) FROM mirror.communication_channels WHERE read_epoch = -1"
        assert await stage.value(marked)
        query = "SELECT valid_from, valid_to FROM mirror.channel_history"
        assert all(row["valid_from"] < row["valid_to"] for row in await stage.fetch(query))
        vitals = await read_vitals(rooms.database, clock, rooms.instance)
        assert vitals.age is not None
        assert vitals.age >= NOTHING
    report = await stage.run()
    assert (report.exit_code, report.findings) == (0, ())
    await stage.assert_equal()
    dead = await stage.value(f"{marked} AND deleted_at IS NOT NULL")
    assert await stage.value(marked) == dead
    assert await stage.value("SELECT count(*) FROM mirror.users WHERE read_epoch = -1") == 0


async def counts(stage: Stage) -> dict[str, int]:
    """How much there is."""
    tables: tuple[str, ...] = (
        "mirror.communication_channels",
        "mirror.channel_history",
        "mirror.users",
        "mirror.user_history",
    )
    tables += ("worker.runs", "worker.batches", "worker.candidates")
    return {table: await stage.value(f"SELECT count(*) FROM {table}") for table in tables}  # noqa: S608  (constants)


async def test_a_plan_takes_nothing_from_the_future_for_fresh(
    stage: Stage, clock: SteppingClock, desire: Desire
) -> None:
    """A user who was read by a wrong clock is read again."""
    clock.ahead = DAY
    await stage.run()
    clock.ahead = NOTHING
    await stage.fetch("UPDATE worker.batches SET done_at = done_at + interval '1 day' WHERE run_id = 1")
    stage.sandbox.counters.reset()
    await desire.plan(desire.csv(f"id:{stage.ids[3]},email,fresh@example.com,present"))
    assert stage.sandbox.counters.channel_lists[stage.ids[3]] == 1


async def test_no_run_of_the_future_goes_on(stage: Stage, clock: SteppingClock) -> None:
    """Nobody knows how old it is: it is abandoned, and a new one reads everybody."""
    clock.ahead = DAY
    await stage.run()
    await stage.fetch("UPDATE worker.runs SET status = 'interrupted', finished_at = NULL")
    clock.ahead = NOTHING
    report = await stage.run()
    assert not report.resumed
    assert await stage.value("SELECT status FROM worker.runs WHERE id = 1") == "abandoned"

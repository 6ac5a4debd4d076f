"""Clocks that step, on worker and database together: what was read later is written, and nothing is lost."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.clocks import DAY, NOTHING, SteppingClock
from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage, quick, staged

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

"""When a user was read last: by the last done batch that contained the user, without an open failure."""

import random
from datetime import datetime, timedelta

import pytest

from sync_worker.channels import ReadOutcome
from sync_worker.clock import Clock
from sync_worker.mirror.ledger import REMEMBERED
from sync_worker.mirror.runs import Reason, RunEnd
from tests.integration.mirror.stage import START, Stage, at, channel, failure, gone, snapshot, unreadable

DAY = 24 * 60


async def read_times(stage: Stage) -> dict[int, datetime | None]:
    """When each user was read last, as the view says it."""
    return {row["id"]: row["read_at"] for row in await stage.query("SELECT id, read_at FROM reporting.users")}


async def noted_to(stage: Stage) -> int:
    """The first run whose batches are looked through."""
    (row,) = await stage.query("SELECT reads_noted_to FROM worker.instances WHERE instance = $1", stage.instance)
    return int(row["reads_noted_to"])


async def finish(stage: Stage, status: str = "done") -> None:
    """The end of the run."""
    end = RunEnd(status=status, exit_code=0, message="", requests=1, throttled=0, seconds=1.0, pending=0)
    await stage.ledger.finish(stage.run, end)


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("second", "third"),
    [
        (failure(1, DAY), None),
        (unreadable(1, DAY), unreadable(1, 2 * DAY)),
        (failure(1, DAY), failure(1, 2 * DAY)),
        (None, unreadable(1, 2 * DAY)),
        (None, None),
    ],
)
async def test_who_is_not_read_stays_as_fresh_as_before(
    stage: Stage, *, finished: bool, second: ReadOutcome | None, third: ReadOutcome | None
) -> None:
    """A failure, a missing right or being left out makes nobody fresher, however many nights it lasts."""
    for minutes, outcome in ((0, snapshot(1, 0)), (DAY, second), (2 * DAY, third)):
        stage.clock.time = at(minutes + 5)
        await stage.next_run()
        await stage.commit(snapshot(2, minutes), *([outcome] if outcome else []))
        if finished:
            await finish(stage)
    assert await read_times(stage) == {1: at(5), 2: at(2 * DAY + 5)}


async def test_never_read(stage: Stage) -> None:
    """Whoever could never be read is not fresh at all."""
    stage.clock.time = at(1)
    await stage.commit(unreadable(1, 0), failure(2, 0))
    await stage.enrol()
    await finish(stage)
    assert await read_times(stage) == {1: None}


async def test_unlisted_and_gone(stage: Stage) -> None:
    """Unlisted: as before it fell out. Gone: as of the answer that said so, also when nobody asks any more."""
    stage.clock.time = at(1)
    await stage.commit(snapshot(1, 0), snapshot(2, 0), snapshot(3, 0))
    await finish(stage)
    for day in (1, 2):
        stage.clock.time = at(day * DAY + 1)
        await stage.next_run()
        await stage.commit(snapshot(3, day * DAY))
        if day == 1:
            await stage.commit(gone(1, DAY), unreadable(2, DAY), reason=Reason.MISSING)
        await finish(stage)
    assert await read_times(stage) == {1: at(DAY + 1), 2: at(1), 3: at(2 * DAY + 1)}


async def test_a_resolved_failure(stage: Stage) -> None:
    """A user that failed and was read later in the same run is as fresh as that."""
    stage.clock.time = at(1)
    await stage.commit(failure(1, 0))
    stage.clock.time = at(2)
    await stage.commit(snapshot(1, 1), reason=Reason.FAILED_BEFORE)
    assert await read_times(stage) == {1: at(2)}


@pytest.mark.parametrize("seed", range(4))
async def test_many_nights(stage: Stage, seed: int) -> None:
    """Whatever becomes of users night by night, the view says when each was read last; also what is noted counts."""
    dice = random.Random(seed)
    expected: dict[int, datetime | None] = {}
    for night in range(8):
        stage.clock.time = at(night * DAY + 1)
        await stage.next_run()
        outcomes: list[ReadOutcome] = []
        for user in range(1, 16):
            kind = dice.choice((snapshot, snapshot, snapshot, failure, unreadable, gone, None))
            if kind is not None:
                outcomes.append(kind(user, night * DAY))
                read = kind in (snapshot, gone)
                expected[user] = stage.clock.time if read else expected.get(user)
        await stage.commit(*outcomes)
        if dice.random() < 0.7:
            await finish(stage, dice.choice(("done", "partial", "withheld", "implausible")))
        found = await read_times(stage)
        assert found == {user: time for user, time in expected.items() if user in found}
        assert all(expected[user] is None for user in expected.keys() - found.keys())


async def test_few_batches_are_looked_through(stage: Stage) -> None:
    """After a run over everybody only its own. Runs over few move nothing until the week is over; then all is noted."""
    everybody = [snapshot(user, 0) for user in range(1, 1501)]
    await stage.commit(*everybody)
    await finish(stage)
    first = stage.run.id
    assert await noted_to(stage) == first
    for day in range(1, REMEMBERED.days + 4):
        stage.clock.time = at(day * DAY)
        await stage.next_run(specs=("id:1",))
        await stage.commit(snapshot(1, day * DAY))
        await finish(stage)
        late = day - REMEMBERED.days
        assert await noted_to(stage) == (first if late <= 0 else first + 1 if late == 1 else stage.run.id)
    times = await read_times(stage)
    assert times.pop(1) == stage.clock.time
    assert set(times.values()) == {START}


async def test_a_run_that_may_go_on_is_looked_through(stage: Stage) -> None:
    """An older, interrupted run that is resumed after a newer one has ended still makes its users fresh."""
    interrupted = stage.run
    await stage.commit(snapshot(1, 0), snapshot(2, 0))
    await finish(stage, "interrupted")
    stage.clock.time = START + timedelta(hours=1)
    await stage.next_run(specs=("id:1",))
    await stage.commit(snapshot(1, 60))
    await finish(stage)
    assert await noted_to(stage) == interrupted.id
    stage.run = interrupted
    stage.clock.time = START + timedelta(hours=2)
    await stage.commit(snapshot(2, 120), reason=Reason.FAILED_BEFORE)
    await finish(stage)
    assert await read_times(stage) == {1: START + timedelta(hours=1), 2: START + timedelta(hours=2)}


async def test_another_instance(stage: Stage) -> None:
    """Instances have users of their own."""
    await stage.query("INSERT INTO worker.instances (instance) VALUES ('other')")
    await stage.query(
        "INSERT INTO mirror.users (instance, id, state, first_seen_at, changed_at) "
        "VALUES ('other', 1, 'present', $1, $1)",
        START,
    )
    await stage.commit(snapshot(1, 0))
    query = "SELECT instance, users_present, users_never_read, newest_read_at FROM reporting.freshness ORDER BY 1"
    assert [tuple(row) for row in await stage.query(query)] == [("main", 1, 0, START), ("other", 1, 1, None)]


async def test_now_is_what_the_session_says(stage: Stage) -> None:
    """So that a report is as of the worker's clock; whoever asks the views by hand gets the database's."""
    await stage.commit(snapshot(1, 0, channel(10)))
    query = "SELECT read_within_day FROM reporting.freshness"

    async def within_day(now: datetime | None) -> int:
        async with stage.database.session() as session, session.transaction():
            if now is not None:
                await session.execute("prepare_report", now)
            found: int = await session.connection.fetchval(query)
            return found

    (done_at,) = (await stage.query("SELECT max(done_at) FROM worker.batches"))[0]
    assert await within_day(done_at + timedelta(hours=23)) == 1
    assert await within_day(done_at + timedelta(hours=25)) == 0
    assert await within_day(done_at - timedelta(minutes=4)) == 1
    assert await within_day(done_at - timedelta(hours=1)) == 0  # it lies in the future
    assert await within_day(None) == (abs(Clock().now() - done_at) < timedelta(days=1))

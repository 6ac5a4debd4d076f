"""What the scheduler and the notices remember, in the database."""

from datetime import UTC, datetime, timedelta

import pytest

from sync_worker.mirror.database import Database
from sync_worker.mirror.notices import Notices
from sync_worker.mirror.schedule import End, Mark, Marks, StoredMarks
from tests.unit.service.ledger import MemoryMarks

T0 = datetime(2026, 11, 23, 3, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["table", "dictionary"])
def marks(request: pytest.FixtureRequest, database: Database) -> Marks:
    """The table, and what plays it in virtual time."""
    return StoredMarks(database) if request.param == "table" else MemoryMarks()


def end(started_at: datetime, passed_at: datetime | None = None) -> End:
    """After an hour."""
    return End(started_at=started_at, finished_at=started_at + HOUR, exit_code=0, passed_at=passed_at)


async def test_a_new_job(marks: Marks) -> None:
    """It owes nothing from before, and keeps the time at which it was first seen."""
    first = Mark(due_at=T0, started_at=T0, finished_at=T0)
    assert await marks.meet("job", T0) == first
    assert await marks.meet("job", T0 + HOUR) == first


async def test_a_clock_that_was_ahead(marks: Marks) -> None:
    """What it has begun more than five minutes from now counts as new: nobody waits for a time that a clock made up."""
    await marks.meet("job", T0)
    await marks.claim("job", T0 + 30 * HOUR, T0 + 30 * HOUR, None)
    assert (await marks.meet("job", T0 + 30 * HOUR - timedelta(minutes=4))).due_at == T0 + 30 * HOUR
    assert await marks.meet("job", T0) == Mark(due_at=T0, started_at=T0, finished_at=T0)
    assert await marks.claim("job", T0 + HOUR, T0 + HOUR, None)


async def test_one_begins_each_time(marks: Marks) -> None:
    """A second claim of the same time, or of an earlier one, is refused; the next time is free again."""
    await marks.meet("job", T0)
    assert await marks.claim("job", T0 + HOUR, T0 + HOUR, None)
    assert not await marks.claim("job", T0 + HOUR, T0 + HOUR, None)
    assert not await marks.claim("job", T0, T0 + HOUR, None)
    assert await marks.claim("job", T0 + 2 * HOUR, T0 + 2 * HOUR, None)


async def test_a_start_that_did_not_end_is_repeated_once(marks: Marks) -> None:
    """Whoever saw it may repeat it; the second one finds that it is another start by now."""
    await marks.meet("job", T0)
    await marks.claim("job", T0 + HOUR, T0 + HOUR, None)
    seen = await marks.meet("job", T0 + 2 * HOUR)
    assert seen == Mark(due_at=T0 + HOUR, started_at=T0 + HOUR, finished_at=None)
    assert await marks.claim("job", T0 + HOUR, T0 + 2 * HOUR, seen.started_at)
    assert not await marks.claim("job", T0 + HOUR, T0 + 2 * HOUR, seen.started_at)


async def test_an_end(marks: Marks) -> None:
    """It counts for the start that it is the end of; what passed meanwhile is not owed; it cannot be repeated."""
    await marks.meet("job", T0)
    await marks.claim("job", T0 + HOUR, T0 + HOUR, None)
    await marks.finish("job", end(T0, T0 + 9 * HOUR))
    assert (await marks.meet("job", T0 + HOUR)).finished_at is None
    await marks.finish("job", end(T0 + HOUR, T0 + 3 * HOUR))
    assert await marks.meet("job", T0 + 3 * HOUR) == Mark(
        due_at=T0 + 3 * HOUR, started_at=T0 + HOUR, finished_at=T0 + 2 * HOUR
    )
    assert not await marks.claim("job", T0 + 3 * HOUR, T0 + 4 * HOUR, T0 + HOUR)


async def test_one_is_at_work(marks: Marks) -> None:
    """Nobody else meanwhile; another job is free, and so is this one afterwards."""
    async with marks.at_work("job") as first, marks.at_work("job") as second, marks.at_work("other job") as other:
        assert (first, second, other) == (True, False, True)
    async with marks.at_work("job") as again:
        assert again


async def test_notices(database: Database) -> None:
    """What was told is known until it is too long ago, or holds no more; what is to come does not count."""
    notices = Notices(database, "main", "run")
    assert not await notices.told("withheld", "a", T0)
    await notices.note("withheld", "a", T0)
    assert await notices.told("withheld", "a", T0 + HOUR, since=T0 - HOUR)
    assert not await notices.told("withheld", "a", T0 + HOUR, since=T0)
    assert not await notices.told("withheld", "a", T0 - HOUR, since=T0 - 2 * HOUR)
    assert await notices.told("withheld", "a", T0 - HOUR)
    assert not await notices.told("withheld", "b", T0)
    assert not await Notices(database, "main", "prune").told("withheld", "a", T0)
    await notices.note("withheld", "a", T0 + HOUR)
    await notices.note("withheld", "b", T0)
    assert await notices.told("withheld", "a", T0 + HOUR, since=T0)
    assert await notices.drop("withheld", ["a"])
    assert not await notices.drop("withheld", ["a"])
    assert (await notices.told("withheld", "a", T0), await notices.told("withheld", "b", T0)) == (True, False)

"""Reading and committing batches, with a ledger and a mirror in memory."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from sync_worker.channels import Failure, ReadOrder, ReadOutcome, Snapshot
from sync_worker.clock import deadline
from sync_worker.errors import ClaimLost, TokenRefused
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.fetch import OPEN_BATCHES, Fetcher, read_all
from sync_worker.flows.watch import leading
from sync_worker.mirror.ledger import Ledger
from sync_worker.mirror.merge import Merged, Mirror
from sync_worker.mirror.runs import Batch, Reason, Run

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RUN = Run(id=1, resumed=False, listed=False)


class Books:
    """Ledger and mirror of one run: batches to claim, batches that were committed."""

    def __init__(self, *batches: Sequence[int]) -> None:
        self.waiting = list(enumerate(batches, 1))
        self.committed: dict[int, list[int]] = {}
        self.claimed = 0
        self.refuse: Callable[[Batch], Exception | None] = lambda _: None

    async def claim(self, _run: Run) -> Batch | None:
        if not self.waiting:
            return None
        number, ids = self.waiting.pop(0)
        self.claimed += 1
        order = ReadOrder(epoch=1, number=number)
        return Batch(number=number, reason=Reason.SOURCE, user_ids=tuple(ids), claim=number, order=order)

    async def commit(self, _run: Run, batch: Batch, outcomes: Sequence[ReadOutcome]) -> Merged:
        await asyncio.get_running_loop().run_in_executor(None, str)
        if error := self.refuse(batch):
            raise error
        assert batch.number not in self.committed
        self.committed[batch.number] = [outcome.user_id for outcome in outcomes]
        return Merged(seen=len(outcomes), created=1)


def fetcher(books: Books, read: Callable[[int], Any], *, workers: int = 4, progress: Progress | None = None) -> Fetcher:
    """A fetcher of these batches."""
    return Fetcher(
        ledger=cast("Ledger", books),
        mirror=cast("Mirror", books),
        run=RUN,
        read=read,
        workers=workers,
        progress=progress or Progress(),
    )


async def fine(user_id: int) -> ReadOutcome:
    """A user without channels."""
    return Snapshot(user_id=user_id, read_at=NOW, channels=())


async def trouble(user_id: int) -> ReadOutcome:
    """A user that cannot be read."""
    return Failure(user_id=user_id, read_at=NOW, kind="trouble", status=500, message="no")


async def test_every_user_of_every_batch_is_read_and_committed_once() -> None:
    """And counted."""
    books, progress = Books([1, 2, 3], [4], [5, 6]), Progress()
    fetching = fetcher(books, fine, progress=progress)
    fetching.close()
    async with deadline(20):
        await fetching.run()
    assert {number: sorted(ids) for number, ids in books.committed.items()} == {1: [1, 2, 3], 2: [4], 3: [5, 6]}
    assert (progress.done, progress.failed, progress.channels, progress.changes) == (6, 0, 6, 3)


async def test_nothing_to_do() -> None:
    """It ends."""
    fetching = fetcher(Books(), fine)
    fetching.close()
    async with deadline(20):
        await fetching.run()


async def test_batches_that_come_later_are_found() -> None:
    """It waits for announcements until it is told that no more will come."""
    books = Books()
    fetching = fetcher(books, fine)
    running = asyncio.create_task(fetching.run())
    for number in range(1, 4):
        await asyncio.get_running_loop().run_in_executor(None, str)
        books.waiting.append((number, [number]))
        fetching.announce()
    await asyncio.get_running_loop().run_in_executor(None, str)
    assert not running.done()
    books.waiting.append((4, [4]))
    fetching.close()
    async with deadline(20):
        await running
    assert books.committed == {number: [number] for number in range(1, 5)}


async def test_no_more_at_a_time_than_there_are_workers() -> None:
    """Users, whatever batch they are of."""
    now, most = 0, 0

    async def counted(user_id: int) -> ReadOutcome:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.get_running_loop().run_in_executor(None, str)
        now -= 1
        return await fine(user_id)

    fetching = fetcher(Books(*[[n, n + 1] for n in range(1, 41, 2)]), counted, workers=3)
    fetching.close()
    await fetching.run()
    assert most == 3


async def test_a_slow_user_holds_only_its_own_batch() -> None:
    """Up to the number of open batches the others are read and written meanwhile; then memory comes first."""
    release = asyncio.Event()

    async def slow(user_id: int) -> ReadOutcome:
        if user_id == 1:
            await release.wait()
        return await fine(user_id)

    books = Books(*[[n] for n in range(1, 101)])
    fetching = fetcher(books, slow)
    fetching.close()
    running = asyncio.create_task(fetching.run())
    async with deadline(20):
        while len(books.committed) < 99:
            await asyncio.get_running_loop().run_in_executor(None, str)
    assert 1 not in books.committed
    release.set()
    await running
    assert 1 in books.committed


async def test_open_batches_are_bounded() -> None:
    """Nobody comes home: no more batches are claimed than may be open."""
    books = Books(*[[n] for n in range(1, 101)])
    fetching = fetcher(books, lambda _: asyncio.Event().wait(), workers=64)
    running = asyncio.create_task(fetching.run())
    for _ in range(100):
        await asyncio.get_running_loop().run_in_executor(None, str)
    assert books.claimed == OPEN_BATCHES
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_an_error_about_the_run_ends_it_and_what_was_read_can_be_kept() -> None:
    """Parts of batches are committed; trouble is left for the next start."""

    async def until_refused(user_id: int) -> ReadOutcome:
        if user_id == 3:
            raise TokenRefused("no")
        return await (trouble(user_id) if user_id == 2 else fine(user_id))

    books = Books([1, 2, 3, 4])
    fetching = fetcher(books, until_refused, workers=1)
    with pytest.raises(BaseExceptionGroup) as group:
        await fetching.run()
    assert isinstance(leading(group.value), TokenRefused)
    await fetching.commit_partial()
    assert books.committed == {1: [1]}


async def test_a_commit_that_went_through_does_not_stop_the_other_parts() -> None:
    """Cancelled while its answer was on the way: it is done, and the others are still to be kept."""

    async def until_refused(user_id: int) -> ReadOutcome:
        if user_id == 5:
            raise TokenRefused("no")
        return await fine(user_id)

    books = Books([1, 6], [3, 4, 5])

    async def read(user_id: int) -> ReadOutcome:
        await (asyncio.Event().wait() if user_id == 6 else asyncio.get_running_loop().run_in_executor(None, str))
        return await until_refused(user_id)

    fetching = fetcher(books, read, workers=2)
    books.refuse = lambda batch: ClaimLost("done already") if batch.number == 1 else None
    with pytest.raises(BaseExceptionGroup):
        await fetching.run()
    await fetching.commit_partial()
    assert books.committed == {2: [3, 4]}


@pytest.mark.parametrize(("users", "workers"), [(0, 4), (1, 4), (10, 4), (10, 64)])
async def test_reading_some_users(users: int, workers: int) -> None:
    """Each once."""
    outcomes = await read_all(tuple(range(users)), fine, workers)
    assert sorted(outcome.user_id for outcome in outcomes) == list(range(users))


async def test_a_batch_that_somebody_else_has_taken_over_is_left_to_them() -> None:
    """The others go on, and its place is free again."""
    books = Books(*[[n] for n in range(1, 2 * OPEN_BATCHES + 2)])
    books.refuse = lambda batch: ClaimLost("taken over") if batch.number % 2 else None
    fetching = fetcher(books, fine)
    fetching.close()
    async with deadline(20):
        await fetching.run()
    assert sorted(books.committed) == list(range(2, 2 * OPEN_BATCHES + 1, 2))
    books.refuse = lambda _: None
    await fetching.commit_partial()
    assert sorted(books.committed) == list(range(2, 2 * OPEN_BATCHES + 1, 2))

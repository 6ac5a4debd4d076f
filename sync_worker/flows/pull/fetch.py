"""Reading batches and committing them: fetching and writing overlap, every queue between them is bounded.

Users of several batches are read at a time, so that the bucket is never idle while the last users of a batch are
still being read. A batch is committed when all its users have an outcome.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from sync_worker.channels import Failure, ReadOutcome
from sync_worker.errors import ClaimLost
from sync_worker.flows.progress import Progress
from sync_worker.flows.waiting.outage import is_refusal, is_trouble
from sync_worker.logs import get_logger
from sync_worker.mirror.ledger import Ledger
from sync_worker.mirror.merge import Merged, Mirror
from sync_worker.mirror.runs import Batch, Run
from sync_worker.tasks import TaskGroup

Reader = Callable[[int], Awaitable[ReadOutcome]]
"""Reads one user; raises only what is about the whole run."""

OPEN_BATCHES: Final = 24
"""Batches being read or waiting to be written: one slow user must not stop the others, memory must stay flat."""

log = get_logger(__name__)


@dataclass(slots=True, kw_only=True, eq=False)
class OpenBatch:
    """A batch that is being read."""

    batch: Batch
    outcomes: list[ReadOutcome] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether every user has an outcome."""
        return len(self.outcomes) == len(self.batch.user_ids)


class Fetcher:
    """Reads and commits the batches of one run.

    Args:
        ledger, mirror: where batches come from and go to.
        run: whose batches.
        read: reads one user.
        workers: users read at a time at most; the gate decides below it.
        progress: is counted up.
    """

    def __init__(
        self, *, ledger: Ledger, mirror: Mirror, run: Run, read: Reader, workers: int, progress: Progress
    ) -> None:
        self._ledger = ledger
        self._mirror = mirror
        self._run = run
        self._read = read
        self._workers = workers
        self._progress = progress
        self._todo: asyncio.Queue[tuple[OpenBatch, int]] = asyncio.Queue(maxsize=workers)
        self._finished: asyncio.Queue[OpenBatch] = asyncio.Queue(maxsize=OPEN_BATCHES)
        self._room = asyncio.Semaphore(OPEN_BATCHES)
        self._open: dict[int, OpenBatch] = {}
        self._more = asyncio.Event()
        self._all_enrolled = False

    def announce(self) -> None:
        """There may be more batches in the ledger."""
        self._more.set()

    def close(self) -> None:
        """No more batches will come."""
        self._all_enrolled = True
        self._more.set()

    async def run(self) -> None:
        """Read and commit until the ledger has no batch left and none will come."""
        async with TaskGroup() as group:
            readers = [group.create_task(self._work(), name=f"reader {n}") for n in range(self._workers)]
            writer = group.create_task(self._write(), name="writer")
            async for batch in self._claims():
                await self._feed(batch)
            await self._todo.join()
            await self._finished.join()
            for task in (*readers, writer):
                task.cancel()

    async def commit_partial(self) -> None:
        """After an interruption: commit what was read; the other users stay behind as batches of their own.

        Trouble and refusals stay behind too: they may be a part of what interrupted the run, and are asked again when
        it goes on.
        """
        for open_batch in list(self._open.values()):
            outcomes = open_batch.outcomes
            open_batch.outcomes = [each for each in outcomes if not is_trouble(each) and not is_refusal(each)]
            if open_batch.outcomes:
                with suppress(ClaimLost):  # its commit was under way when the end came, and has gone through
                    await self._commit(open_batch)

    async def _claims(self) -> AsyncIterator[Batch]:
        while True:
            self._more.clear()
            last_look = self._all_enrolled
            await self._room.acquire()
            batch = await self._ledger.claim(self._run)
            if batch is not None:
                self._more.set()
                yield batch
                continue
            self._room.release()
            if last_look:
                return
            await self._more.wait()

    async def _feed(self, batch: Batch) -> None:
        open_batch = self._open[batch.number] = OpenBatch(batch=batch)
        for user_id in batch.user_ids:
            await self._todo.put((open_batch, user_id))

    async def _work(self) -> None:
        while True:
            open_batch, user_id = await self._todo.get()
            outcome = replace(await self._read(user_id), order=open_batch.batch.order)
            open_batch.outcomes.append(outcome)
            self._progress.done += 1
            self._progress.failed += isinstance(outcome, Failure)
            if open_batch.complete:
                await self._finished.put(open_batch)
            self._todo.task_done()

    async def _write(self) -> None:
        while True:
            open_batch = await self._finished.get()
            try:
                await self._commit(open_batch)
            except ClaimLost as error:
                log.warning(
                    "a batch was not written: the claim is gone", batch=open_batch.batch.number, reason=str(error)
                )
                self._put_away(open_batch)
            self._finished.task_done()

    def _put_away(self, open_batch: OpenBatch) -> None:
        del self._open[open_batch.batch.number]
        self._room.release()

    async def _commit(self, open_batch: OpenBatch) -> None:
        merged = await self._mirror.commit(self._run, open_batch.batch, open_batch.outcomes)
        self._put_away(open_batch)
        self._progress.channels += merged.seen
        self._progress.changes += merged.created + merged.changed
        warn_of_nul(merged)


def warn_of_nul(merged: Merged) -> None:
    """Say that texts were changed on their way into the mirror."""
    if merged.nul_replaced:
        log.warning("NUL characters replaced by U+FFFD: PostgreSQL cannot store them", texts=merged.nul_replaced)


async def read_all(user_ids: tuple[int, ...], read: Reader, workers: int) -> list[ReadOutcome]:
    """Read some users, several at a time; the outcomes in the order in which they came."""
    outcomes: list[ReadOutcome] = []
    waiting = iter(user_ids)

    async def work() -> None:
        for user_id in waiting:
            outcomes.append(await read(user_id))  # noqa: PERF401  (shared by all workers)

    async with TaskGroup() as group:
        for number in range(min(workers, len(user_ids))):
            group.create_task(work(), name=f"reader {number}")
    return outcomes

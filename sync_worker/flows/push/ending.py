"""The end of an apply after a signal: what was sent to Canvas is answered, read back and closed; no more is begun.

The users at work are tasks. One whose action was sent goes on until the action is closed. One that only waits (for the
read before its first action, for a turn at the gate, before a call is sent again) ends at once. How long the first may
take is the grace period's business, which cancels all of them (`flows.watch`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from sync_worker.errors import SyncWorkerError, Trouble, Withdrawn
from sync_worker.flows.stop import Stop
from sync_worker.tasks import TaskGroup

T = TypeVar("T")

Work = Callable[[], Awaitable[None]]


class Sending:
    """One call, as often as it is sent; see `client.writing`.

    Args:
        stop: says whether the end was asked for.
        first: awaited right before each attempt.
    """

    def __init__(self, stop: Stop, first: Callable[[], Awaitable[None]]) -> None:
        self._stop = stop
        self._first = first
        self._task: asyncio.Task[object] | None = None  # that makes the call
        self._out = False  # an attempt is on its way
        self._perhaps = False  # one that has come back may have been carried out
        self._withdrawn = False

    async def first(self) -> None:
        """An attempt is about to be sent.

        Raises:
            Withdrawn, Trouble: the end was asked for; as `through`.
        """
        self._check()
        await self._first()
        self._out = True

    def again(self, harmless: bool) -> None:  # noqa: FBT001  (the signature is the client's)
        """An attempt has come back and is to be repeated; `harmless`: it was surely not carried out."""
        self._out = False
        self._perhaps |= not harmless
        self._check()

    def withdraw(self) -> None:
        """The end is asked for: end the call, unless an attempt is on its way."""
        if self._task is not None and not self._out:
            self._withdrawn = True
            self._task.cancel()

    async def through(self, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call.

        Raises:
            Withdrawn: the end was asked for, and Canvas has surely done nothing.
            Trouble: the end was asked for, and nobody knows what an attempt before came to.
        """
        self._check()
        self._task = task = asyncio.current_task()
        try:
            return await call()
        except asyncio.CancelledError:
            if self._withdrawn and task is not None and task.cancelling() == 1:  # by nobody else
                raise self._end() from None
            raise
        finally:
            self._task = None
            if self._withdrawn and task is not None:
                task.uncancel()

    def _check(self) -> None:
        if self._stop.requested.is_set():
            raise self._end()

    def _end(self) -> SyncWorkerError:
        if self._perhaps:
            return Trouble("no usable answer, and a signal came before it could be sent again")
        return Withdrawn("a signal came before it was sent")


class Ending:
    """Runs the users of one apply, and ends them when the end is asked for."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._idle: set[asyncio.Task[None] | None] = set()  # that have nothing under way
        self._calls: set[Sending] = set()

    @property
    def asked(self) -> bool:
        """Whether the end was asked for."""
        return self._stop.requested.is_set()

    async def each(self, works: Iterable[Work]) -> None:
        """Do them side by side; after a signal, return as soon as what they have sent is closed."""
        with self._stop.telling(self._end):
            async with TaskGroup() as group:
                for number, work in enumerate(works):
                    group.create_task(self._one(work), name=f"writer {number}")

    async def _one(self, work: Work) -> None:
        if self.asked:
            return
        task = asyncio.current_task()
        self._idle.add(task)
        try:
            with suppress(Withdrawn):
                await work()
        finally:
            self._idle.discard(task)

    @contextmanager
    def action(self, first: Callable[[], Awaitable[None]]) -> Iterator[Sending]:
        """The body takes one action from its place in the journal to its end; a signal does not cut it short.

        Args:
            first: as for `Sending`.

        Raises:
            Withdrawn: the end was asked for, before or meanwhile: begin no other.
        """
        if self.asked:
            raise Withdrawn("a signal came before it was begun")
        task, sending = asyncio.current_task(), Sending(self._stop, first)
        self._idle.discard(task)
        self._calls.add(sending)
        try:
            yield sending
        finally:
            self._calls.discard(sending)
            self._idle.add(task)
        if self.asked:
            raise Withdrawn("a signal came")

    def _end(self) -> None:
        for task in self._idle:
            if task is not None:
                task.cancel()
        for call in self._calls:
            call.withdraw()

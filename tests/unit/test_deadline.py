"""The deadline: TimeoutError for the one whose deadline passed, cancellation for whoever was cancelled, counts intact.

The tables hold on every Python; from 3.13 on (where `asyncio.timeout` is right) random programs compare the two.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sync_worker.clock import Clock, deadline
from sync_worker.tasks import TaskGroup
from tests.virtual_time import run_virtually

CLOCK: Final = Clock()
LATER: Final = 1000.0


def _cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def _sleep(seconds: float = LATER) -> None:
    await CLOCK.sleep(seconds)


async def _swallow(work: Awaitable[None]) -> None:
    with suppress(asyncio.CancelledError):
        await work


def _cancelled_after(seconds: float, work: Coroutine[Any, Any, str]) -> str:
    """What becomes of a task that is cancelled after so many seconds."""

    async def watch() -> str:
        task = asyncio.create_task(work)
        await CLOCK.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])
        return "cancelled" if task.cancelled() else task.result()

    return run_virtually(watch())


# --- Alone ----------------------------------------------------------------------------------------------


def test_it_passes() -> None:
    """The body is cancelled then, TimeoutError comes of it, and no request to end is left."""

    async def work() -> None:
        limit = deadline(5)
        with pytest.raises(TimeoutError) as caught:
            async with limit:
                await _sleep()
        assert asyncio.get_running_loop().time() == 5
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)
        assert (limit.expired(), _cancelling()) == (True, 0)
        await _sleep()  # nothing comes afterwards

    run_virtually(work())


@pytest.mark.parametrize("seconds", [5.0, None])
def test_it_does_not_pass(seconds: float | None) -> None:
    """A body that ends before is left alone, and so is what comes after it."""

    async def work() -> None:
        async with deadline(seconds) as limit:
            await _sleep(4)
        await _sleep()
        assert (limit.expired(), _cancelling()) == (False, 0)

    run_virtually(work())


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_time_at_all(seconds: float) -> None:
    """The body ends at its first wait; where it waits for nothing, it has ended in time."""

    async def work() -> None:
        with pytest.raises(TimeoutError):
            async with deadline(seconds):
                await _sleep()
        async with deadline(seconds):
            pass
        await _sleep()
        assert _cancelling() == 0

    run_virtually(work())


def test_the_bodys_own_error() -> None:
    """It goes through; where it took the place of the cancellation, its context says that time had passed."""

    async def fail() -> None:
        try:
            await _sleep()
        except asyncio.CancelledError:
            raise KeyError("at the end")  # noqa: B904  (the context is looked at)

    async def work() -> None:
        with pytest.raises(KeyError) as caught:
            async with deadline(5):
                raise KeyError("at once")
        assert caught.value.__context__ is None
        with pytest.raises(KeyError) as caught:
            async with deadline(5):
                await fail()
        assert isinstance(caught.value.__context__, TimeoutError)
        assert _cancelling() == 0

    run_virtually(work())


def test_a_swallowed_cancellation() -> None:
    """A body that goes on all the same has no error, and may end when it likes."""

    async def work() -> None:
        async with deadline(5) as limit:
            await _swallow(_sleep())
            await _sleep(7)
        assert (limit.expired(), _cancelling()) == (True, 0)
        assert asyncio.get_running_loop().time() == 12

    run_virtually(work())


def test_it_is_used_once_and_in_a_task() -> None:
    """Wrong use is an error, not a deadline that never passes."""

    async def work() -> None:
        limit = deadline(5)
        async with limit:
            pass
        with pytest.raises(RuntimeError, match="once"):
            async with limit:
                pass
        outside: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

        def enter() -> None:
            try:
                deadline(5).__aenter__().send(None)
            except RuntimeError as error:
                outside.set_result(error)

        asyncio.get_running_loop().call_soon(enter)
        assert "task" in str(await outside)

    run_virtually(work())


# --- In a task that others cancel -----------------------------------------------------------------------


def test_while_a_cancelled_task_cleans_up() -> None:
    """TimeoutError within the clean-up (Python 3.11.2 itself says CancelledError), and then the task ends cancelled."""
    seen: list[str] = []

    async def work() -> str:
        try:
            await _sleep()
        finally:
            try:
                async with deadline(5):
                    await _sleep()
            except TimeoutError:
                seen.append(f"in time, {_cancelling()} asked")
        return "never"

    assert _cancelled_after(1, work()) == "cancelled"
    assert seen == ["in time, 1 asked"]


def test_in_a_task_that_goes_on_after_a_cancellation() -> None:
    """What was asked for before the deadline began does not count against it."""

    async def work() -> str:
        await _swallow(_sleep())
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with deadline(5):
                    await _sleep()
        return f"went on, {_cancelling()} asked"

    assert _cancelled_after(1, work()) == "went on, 1 asked"


def test_after_a_group_in_which_a_task_failed() -> None:
    """A group that failed leaves its cancellation behind before Python 3.13: later deadlines work all the same."""

    async def fail() -> None:
        await _sleep(1)
        raise KeyError

    async def work() -> None:
        with suppress(ExceptionGroup):
            async with TaskGroup() as group:
                group.create_task(fail())
        with pytest.raises(TimeoutError):
            async with deadline(5):
                await _sleep()

    run_virtually(work())


@pytest.mark.parametrize("when", [1.0, 5.0])
@pytest.mark.parametrize("deadline_first", [True, False])
def test_a_cancellation_stays_one(when: float, *, deadline_first: bool) -> None:
    """Also where the deadline passes at the same moment, before it or after it."""

    async def work() -> str:
        async with deadline(5):
            await _sleep()
        return "never"

    async def watch() -> bool:
        loop = asyncio.get_running_loop()
        tasks: list[asyncio.Task[str]] = []
        if not deadline_first:
            loop.call_later(when, lambda: [task.cancel() for task in tasks])
        tasks.append(asyncio.create_task(work()))
        await asyncio.sleep(0)  # noqa: TID251  (the task begins)
        if deadline_first:
            loop.call_later(when, tasks[0].cancel)
        await asyncio.wait(tasks)
        return tasks[0].cancelled()

    assert run_virtually(watch())


@pytest.mark.parametrize(("inner", "outer", "who"), [(5, 9, "inner"), (9, 5, "outer"), (5, 5, "outer")])
def test_one_within_the_other(inner: float, outer: float, who: str) -> None:
    """The TimeoutError is of the one that passed, and of the outer one where both did."""

    async def work() -> str:
        try:
            async with deadline(outer):
                try:
                    async with deadline(inner):
                        await _sleep()
                except TimeoutError:
                    return "inner"
        except TimeoutError:
            return "outer"
        return "neither"

    assert run_virtually(work()) == who


# --- Random programs ------------------------------------------------------------------------------------


class _Program(Protocol):
    """What a task does."""

    async def play(self, play: "_Play") -> None:
        """Do it; what happens on the way goes into the trace."""


@dataclass
class _Play:
    limit: Callable[[float | None], Any]  # deadline or asyncio.timeout
    trace: list[tuple[float, str]]

    def note(self, what: str) -> None:
        self.trace.append((asyncio.get_running_loop().time(), f"{what}, {_cancelling()} asked"))


@dataclass(frozen=True)
class _Wait:
    seconds: float

    async def play(self, play: _Play) -> None:
        await _sleep(self.seconds)
        play.note("waited")


@dataclass(frozen=True)
class _Within:
    seconds: float | None
    body: _Program
    caught: bool = True

    async def play(self, play: _Play) -> None:
        before = _cancelling()
        try:
            async with play.limit(self.seconds):
                await self.body.play(play)
        except TimeoutError as error:
            play.note(f"timed out, {before} before, cause {type(error.__cause__).__name__}")
            if not self.caught:
                raise


@dataclass(frozen=True)
class _CleaningUp:
    body: _Program
    after: _Program

    async def play(self, play: _Play) -> None:
        try:
            await self.body.play(play)
        finally:
            await self.after.play(play)


@dataclass(frozen=True)
class _Swallowing:
    body: _Program

    async def play(self, play: _Play) -> None:
        try:
            await self.body.play(play)
        except asyncio.CancelledError:
            play.note("swallowed")


@dataclass(frozen=True)
class _Then:
    first: _Program
    second: _Program

    async def play(self, play: _Play) -> None:
        await self.first.play(play)
        await self.second.play(play)


SECONDS: Final = st.integers(0, 6).map(float)
PROGRAMS: Final[st.SearchStrategy[Any]] = st.recursive(
    st.builds(_Wait, SECONDS),
    lambda inner: st.one_of(
        st.builds(_Within, SECONDS | st.none(), inner, st.booleans()),
        st.builds(_CleaningUp, inner, inner),
        st.builds(_Swallowing, inner),
        st.builds(_Then, inner, inner),
    ),
    max_leaves=8,
)


def _played(program: _Program, cancels: list[float], limit: Callable[[float | None], Any]) -> list[tuple[float, str]]:
    play = _Play(limit, [])

    async def work() -> None:
        try:
            await program.play(play)
        finally:
            play.note("ended")

    async def watch() -> str:
        task = asyncio.create_task(work())
        for each in cancels:
            asyncio.get_running_loop().call_later(each, task.cancel)
        await asyncio.wait([task])
        return "cancelled" if task.cancelled() else repr(task.exception())

    ended = run_virtually(watch())
    return [*play.trace, (0.0, ended)]


@given(PROGRAMS)
@example(_CleaningUp(_Within(1.0, _Wait(3.0), caught=False), _Within(1.0, _Wait(3.0))))
def test_without_a_cancellation_from_outside_none_comes_out(program: _Program) -> None:
    """Whatever is nested in whatever: nothing comes out but TimeoutError, and no request to end is left."""
    *_, (_, last), (_, ended) = _played(program, [], deadline)
    assert last == "ended, 0 asked"
    assert ended in {"None", "TimeoutError()"}


@given(PROGRAMS, st.lists(SECONDS, max_size=3))
def test_every_cancellation_from_outside_is_counted_once(program: _Program, cancels: list[float]) -> None:
    """The deadlines take back their own requests to end and nobody else's."""
    *_, (at, last), (_, _) = _played(program, cancels, deadline)
    sure, at_most = sum(each < at for each in cancels), sum(each <= at for each in cancels)
    assert sure <= int(last.split()[1]) <= at_most


@pytest.mark.skipif(sys.version_info < (3, 13), reason="asyncio.timeout is what it should be from Python 3.13 on")
@given(PROGRAMS, st.lists(SECONDS, max_size=3))
def test_it_does_what_asyncio_timeout_does(program: _Program, cancels: list[float]) -> None:
    """The same events at the same moments, the same end."""
    theirs = asyncio.timeout  # noqa: TID251  (it is compared)
    assert _played(program, cancels, deadline) == _played(program, cancels, theirs)

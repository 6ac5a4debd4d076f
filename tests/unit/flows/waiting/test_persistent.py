"""The database away: how long it is waited for, and for what not."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sync_worker.errors import (
    ConfigError,
    DatabaseStuck,
    DatabaseUnreachable,
    LockHeld,
    LockLost,
    Stopped,
    SyncWorkerError,
    TokenRefused,
)
from sync_worker.flows.progress import Progress
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from sync_worker.flows.waiting.backoff import LONGEST
from sync_worker.flows.waiting.persistent import STEADY, Absence, begin, persistently
from sync_worker.settings import Settings
from tests.virtual_time import VirtualClock, run_virtually

AWAY = DatabaseUnreachable("no connection")
LOST = LockLost("the connection ended")
OURS = LockHeld("locked by our own lost connection", by_us=True)
THEIRS = LockHeld("locked by another process")


def test_one_absence_has_one_patience() -> None:
    """However often it is looked for meanwhile."""
    absence = Absence(300)
    assert absence.left(now=10, lasted=5) == 300
    assert absence.left(now=110, lasted=0) == 200
    assert absence.left(now=311, lasted=0) == -1


def test_a_crash_loop_is_one_absence() -> None:
    """A database that comes back for some seconds, again and again, is away."""
    absence = Absence(300)
    lefts = [absence.left(now=now, lasted=STEADY - 1) for now in range(0, 400, 100)]
    assert lefts == [300, 200, 100, 0]


def test_after_a_steady_time_it_is_another_absence() -> None:
    """With a patience of its own."""
    absence = Absence(300)
    absence.left(now=0, lasted=0)
    assert absence.left(now=200, lasted=STEADY) == 300


@dataclass(kw_only=True)
class Flow:
    """A flow that resumes by itself; each start ends with the next of some errors, after some seconds."""

    ends: list[tuple[float, SyncWorkerError | None, bool]]  # seconds, error, whether it got its lock
    patience: str = "5m"
    clock: VirtualClock = field(default_factory=VirtualClock)
    progress: Progress = field(default_factory=Progress)
    stop: Stop = field(default_factory=Stop)
    starts: list[float] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)

    async def start(self) -> str:
        self.starts.append(self.clock.monotonic())
        self.waits.append(self.progress.doing)
        seconds, error, begun = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if begun:
            begin(self.progress, 41)
            assert self.progress.waiting is None
        await self.clock.sleep(seconds)
        if error is not None:
            raise error
        return "done"

    def rooms(self) -> Rooms:
        settings = Settings(database={"patience": self.patience})
        database = SimpleNamespace(abandon=lambda: None)
        return cast("Rooms", SimpleNamespace(settings=settings, clock=self.clock, database=database))

    def run(self, beside: Callable[[], Awaitable[Any]] | None = None) -> str:
        """To its end in virtual time; `beside` runs first."""

        async def main() -> str:
            if beside is not None:
                await beside()
            return await persistently(self.rooms(), self.stop, self.progress, self.start)

        return run_virtually(main())

    def fails(self, error: SyncWorkerError) -> None:
        """It ends with that error."""
        with pytest.raises(type(error)) as raised:
            self.run()
        assert raised.value is error


@pytest.mark.parametrize("error", [AWAY, LOST])
def test_it_goes_on_when_the_database_is_back(error: SyncWorkerError) -> None:
    """As often as it takes, some seconds apart; what it waits for is told meanwhile."""
    flow = Flow(ends=[(100, error, True), *[(0, AWAY, False)] * 4, (0, OURS, False), (10, None, True)])
    assert flow.run() == "done"
    assert flow.waits == ["starting", *["waiting for the database"] * 6]
    assert (flow.progress.doing, flow.progress.starts) == ("starting", 2)
    gaps = [after - before for before, after in zip(flow.starts[1:], flow.starts[2:], strict=False)]
    assert all(2 <= gap <= LONGEST for gap in gaps)


@pytest.mark.parametrize("error", [AWAY, LOST, OURS, THEIRS])
def test_before_anything_has_begun_it_is_told_at_once(error: SyncWorkerError) -> None:
    """A wrong address, a database that is down: a person at the terminal need not wait for minutes."""
    flow = Flow(ends=[(0, error, False)])
    flow.fails(error)
    assert len(flow.starts) == 1


@pytest.mark.parametrize("error", [DatabaseStuck("the disk is full"), TokenRefused("no"), ConfigError("no right")])
def test_what_does_not_pass_is_told_at_once(error: SyncWorkerError) -> None:
    """Also after the database has been away."""
    for ends in ([(1, error, True)], [(1, LOST, True), (0, error, False)]):
        Flow(ends=cast("Any", ends)).fails(error)


def test_somebody_else_has_taken_the_lock() -> None:
    """As any second writer finds it: nothing is waited for."""
    flow = Flow(ends=[(1, LOST, True), (0, THEIRS, False)])
    flow.fails(THEIRS)
    assert len(flow.starts) == 2


@pytest.mark.parametrize(("last", "told"), [(AWAY, AWAY), (OURS, LOST)])
def test_it_does_not_come_back(last: SyncWorkerError, told: SyncWorkerError) -> None:
    """After the patience: the last that was heard of the database."""
    flow = Flow(ends=[(100, LOST, True), (0, last, False)])
    flow.fails(told)
    assert flow.starts[-1] == pytest.approx(100 + 300)


def test_without_patience_it_ends_at_once() -> None:
    """As if there were nothing to wait for."""
    flow = Flow(ends=[(1, LOST, True)], patience="0s")
    flow.fails(LOST)
    assert len(flow.starts) == 1


def test_a_database_that_keeps_going_away_ends_it() -> None:
    """It has the lock for some seconds each time, and that is not enough to get anywhere."""
    flow = Flow(ends=[(5, LOST, True)])
    flow.fails(LOST)
    assert 300 <= flow.starts[-1] <= 310


def test_a_long_run_may_lose_its_database_every_hour() -> None:
    """Each time is the first time."""
    flow = Flow(ends=[*[(3600.0, LOST, True)] * 20, (1, None, True)])
    assert flow.run() == "done"


def test_a_signal_during_the_wait() -> None:
    """Ends it at once, although a wait is not interrupted by anything else."""
    flow = Flow(ends=[(1, LOST, True), (0, AWAY, False)])

    async def signalled() -> None:
        flow.clock.call_later(100, lambda: flow.stop.request(signal.SIGTERM))

    with pytest.raises(Stopped) as stopped:
        flow.run(beside=signalled)
    assert stopped.value.exit_code == 143
    assert flow.starts[-1] <= 100

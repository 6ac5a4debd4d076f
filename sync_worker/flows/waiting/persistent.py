"""The database away for a minute: wait for it, take the lock anew, and go on with the same run.

Nothing here knows what was committed: whatever goes on looks into the ledger or the journal, as the same command does
when it is given again. So this is a loop around a flow that resumes by itself, and no more. The fence stays what it is:
the start that lost its lock can commit nothing, and the next one has a lock and an epoch of its own.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeVar

from sync_worker.clock import deadline
from sync_worker.errors import DatabaseStuck, DatabaseUnreachable, LockHeld, LockLost, Stopped, SyncWorkerError
from sync_worker.flows.progress import Progress, Waiting
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from sync_worker.flows.waiting.backoff import pauses
from sync_worker.logs import get_logger

R = TypeVar("R")

DATABASE: Final = "the database"

STEADY: Final = 60.0
"""Seconds: a start that lasted so long was no part of the absence before it."""

log = get_logger(__name__)


class Absence:
    """How long the database has been away, pure. Seconds are of any clock.

    Args:
        patience: seconds that it may be away; 0: none.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: float | None = None

    def left(self, *, now: float, lasted: float) -> float:
        """The seconds that there is still patience for.

        Args:
            now: when a start ended because the database was away.
            lasted: how long that start had held the lock; 0 where it never got so far.
        """
        if self._since is None or lasted >= STEADY:
            self._since = now
        return self._since + self._patience - now


async def persistently(rooms: Rooms, stop: Stop, progress: Progress, attempt: Callable[[], Awaitable[R]]) -> R:
    """Run a flow that resumes by itself, again after each absence of the database.

    Args:
        rooms: with the database's patience.
        stop: ends the wait.
        progress: of the run; says what is waited for. Before it has begun once, nothing is waited for.
        attempt: the flow; it calls `begin` when it has its lock and its run.

    Raises:
        DatabaseUnreachable, LockLost: it was away for longer than the patience, or before anything had begun.
        LockHeld: somebody else has taken the lock meanwhile.
        Stopped: a signal came during the wait.
        SyncWorkerError: whatever else the flow raises.
    """
    absence = Absence(rooms.settings.database.patience.total_seconds())
    waits = pauses(rooms.clock)
    loss: SyncWorkerError | None = None
    while True:
        starts, began = progress.starts, rooms.clock.monotonic()
        try:
            return await attempt()
        except (DatabaseUnreachable, LockLost, LockHeld) as error:
            now = rooms.clock.monotonic()
            held = progress.starts > starts
            left = absence.left(now=now, lasted=now - began if held else 0.0)
            if not progress.starts or not _passes(error):
                raise
            if loss is None or not isinstance(error, LockHeld):
                loss = error
            if left <= 0:
                raise loss  # noqa: B904  (mostly it is the error itself)
            if held:
                waits = pauses(rooms.clock)
            _tell(rooms, progress, error)
            await _pause(min(next(waits), left), rooms, stop)


def _passes(error: SyncWorkerError) -> bool:
    """Whether waiting may help: not where a person has to do something, or somebody else is at work."""
    if isinstance(error, LockHeld):
        return error.by_us  # by the connection that we lost, until the server misses us
    return not isinstance(error, DatabaseStuck)


def _tell(rooms: Rooms, progress: Progress, error: SyncWorkerError) -> None:
    if progress.waiting is not None and progress.waiting.what == DATABASE:
        return
    patience = rooms.settings.database.patience.total_seconds()
    progress.waiting = Waiting(what=DATABASE, since=rooms.clock.now(), why=str(error))
    log.warning("the database is away: waiting for it", reason=str(error), patience=patience)


async def _pause(seconds: float, rooms: Rooms, stop: Stop) -> None:
    """Wait; a signal ends it at once."""
    with stop.gently(rooms.database.abandon), suppress(TimeoutError):
        async with deadline(seconds):
            await stop.requested.wait()
            raise Stopped(stop.signum or 0)


async def reach(rooms: Rooms, progress: Progress) -> None:
    """For work without a run of its own: `begin`, as soon as the database answers.

    Raises:
        DatabaseUnreachable: it does not.
    """
    async with rooms.database.session() as session:
        await session.fetch_value("alive")
    begin(progress, progress.run_id)


def begin(progress: Progress, run_id: int) -> None:
    """A run has begun, or goes on after the database was away."""
    if progress.waiting is not None:
        log.warning("the database is back: going on", run=run_id)
    progress.begin(run_id)

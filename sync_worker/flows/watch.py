"""What ends a run from outside: a signal, or the loss of the lock."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sync_worker.clock import deadline
from sync_worker.errors import Stopped, SyncWorkerError
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from sync_worker.mirror.lock import Writer
from sync_worker.tasks import TaskGroup


@asynccontextmanager
async def watched(rooms: Rooms, writer: Writer, stop: Stop) -> AsyncIterator[TaskGroup]:
    """Run the body, and the tasks it starts in the group, until it ends or something ends it.

    Raises:
        Stopped: a signal came; requests in flight had the grace period to end.
        LockLost: the lock's connection is gone.
        SyncWorkerError: the first that matters of what body and tasks raised.
    """
    try:
        with stop.gently(rooms.database.abandon):
            async with TaskGroup() as group:
                watching = [
                    group.create_task(_lose(rooms, writer), name="lock watch"),
                    group.create_task(_wind_down(rooms, stop), name="stop watch"),
                ]
                yield group
                for task in watching:
                    task.cancel()
    except BaseExceptionGroup as errors:
        if stop.hurried:  # whatever came of giving everything up
            raise Stopped(stop.signum or 0) from errors
        raise leading(errors) from errors


async def _lose(rooms: Rooms, writer: Writer) -> None:
    await writer.lost.wait()
    rooms.database.abandon()  # nothing may be committed any more, and it may be the network that is gone
    raise writer.lost_error()


async def _wind_down(rooms: Rooms, stop: Stop) -> None:
    """Admit nobody, let what is in flight come home, then end everything."""
    await stop.requested.wait()
    rooms.gate.close()
    with suppress(TimeoutError):
        async with deadline(rooms.settings.run.grace_period.total_seconds()):
            await rooms.gate.drained()
    raise Stopped(stop.signum or 0)


def leading(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error to tell: a signal, then what nobody expected, then the first of ours."""
    flat = list(_flatten(errors))
    return min(flat, key=_rank)


def _flatten(errors: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    flat: list[BaseException] = []
    for error in errors.exceptions:
        flat += _flatten(error) if isinstance(error, BaseExceptionGroup) else [error]
    return flat


def _rank(error: BaseException) -> int:
    if isinstance(error, Stopped):
        return 0
    return 2 if isinstance(error, SyncWorkerError) else 1

"""Tasks that have an owner and an end: `asyncio.TaskGroup`, without what it leaves behind before Python 3.13.

When a task fails, a group ends its owner's wait by cancelling it. Before 3.13 it does not take that request back where
the body had ended before: `cancelling()` of the owner stays above 0 for good (CPython gh-116720), and whatever counts
requests from then on (the deadlines of asyncpg and aiohttp, each deadline around the group) takes its own for a
cancellation from outside. So a database that was lost would end a command instead of being waited for.
"""

import asyncio
import sys
from types import TracebackType

if sys.version_info >= (3, 13):
    from asyncio import TaskGroup  # noqa: TID251  (this is the one that all others use)
else:
    from typing_extensions import override

    class TaskGroup(asyncio.TaskGroup):  # noqa: TID251  (this is the one that all others use)
        """What the module promises; used like the one of asyncio."""

        _parent_cancel_requested: bool  # of the class that this one extends
        _parent_task: "asyncio.Task[object] | None"

        @override
        async def __aexit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            requested_in_body = self._parent_cancel_requested  # that one is taken back there
            try:
                await super().__aexit__(kind, error, trace)
            finally:
                if self._parent_cancel_requested and not requested_in_body and self._parent_task is not None:
                    self._parent_task.uncancel()


__all__ = ["TaskGroup"]

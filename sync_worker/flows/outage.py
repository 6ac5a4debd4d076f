"""An outage of everything stops the run instead of marking everyone failed."""

from collections.abc import Awaitable, Callable
from typing import Final

from sync_worker.channels import Failure, ReadOutcome
from sync_worker.errors import CanvasUnreachable, RequestFailed, Trouble

SUSPICIOUS: Final = 25
"""Failures in a row, without one answer between them, after which Canvas is asked something simple."""


def is_trouble(outcome: ReadOutcome) -> bool:
    """Whether it says more about the other side than about the user."""
    return isinstance(outcome, Failure) and outcome.kind == Trouble.kind


class OutageWatch:
    """Counts trouble in a row.

    Args:
        probe: a simple request that any token may make.
        origin: which Canvas, for messages.
    """

    def __init__(self, probe: Callable[[], Awaitable[object]], origin: str) -> None:
        self._probe = probe
        self._origin = origin
        self._in_a_row = 0

    async def note(self, *, trouble: bool) -> None:
        """Count one outcome.

        Raises:
            CanvasUnreachable: trouble for everybody, and for the probe too.
        """
        self._in_a_row = self._in_a_row + 1 if trouble else 0
        if self._in_a_row >= SUSPICIOUS:
            self._in_a_row = 0
            await self._ask()

    async def _ask(self) -> None:
        try:
            await self._probe()
        except Trouble as error:
            raise unreachable(error, self._origin) from error
        except RequestFailed:
            return  # Canvas answers, if only to say no


def unreachable(error: RequestFailed, origin: str) -> CanvasUnreachable:
    """Trouble with a request that the whole run depends on; `origin` says at which Canvas."""
    return CanvasUnreachable(
        f"Canvas does not answer as it should: {error.where}: {error.what}",
        where=origin,
        hint=error.hint or "Nothing was concluded from it. Check base_url and the state of your Canvas, then try again",
    )

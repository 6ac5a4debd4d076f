"""One probe for all who need its result at the same time, and not too often."""

import asyncio
from collections.abc import Awaitable, Callable
from copy import copy
from typing import Final

from sync_worker.canvas.attribution import PROBE_INTERVAL
from sync_worker.canvas.probe import Probe
from sync_worker.clock import Clock
from sync_worker.errors import SyncWorkerError

NEVER: Final = float("-inf")


class SharedProbe:
    """Asks the neutral question; one request at a time, at most one in `PROBE_INTERVAL`.

    Args:
        ask: sends it once.
        clock: time.
    """

    def __init__(self, ask: Callable[[], Awaitable[Probe]], clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._ended_at = NEVER
        self._latest: Probe | None = None
        self._pending: asyncio.Future[Probe | SyncWorkerError | None] | None = None

    @property
    def due_in(self) -> float:
        """Seconds until another one may be sent."""
        return max(0.0, self._ended_at + PROBE_INTERVAL - self._clock.monotonic())

    async def result(self) -> Probe:
        """The latest result, or that of a new probe where one is due.

        Raises:
            QuotaExhausted: the gate admits nobody.
            TokenRefused, ClientRefused: there is no access token to be had.
        """
        while True:
            if self._pending is None and self._latest is not None and self.due_in > 0:
                return self._latest
            came = await self._shared()
            if isinstance(came, SyncWorkerError):
                raise copy(came)  # each its own: an error that is raised twice grows
            if came is not None:  # otherwise whoever asked was cancelled
                return came

    async def _shared(self) -> Probe | SyncWorkerError | None:
        if self._pending is not None:
            return await asyncio.shield(self._pending)
        pending = self._pending = asyncio.get_running_loop().create_future()
        came: Probe | SyncWorkerError | None = None
        try:
            came = self._latest = await self._once()
        except SyncWorkerError as error:
            came = error
            raise
        finally:
            self._pending = None
            pending.set_result(came)
        return came

    async def _once(self) -> Probe:
        try:
            return await self._ask()
        finally:
            self._ended_at = self._clock.monotonic()

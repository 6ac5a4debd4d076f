"""An outage of Canvas pauses the run instead of marking everyone as failed.

`breaker` decides; this asks, waits and tells. Whoever asks Canvas about single users asks through the watch of the run.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from sync_worker.channels import Failure, ReadOutcome
from sync_worker.clock import Clock, deadline
from sync_worker.errors import CanvasUnreachable, RefusedAlone, RequestFailed, Trouble
from sync_worker.flows.progress import Progress, Waiting
from sync_worker.flows.waiting.backoff import pauses
from sync_worker.flows.waiting.breaker import Breaker, Fate
from sync_worker.logs import get_logger

T = TypeVar("T")

Ask = Callable[[], Awaitable[T]]

SETTING: Final = "run.outage_patience"

log = get_logger(__name__)


def is_trouble(outcome: ReadOutcome) -> bool:
    """Whether it says more about the other side than about the user."""
    return isinstance(outcome, Failure) and outcome.kind == Trouble.kind


def is_refusal(outcome: ReadOutcome) -> bool:
    """Whether it was refused for the token, the program or the speed; more of the kind say that it was no one's own."""
    return isinstance(outcome, Failure) and outcome.kind == RefusedAlone.kind


class OutageWatch:
    """Tells trouble of one from trouble of everybody, which it sits out. One for all that a run asks.

    Whoever meets trouble waits here until it is known what it means; one of them asks the probe for all. Where the
    outage does not end, that one raises, and whoever owns the tasks ends the others.

    Args:
        probe: a simple request that any token may make.
        clock: time.
        origin: which Canvas, for messages.
        patience: seconds that an outage may last; 0: none.
        progress: says what is waited for.
    """

    def __init__(
        self, probe: Ask[object], clock: Clock, *, origin: str, patience: float, progress: Progress | None = None
    ) -> None:
        self._probe = probe
        self._clock = clock
        self._origin = origin
        self._patience = patience
        self._progress = progress or Progress()
        self._breaker = Breaker()
        self._fates: dict[int, Fate] = {}
        self._news = asyncio.Event()
        self._calm = asyncio.Event()
        self._calm.set()
        self._asking_probe = False
        self._since = 0.0  # the outage
        self.pauses = 0  # that have been sat out

    async def calm(self) -> None:
        """Return when there is no outage, or no more."""
        await self._calm.wait()

    async def read(self, ask: Ask[ReadOutcome]) -> ReadOutcome:
        """What reading one user comes to; trouble is the user's own.

        Raises:
            CanvasUnreachable: an outage that does not end.
        """
        return await self._asked(ask, is_trouble)

    async def ask(self, ask: Ask[T]) -> T:
        """The answer to one request.

        Raises:
            RequestFailed: as `ask` does; `Trouble` is that of this one request.
            CanvasUnreachable: an outage that does not end.
        """

        async def answer() -> T | RequestFailed:
            try:
                return await ask()
            except RequestFailed as error:
                return error

        came = await self._asked(answer, lambda outcome: isinstance(outcome, Trouble))
        if isinstance(came, RequestFailed):
            raise came
        return came

    async def _asked(self, ask: Ask[T], is_trouble: Callable[[T], bool]) -> T:
        while True:
            await self._calm.wait()
            number = self._breaker.asked()
            try:
                came = await ask()
                if not is_trouble(came):
                    self._tell(self._breaker.answered(number))
                    return came
                self._breaker.troubled(number)
                if await self._fate(number) is Fate.OWN:
                    return came
            except BaseException:
                self._breaker.dropped(number)
                self._tell({})
                raise

    async def _fate(self, number: int) -> Fate:
        """What becomes of a question that met trouble."""
        while number not in self._fates:
            if self._breaker.suspect and not self._asking_probe:
                await self._inquire()
            else:
                await self._news.wait()
        return self._fates.pop(number)

    def _tell(self, fates: dict[int, Fate]) -> None:
        """Wake whoever is held back, where its fate is known or somebody has to ask the probe."""
        self._fates |= fates
        if fates or self._breaker.suspect:
            self._news.set()
            self._news = asyncio.Event()

    # --- the probe -------------------------------------------------------------------------------------

    async def _inquire(self) -> None:
        """Ask the probe; where that meets trouble too, pause until it is answered.

        After an error nobody asks it again: the others wait for their end.
        """
        self._asking_probe = True
        number = self._breaker.probing()
        try:
            trouble = await self._trouble(None)
            if trouble is not None:
                await self._pause(trouble)
        except asyncio.CancelledError:  # another one asks
            self._asking_probe = False
            self._tell({})
            raise
        if self._breaker.paused:
            self._resume()
        self._asking_probe = False
        self._tell(self._breaker.probe_answered(number))

    async def _trouble(self, limit: float | None) -> Trouble | None:
        """Ask the probe, for so many seconds at most; its trouble, None where Canvas answers."""
        try:
            async with deadline(limit):
                await self._probe()
        except Trouble as error:
            return error
        except TimeoutError:
            return Trouble("no answer")
        except RequestFailed:
            return None  # Canvas answers, if only to say no
        return None

    async def _pause(self, trouble: Trouble) -> None:
        """Let nobody ask until the probe is answered.

        Raises:
            CanvasUnreachable: it was not, for as long as the patience lasts.
        """
        self._since = self._breaker.probe_failed(self._clock.monotonic())
        end = self._since + self._patience
        self._check(end, trouble)
        self._calm.clear()
        self._progress.waiting = Waiting(what="Canvas", since=self._clock.now(), why=str(trouble))
        log.warning("Canvas does not answer: waiting for it", reason=str(trouble), patience=self._patience)
        for seconds in pauses(self._clock):
            await self._clock.sleep(max(0.0, min(seconds, end - self._clock.monotonic())))
            found = await self._trouble(max(1.0, end - self._clock.monotonic()))
            if found is None:
                return
            self._check(end, trouble)

    def _resume(self) -> None:
        self._progress.waiting = None
        self.pauses += 1
        self._calm.set()
        log.warning("Canvas answers again: going on", seconds=round(self._clock.monotonic() - self._since, 1))

    def _check(self, end: float, trouble: Trouble) -> None:
        if self._clock.monotonic() >= end:
            waited = f" (waited {timedelta(seconds=self._patience)}: {SETTING})" if self._patience else ""
            raise unreachable(trouble, self._origin, waited) from trouble


def unreachable(error: RequestFailed, origin: str, more: str = "") -> CanvasUnreachable:
    """Trouble with a request that the whole run depends on; `origin` says at which Canvas."""
    return CanvasUnreachable(
        f"Canvas does not answer as it should{more}: {error.where}: {error.what}",
        where=origin,
        hint=error.hint or "Nothing was concluded from it. Check base_url and the state of your Canvas, then try again",
    )

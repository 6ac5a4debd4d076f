"""The attempts of one request: what came of each, whether there is another one, and the error of the last. Pure."""

from dataclasses import dataclass, field
from typing import Final

from sync_worker.canvas.answers import Answer, Asked, Meaning
from sync_worker.canvas.retry import Attempt, GiveUp, Retry, RetryPolicy, decide
from sync_worker.errors import Forbidden, NotFound, RefusedAlone, Rejected, SyncWorkerError, Trouble

_CLEAR: Final = (Rejected, Forbidden, NotFound, RefusedAlone)
_LOOK: Final = "Whether it was done is unknown: look before doing anything else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setback:
    """An attempt that brought nothing to go on with."""

    meaning: Meaning
    error: SyncWorkerError
    retry_after: float | None = None  # seconds
    undone: bool = False  # surely not carried out: it was never sent, or refused before anything was done
    others_admitted: bool = False  # other requests of this token got through meanwhile
    admitted_before: int = 0  # requests that the gate had admitted when this one was sent
    answer: Answer | None = None  # None: there was no complete one
    token: str = field(default="", repr=False)  # the access token that was sent


@dataclass(slots=True, kw_only=True)
class Attempts:
    """All attempts of one request so far."""

    asked: Asked
    policy: RetryPolicy
    number: int = 1  # of the present one
    waited: float = 0.0  # seconds, because an answer asked for it
    throttled_at: int | None = None  # requests that the gate had admitted when this one was refused last
    perhaps_done: bool = False  # a write was sent, and its answer was lost

    def after(self, came: Setback) -> Retry | GiveUp:
        """What to do now; counts the attempt."""
        if came.meaning is Meaning.TROUBLE and not came.undone and self.asked.method != "GET":
            self.perhaps_done = True
        attempt = Attempt(
            number=self.number,
            meaning=came.meaning,
            retry_after=came.retry_after,
            safe_to_repeat=self._safe(came),
            others_admitted=came.others_admitted,
            waited=self.waited,
        )
        step = decide(self.policy, attempt)
        if isinstance(step, Retry):
            self.number += step.uses_attempt
            self.waited += step.at_least
        return step

    def error(self, came: Setback) -> SyncWorkerError:
        """The error of the last attempt, with what only its forerunners tell."""
        error = came.error
        if self.number > 1:
            error.what += f" (attempt {self.number}, the last one)"
        if isinstance(error, _CLEAR) and self.perhaps_done:  # this attempt was refused; an earlier one was not
            return Trouble(f"{error.what}, and an earlier answer was lost", where=error.where, hint=_LOOK)
        if came.meaning is Meaning.TROUBLE and not self._safe(came):
            error.hint = _LOOK
        return error

    def _safe(self, came: Setback) -> bool:
        return self.asked.method != "POST" or came.undone

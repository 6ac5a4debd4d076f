"""One question to Canvas, and all that its answer says about Canvas itself. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sync_worker.canvas.answers import Answer, Asked, Meaning, classify, error_for, units
from sync_worker.canvas.dates import ahead
from sync_worker.errors import SyncWorkerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What an answer, or its absence, says."""

    meaning: Meaning
    status: int | None  # None: there was no complete answer
    error: SyncWorkerError | None  # None where the answer is a good one
    page: bool = False  # a web page, not Canvas's API
    ahead: timedelta | None = None  # how far Canvas's clock is ahead of ours; None where it does not say
    cost: float | None = None  # `X-Request-Cost`, units
    remaining: float | None = None  # `X-Rate-Limit-Remaining`, units

    @property
    def redirected(self) -> bool:
        """Whether Canvas sends us elsewhere, which is never followed."""
        return self.status is not None and 300 <= self.status < 400  # noqa: PLR2004  (the statuses of redirects)


def answered(asked: Asked, answer: Answer, *, at: datetime, secret: str, source: str = "") -> Probe:
    """What an answer says.

    Args:
        asked: the question.
        answer: complete.
        at: our time in the middle of the exchange.
        secret: the token, not to be repeated.
        source: where the token is written.
    """
    meaning = classify(asked, answer)
    good = meaning is Meaning.OK
    return Probe(
        meaning=meaning,
        status=answer.status,
        error=None if good else error_for(meaning, asked, answer, secret=secret, source=source),
        page=answer.body.lstrip()[:1] == b"<",
        ahead=ahead(answer.headers, at),
        cost=units(answer.headers, "X-Request-Cost"),
        remaining=units(answer.headers, "X-Rate-Limit-Remaining"),
    )


def silent(error: SyncWorkerError) -> Probe:
    """No complete answer came."""
    return Probe(meaning=Meaning.TROUBLE, status=None, error=error)

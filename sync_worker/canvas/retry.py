"""Whether and when a request is sent again, pure.

Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), and never
earlier than `Retry-After` asks for. Throttling is no failure: the gate knows when there is room again and has
its own patience, so a throttled request goes back to the gate and uses up no attempt, as long as nothing else is
admitted. Where other requests are, it is this one that is refused, and it ends as any other that does not get through.
"""

from dataclasses import dataclass

from sync_worker.canvas.answers import Meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient one request is."""

    max_attempts: int = 5  # the first one included
    base: float = 0.5  # seconds; the first wait is at most this
    ceiling: float = 30.0  # seconds; no wait of our own is longer
    retry_after_ceiling: float = 60.0  # seconds that all Retry-After of one request may add up to: the run waits for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Send it again after `at_least` seconds and a random time up to `jitter` seconds."""

    at_least: float = 0.0
    jitter: float = 0.0
    uses_attempt: bool = True


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not send it again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that brought no answer to go on with."""

    number: int  # 1 for the first one
    meaning: Meaning  # what came of it
    retry_after: float | None = None  # seconds that the answer asked for, None where it did not
    safe_to_repeat: bool = True  # sending twice does no more than once: a GET or DELETE, a POST that never arrived
    others_admitted: bool = False  # other requests of this token got through meanwhile
    waited: float = 0.0  # seconds that this request has waited before because it was asked to


def decide(policy: RetryPolicy, attempt: Attempt) -> Retry | GiveUp:
    """What to do after an attempt that brought no answer to go on with."""
    at_least = min(attempt.retry_after or 0.0, max(0.0, policy.retry_after_ceiling - attempt.waited))
    if attempt.meaning is Meaning.THROTTLED:  # refused before anything was done, so a POST too
        if not attempt.others_admitted:
            return Retry(at_least=at_least, uses_attempt=False)
    elif attempt.meaning is not Meaning.TROUBLE or not attempt.safe_to_repeat:
        return GiveUp()
    if attempt.number >= policy.max_attempts:
        return GiveUp()
    return Retry(at_least=at_least, jitter=min(policy.ceiling, policy.base * 2.0 ** min(attempt.number - 1, 60)))

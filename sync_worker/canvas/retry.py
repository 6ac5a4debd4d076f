"""Whether and when a request is sent again, pure.

Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), and never
earlier than `Retry-After` asks for. Throttling is no failure: the gate knows when there is room again and has
its own patience, so a throttled request goes back to the gate at once and uses up no attempt.
"""

from dataclasses import dataclass

from sync_worker.canvas.answers import Meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How patient one request is."""

    max_attempts: int = 5  # the first one included
    base: float = 0.5  # seconds; the first wait is at most this
    ceiling: float = 30.0  # seconds; no wait of our own is longer
    retry_after_ceiling: float = 120.0  # seconds; a Retry-After beyond it is cut: somebody waits for the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Send it again after `at_least` seconds and a random time up to `jitter` seconds."""

    at_least: float = 0.0
    jitter: float = 0.0
    uses_attempt: bool = True


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Do not send it again."""


def decide(
    policy: RetryPolicy, *, attempt: int, meaning: Meaning, retry_after: float | None, safe_to_repeat: bool
) -> Retry | GiveUp:
    """What to do after an attempt that brought no answer to go on with.

    Args:
        policy: how patient.
        attempt: 1 for the first one.
        meaning: what came of it.
        retry_after: seconds that the answer asked for, None where it did not.
        safe_to_repeat: whether sending twice does no more than sending once: any GET or DELETE, and a POST
            that surely never left.
    """
    if meaning is Meaning.THROTTLED:  # refused before anything was done, so a POST too
        return Retry(uses_attempt=False)
    if meaning is not Meaning.TROUBLE or not safe_to_repeat or attempt >= policy.max_attempts:
        return GiveUp()
    backoff = min(policy.ceiling, policy.base * 2.0 ** min(attempt - 1, 60))
    return Retry(at_least=min(retry_after or 0.0, policy.retry_after_ceiling), jitter=backoff)

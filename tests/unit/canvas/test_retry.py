"""Whether and when a request is sent again."""

import pytest

from sync_worker.canvas.answers import Meaning
from sync_worker.canvas.retry import GiveUp, Retry, RetryPolicy, decide

POLICY = RetryPolicy(max_attempts=4, base=0.5, ceiling=1.5, retry_after_ceiling=120)


def test_waits_grow_up_to_the_ceiling() -> None:
    """Exponential, with full jitter."""
    steps = [
        decide(POLICY, attempt=n, meaning=Meaning.TROUBLE, retry_after=None, safe_to_repeat=True) for n in (1, 2, 3, 4)
    ]
    assert steps == [Retry(jitter=0.5), Retry(jitter=1.0), Retry(jitter=1.5), GiveUp()]


def test_huge_attempt_numbers_do_not_overflow() -> None:
    """A policy of very many attempts."""
    policy = RetryPolicy(max_attempts=10_000)
    step = decide(policy, attempt=9_000, meaning=Meaning.TROUBLE, retry_after=None, safe_to_repeat=True)
    assert step == Retry(jitter=policy.ceiling)


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (3_600.0, 120.0), (0.0, 0.0)])
def test_retry_after_is_a_floor_with_a_cap(asked: float, waited: float) -> None:
    """Also on a 503; somebody waits for the run, so not for ever."""
    step = decide(POLICY, attempt=1, meaning=Meaning.TROUBLE, retry_after=asked, safe_to_repeat=True)
    assert step == Retry(at_least=waited, jitter=0.5)


def test_throttling_uses_up_no_attempt_and_may_repeat_anything() -> None:
    """A refusal happened before anything was done; the gate reckons the wait."""
    step = decide(POLICY, attempt=99, meaning=Meaning.THROTTLED, retry_after=9.0, safe_to_repeat=False)
    assert step == Retry(uses_attempt=False)


def test_what_may_have_been_done_is_not_sent_twice() -> None:
    """A POST that left."""
    step = decide(POLICY, attempt=1, meaning=Meaning.TROUBLE, retry_after=None, safe_to_repeat=False)
    assert step == GiveUp()


@pytest.mark.parametrize("meaning", set(Meaning) - {Meaning.TROUBLE, Meaning.THROTTLED})
def test_an_answer_that_says_something_is_final(meaning: Meaning) -> None:
    """Forbidden, gone, rejected: asking again changes nothing."""
    assert decide(POLICY, attempt=1, meaning=meaning, retry_after=1.0, safe_to_repeat=True) == GiveUp()

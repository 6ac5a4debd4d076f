"""Whether and when a request is sent again."""

from typing import Any

import pytest

from sync_worker.canvas.answers import Meaning
from sync_worker.canvas.retry import Attempt, GiveUp, Retry, RetryPolicy, decide

POLICY = RetryPolicy(max_attempts=4, base=0.5, ceiling=1.5, retry_after_ceiling=120)


def trouble(number: int = 1, **what: Any) -> Attempt:
    """An attempt that met trouble."""
    return Attempt(number=number, meaning=Meaning.TROUBLE, **what)


def throttled(number: int, **what: Any) -> Attempt:
    """An attempt that was throttled."""
    return Attempt(number=number, meaning=Meaning.THROTTLED, **what)


def test_waits_grow_up_to_the_ceiling() -> None:
    """Exponential, with full jitter."""
    steps = [decide(POLICY, trouble(n)) for n in (1, 2, 3, 4)]
    assert steps == [Retry(jitter=0.5), Retry(jitter=1.0), Retry(jitter=1.5), GiveUp()]


def test_huge_attempt_numbers_do_not_overflow() -> None:
    """A policy of very many attempts."""
    policy = RetryPolicy(max_attempts=10_000)
    step = decide(policy, trouble(9_000))
    assert step == Retry(jitter=policy.ceiling)


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (3_600.0, 120.0), (0.0, 0.0)])
def test_retry_after_is_a_floor_with_a_cap(asked: float, waited: float) -> None:
    """Also on a 503; somebody waits for the run, so not for ever."""
    step = decide(POLICY, trouble(retry_after=asked))
    assert step == Retry(at_least=waited, jitter=0.5)


@pytest.mark.parametrize(("waited", "asked", "waits"), [(0, 90, 90), (90, 90, 30), (120, 90, 0), (500, 1, 0)])
def test_all_that_one_request_is_asked_to_wait_has_a_cap(waited: float, asked: float, waits: float) -> None:
    """Not each wait: five of them would add up."""
    step = decide(POLICY, trouble(retry_after=asked, waited=waited))
    assert step == Retry(at_least=waits, jitter=0.5)


def test_throttling_of_everybody_uses_up_no_attempt_and_may_repeat_anything() -> None:
    """A refusal happened before anything was done; the gate reckons the wait."""
    step = decide(POLICY, throttled(99, retry_after=9.0, safe_to_repeat=False))
    assert step == Retry(at_least=9.0, uses_attempt=False)


def test_throttling_of_one_request_uses_up_attempts() -> None:
    """Others are admitted meanwhile: it gets as many attempts as any other, with the same pauses; a POST too."""
    steps = [decide(POLICY, throttled(n, others_admitted=True, safe_to_repeat=False)) for n in (1, 2, 3, 4)]
    assert steps == [Retry(jitter=0.5), Retry(jitter=1.0), Retry(jitter=1.5), GiveUp()]


def test_what_may_have_been_done_is_not_sent_twice() -> None:
    """A POST that left."""
    step = decide(POLICY, trouble(safe_to_repeat=False))
    assert step == GiveUp()


@pytest.mark.parametrize("meaning", set(Meaning) - {Meaning.TROUBLE, Meaning.THROTTLED})
def test_an_answer_that_says_something_is_final(meaning: Meaning) -> None:
    """Forbidden, gone, rejected: asking again changes nothing."""
    assert decide(POLICY, Attempt(number=1, meaning=meaning, retry_after=1.0)) == GiveUp()

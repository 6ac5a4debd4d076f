"""Whose trouble it is, step by step."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.flows.waiting.breaker import SUSPICIOUS, Breaker, Fate


def troubled(breaker: Breaker, number: int) -> list[int]:
    """So many questions that met trouble."""
    questions = [breaker.asked() for _ in range(number)]
    for question in questions:
        breaker.troubled(question)
    return questions


def own(*questions: int) -> dict[int, Fate]:
    """Their own trouble, each."""
    return dict.fromkeys(questions, Fate.OWN)


def test_an_answer_to_a_later_question_acquits_canvas() -> None:
    """It is the user's own trouble, as soon as anybody is answered."""
    breaker = Breaker()
    bad = troubled(breaker, 1)
    assert breaker.answered(breaker.asked()) == own(*bad)
    assert not breaker.suspect


def test_an_answer_to_an_earlier_question_proves_nothing() -> None:
    """It may have been on its way when Canvas went down."""
    breaker = Breaker()
    slow = breaker.asked()
    troubled(breaker, 1)
    assert breaker.answered(slow) == {}
    assert breaker.suspect


def test_trouble_is_not_suspicious_while_others_are_asked() -> None:
    """Up to the limit."""
    breaker = Breaker()
    breaker.asked()
    troubled(breaker, SUSPICIOUS - 1)
    assert not breaker.suspect
    troubled(breaker, 1)
    assert breaker.suspect


def test_trouble_with_all_that_is_asked_is_suspicious() -> None:
    """However few they are: nobody is left who could be answered."""
    breaker = Breaker()
    first, second = breaker.asked(), breaker.asked()
    breaker.troubled(first)
    assert not breaker.suspect
    breaker.dropped(second)
    assert breaker.suspect
    breaker.dropped(first)
    assert not breaker.suspect


def test_the_probe_acquits_canvas() -> None:
    """Of the trouble before it; what came while it was asked is looked at anew."""
    breaker = Breaker()
    bad = troubled(breaker, 2)
    probe = breaker.probing()
    troubled(breaker, 1)
    assert breaker.probe_answered(probe) == own(*bad)
    assert breaker.suspect


def test_an_outage() -> None:
    """From the first failed probe to the first answered one; everybody is asked again, late-comers too."""
    breaker = Breaker()
    late, slow = breaker.asked(), breaker.asked()
    bad = troubled(breaker, SUSPICIOUS)
    assert breaker.probe_failed(10.0) == 10.0
    assert breaker.paused
    assert breaker.answered(slow) == {}, "it was asked before the pause"
    breaker.troubled(late)
    assert breaker.suspect, "somebody has to go on asking the probe"
    assert breaker.probe_failed(20.0) == 10.0
    assert breaker.probe_answered(breaker.probing()) == dict.fromkeys([late, *bad], Fate.AGAIN)
    assert (breaker.paused, breaker.suspect) == (False, False)


def test_an_outage_that_comes_back_before_anybody_was_answered_is_the_same() -> None:
    """Its patience is not renewed by a probe that is answered now and then."""
    breaker = Breaker()
    troubled(breaker, 1)
    breaker.probe_failed(10.0)
    breaker.probe_answered(breaker.probing())
    troubled(breaker, 1)
    assert breaker.probe_failed(100.0) == 10.0


@pytest.mark.parametrize("by_probe", [True, False])
def test_the_next_outage_has_its_own_begin(by_probe: bool) -> None:  # noqa: FBT001
    """Once Canvas has answered, if only to show that some users have trouble of their own."""
    breaker = Breaker()
    troubled(breaker, 1)
    breaker.probe_failed(10.0)
    breaker.probe_answered(breaker.probing())
    if by_probe:
        troubled(breaker, 1)
        breaker.probe_answered(breaker.probing())
    else:
        breaker.answered(breaker.asked())
    troubled(breaker, 1)
    assert breaker.probe_failed(100.0) == 100.0


STEPS = st.lists(st.sampled_from(["ask", "answer", "trouble", "drop", "probe", "probe fails"]), max_size=200)


@given(STEPS, st.randoms(use_true_random=False))
def test_nobody_is_forgotten_or_told_twice(steps: list[str], dice: object) -> None:
    """Whoever met trouble is held back until told, once; nobody is told of an own trouble during an outage.

    And while somebody is held back, others are asked or the probe is due: nobody waits for nothing.
    """
    breaker, asked, held = Breaker(3), set[int](), set[int]()
    choose = getattr(dice, "choice")  # noqa: B009  (hypothesis's random has no public type)
    for step in steps:
        was_paused, fates = breaker.paused, dict[int, Fate]()
        if step == "ask" and not breaker.paused:
            asked.add(breaker.asked())
        elif step in {"answer", "trouble", "drop"} and asked:
            asked.discard(number := choose(sorted(asked)))
            if step == "answer":
                fates = breaker.answered(number)
            elif step == "trouble":
                breaker.troubled(number)
                held.add(number)
            else:
                breaker.dropped(number)
        elif step == "probe" and breaker.suspect:
            fates = breaker.probe_answered(breaker.probing())
            assert set(fates) == held
        elif step == "probe fails" and breaker.suspect:
            breaker.probe_failed(0.0)
        assert set(fates) <= held
        assert set(fates.values()) <= {Fate.AGAIN if was_paused else Fate.OWN}
        held -= set(fates)
        assert not held or asked or breaker.suspect
        assert breaker.suspect or len(held) < 3

"""An unknown outcome is settled by two complete reads that agree, far enough from the call and from each other."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.mirror.unknown import LATE_EFFECT, Agreed, Unknown
from tests.unit.desired.builders import NOON

TEN = timedelta(minutes=10)
NONE = timedelta()
SENT = Unknown(sent_at=NOON)


def at(minutes: float) -> datetime:
    """So many minutes after the call was sent."""
    return NOON + timedelta(minutes=minutes)


def seen(minutes: float, *, effect: bool) -> Unknown:
    """After a first read that counts."""
    return Unknown(sent_at=NOON, observed_at=at(minutes), effect=effect)


@pytest.mark.parametrize("effect", [True, False])
@pytest.mark.parametrize(
    ("known", "minutes", "comes"),
    [
        (SENT, 0, None),  # stays as it is
        (SENT, 9.9, None),
        (SENT, 10, "observed"),
        ("same", 19.9, None),
        ("same", 20, "agreed"),
        ("same", 60 * 24, "agreed"),
        ("other", 20, "observed"),  # the two disagree: the later one is the first of the next two
        ("other", 15, "observed"),
    ],
)
def test_two_reads_agree(known: Unknown | str, minutes: float, comes: str | None, *, effect: bool) -> None:
    """The first ten minutes after the call at least, the second ten minutes after the first."""
    before = known if isinstance(known, Unknown) else seen(10, effect=effect is (known == "same"))
    after = before.after(at(minutes), effect=effect, settle_after=TEN)
    expected = {None: before, "observed": seen(minutes, effect=effect), "agreed": Agreed(effect=effect)}
    assert after == expected[comes]


def test_without_a_wait_two_reads_do() -> None:
    """`settle_after = 0s`: at once, one after the other."""
    first = SENT.after(NOON, effect=False, settle_after=NONE)
    assert isinstance(first, Unknown)
    assert first.after(NOON, effect=False, settle_after=NONE) == Agreed(effect=False)


@pytest.mark.parametrize(
    "wrong", [Unknown(sent_at=at(1440)), Unknown(sent_at=at(1440), observed_at=at(1460), effect=True)]
)
def test_a_time_in_the_future_starts_anew(wrong: Unknown) -> None:
    """It is of a clock that was ahead: nothing may follow from it, and nothing may wait for it for a day."""
    after = wrong.after(NOON, effect=True, settle_after=TEN)
    assert after == SENT
    assert isinstance(after, Unknown)
    assert after.due_at(TEN) == at(10)


def test_when_the_next_read_counts() -> None:
    """Ten minutes after the call, then ten minutes after the first read."""
    assert SENT.due_at(TEN) == at(10)
    assert seen(30, effect=True).due_at(TEN) == at(40)


def test_nobody_waits_for_ever() -> None:
    """Seven days after the call it stays unresolved."""
    assert not SENT.expired(NOON + LATE_EFFECT - timedelta(seconds=1))
    assert SENT.expired(NOON + LATE_EFFECT)


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=12), st.integers(0, 20))
def test_what_is_settled_was_read_twice(reads: list[tuple[int, bool]], wait: int) -> None:
    """Whatever is read when: what is settled was read that way by two reads, as far apart as they have to be."""
    settle_after, known, passed = timedelta(minutes=wait), SENT, 0
    agreed: list[tuple[int, bool]] = []
    for minutes, effect in reads:
        passed += minutes
        agreed.append((passed, effect))
        after = known.after(at(passed), effect=effect, settle_after=settle_after)
        if isinstance(after, Agreed):
            firsts = [when for when, what in agreed[:-1] if what is after.effect and wait <= when <= passed - wait]
            assert after.effect is effect
            assert firsts
            return
        known = after

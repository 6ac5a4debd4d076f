"""Canvas's clock, as its answers show it."""

from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict

from sync_worker.canvas.dates import REMEMBERED, TOLERANCE, CanvasTime, ahead, apart

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DATE = "Sun, 01 Mar 2026 13:00:00 GMT"
MINUTE = timedelta(minutes=1)


def header(minutes: int) -> dict[str, str]:
    """The Date of a clock that is ahead by so much."""
    return {"Date": (NOW + minutes * MINUTE).strftime("%a, %d %b %Y %H:%M:%S GMT")}


def test_a_date_says_how_far_the_clock_is_ahead() -> None:
    """Whatever the case of its name."""
    assert ahead({"Date": DATE}, NOW) == timedelta(hours=1)
    assert ahead(CIMultiDict({"date": DATE}), NOW) == timedelta(hours=1)


@pytest.mark.parametrize(
    "headers",
    [{}, {"Date": ""}, {"Date": "yesterday"}, {"Date": "1772366400"}, {"Date": DATE, "Age": "0"}, {"Date": "\0"}],
)
def test_what_says_nothing(headers: dict[str, str]) -> None:
    """None, nonsense, and a Date out of a cache."""
    assert ahead(headers, NOW) is None


def test_the_age_counts_in_any_case() -> None:
    """Caches write it as they like."""
    assert ahead(CIMultiDict({"date": DATE, "age": "3600"}), NOW) is None


def test_the_median_of_the_last_answers_counts() -> None:
    """One strange proxy is none; older answers are forgotten."""
    time = CanvasTime()
    assert time.ahead is None
    for minutes in (60, 0, 0, 900, 1):
        time.heard(header(minutes), NOW, NOW)
    assert time.ahead == MINUTE
    for _ in range(REMEMBERED):
        time.heard(header(-30), NOW - MINUTE, NOW + MINUTE)
    assert time.ahead == -30 * MINUTE
    time.heard({**header(0), "Age": "1"}, NOW, NOW)
    assert time.ahead == -30 * MINUTE


def test_words_for_what_is_beyond_the_tolerance() -> None:
    """Within it there is nothing to say."""
    assert apart(TOLERANCE) is None
    assert apart(-TOLERANCE) is None
    assert apart(6 * MINUTE) == "Canvas's clock is 0:06:00 ahead of this machine's"
    assert apart(timedelta(days=-1)) == "Canvas's clock is 1 day, 0:00:00 behind this machine's"

"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.settings import parse_duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("20s", timedelta(seconds=20)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(weeks=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5 h", timedelta(minutes=90)),
        (" 1D ", timedelta(days=1)),
        ("0", timedelta()),
        (90, timedelta(seconds=90)),
        (0.25, timedelta(milliseconds=250)),
        (timedelta(hours=1), timedelta(hours=1)),
    ],
)
def test_every_form(text: str | float | timedelta, expected: timedelta) -> None:
    """A number and a unit, several in a row, or plain seconds."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "-1s", "5 parsecs", "1h x", True, float("nan"), float("inf"), "9" * 30 + "w"]
)
def test_no_duration(text: str | float) -> None:
    """Anything else is refused with a message that shows how to write one."""
    with pytest.raises(ValueError, match="15m"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["36501d", "9999999d", "5300w"])
def test_a_mistake_of_a_hundred_years(text: str) -> None:
    """Nothing is kept or waited for so long, and no calendar reaches so far."""
    with pytest.raises(ValueError, match="leave the setting out"):
        parse_duration(text)


@given(st.integers(0, 10**5), st.integers(0, 10**6))
def test_parts_add_up(hours: int, seconds: int) -> None:
    """Several units mean their sum."""
    assert parse_duration(f"{hours}h{seconds}s") == timedelta(hours=hours, seconds=seconds)

"""Cron expressions: what they mean, and when they are due, where clocks are changed too."""

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.cron import Cron, following, latest, parse

BERLIN = ZoneInfo("Europe/Berlin")
"""In 2026 the clock jumps from 2:00 to 3:00 on 29 March, and back from 3:00 to 2:00 on 25 October."""


def times(text: str, start: str, number: int, zone: tzinfo = UTC) -> list[str]:
    """The next times as the clock on the wall shows them."""
    cron, at = parse(text), datetime.fromisoformat(start).replace(tzinfo=zone).astimezone(UTC)
    found = []
    for _ in range(number):
        due = following(cron, zone, at)
        assert due is not None
        at = due
        found.append(f"{at.astimezone(zone):%a %d.%m. %H:%M}")
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15 3 * * *", ["Mon 23.11. 03:15", "Tue 24.11. 03:15"]),
        ("0 0 * * 0", ["Sun 29.11. 00:00", "Sun 06.12. 00:00"]),
        ("0 0 * * 7", ["Sun 29.11. 00:00", "Sun 06.12. 00:00"]),
        ("0 0 * * 1", ["Mon 30.11. 00:00", "Mon 07.12. 00:00"]),
        ("0 0 * * 5-7", ["Fri 27.11. 00:00", "Sat 28.11. 00:00", "Sun 29.11. 00:00", "Fri 04.12. 00:00"]),
        ("0 0 * * fri-SUN", ["Fri 27.11. 00:00", "Sat 28.11. 00:00", "Sun 29.11. 00:00"]),
        ("0 0 * * sun-tue", ["Tue 24.11. 00:00", "Sun 29.11. 00:00", "Mon 30.11. 00:00"]),
        ("*/20 23 * * *", ["Mon 23.11. 23:00", "Mon 23.11. 23:20", "Mon 23.11. 23:40", "Tue 24.11. 23:00"]),
        ("5,10-14/2 1 * * *", ["Mon 23.11. 01:05", "Mon 23.11. 01:10", "Mon 23.11. 01:12", "Mon 23.11. 01:14"]),
        ("0 0 29 feb *", ["Tue 29.02. 00:00", "Sun 29.02. 00:00"]),
        ("0 0 31 * *", ["Thu 31.12. 00:00", "Sun 31.01. 00:00", "Wed 31.03. 00:00"]),
    ],
)
def test_what_they_mean(text: str, expected: list[str]) -> None:
    """As crontab(5) has it, from a Monday on; 0 and 7 are Sunday."""
    assert times(text, "2026-11-23T00:00", len(expected)) == expected


def test_day_of_month_or_day_of_week() -> None:
    """Where both are restricted one suffices; a field that begins with * restricts nothing."""
    assert times("0 0 1,15 * mon", "2026-11-23T00:00", 5) == [
        "Mon 30.11. 00:00", "Tue 01.12. 00:00", "Mon 07.12. 00:00", "Mon 14.12. 00:00", "Tue 15.12. 00:00",
    ]  # fmt: skip
    assert times("0 0 */2 * mon", "2026-11-23T00:00", 2) == ["Mon 07.12. 00:00", "Mon 21.12. 00:00"]


def test_a_time_that_the_clock_skips() -> None:
    """A fixed one comes right after the change; one that follows the time that passes does not come."""
    assert times("30 2 * * *", "2026-03-28T00:00", 3, BERLIN) == [
        "Sat 28.03. 02:30", "Sun 29.03. 03:00", "Mon 30.03. 02:30",
    ]  # fmt: skip
    assert times("0 2,3 * * *", "2026-03-29T00:00", 2, BERLIN) == ["Sun 29.03. 03:00", "Mon 30.03. 02:00"]
    assert times("30 * * * *", "2026-03-29T01:00", 2, BERLIN) == ["Sun 29.03. 01:30", "Sun 29.03. 03:30"]


def test_a_time_that_comes_twice() -> None:
    """A fixed one comes once, the first time; one that follows the time that passes comes twice."""
    cron, midnight = parse("30 2 * * *"), datetime(2026, 10, 25, tzinfo=BERLIN)
    first = following(cron, BERLIN, midnight)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert following(cron, BERLIN, first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    assert times("30 * * * *", "2026-10-25T01:00", 4, BERLIN) == [
        "Sun 25.10. 01:30", "Sun 25.10. 02:30", "Sun 25.10. 02:30", "Sun 25.10. 03:30",
    ]  # fmt: skip


def test_a_day_that_a_country_skipped() -> None:
    """Samoa had no 30 December 2011: what was due on it came when the next day began."""
    samoa = ZoneInfo("Pacific/Apia")
    assert times("0 12 * * *", "2011-12-29T00:00", 3, samoa) == [
        "Thu 29.12. 12:00", "Sat 31.12. 00:00", "Sat 31.12. 12:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("* * * *", "five fields"),
        ("60 * * * *", "minute: '60' is not one of 0 to 59"),
        ("* 24 * * *", "hour: '24'"),
        ("* * 0 * *", "day of month: '0'"),
        ("* * * foo *", "month: 'foo'"),
        ("* * * * 8", "day of week: '8'"),
        ("* * * * mo", "day of week: 'mo'"),
        ("5/15 * * * *", "a step goes with"),
        ("*/0 * * * *", "a step goes with"),
        ("9-5 * * * *", "goes backwards"),
        ("@daily * * * *", "minute"),
        ("1, * * * *", "minute"),
        ("* * L * *", "day of month: 'L'"),
        ("٣ * * * *", "minute"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 2,4,6 *", "never comes"),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    """The message names the field."""
    with pytest.raises(ValueError, match=message):
        parse(text)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    """One field of an expression."""
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    step = st.tuples(st.one_of(st.just("*"), span), st.integers(1, high)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    one = st.one_of(number.map(str), span, step, st.just("*"))
    return st.lists(one, min_size=1, max_size=2).map(",".join)


expressions: Any = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 7)).map(" ".join)
instants: Any = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(text=expressions, at=instants)
def test_next_and_last_agree(text: str, at: datetime) -> None:
    """Nothing is due between the last time and the next; the last one up to the next is the next."""
    cron = parse(text)
    after = following(cron, BERLIN, at)
    assert after is not None
    assert after > at
    assert latest(cron, BERLIN, after) == after
    before = latest(cron, BERLIN, at)
    assert before is not None
    assert before <= at
    assert following(cron, BERLIN, before) == after


@settings(max_examples=25)
@given(text=expressions, at=instants)
def test_in_utc_it_is_what_the_clock_shows(text: str, at: datetime) -> None:
    """Minute by minute for a day: due exactly where all fields agree."""
    cron = parse(text)
    minutes = [at.replace(second=0, microsecond=0) + timedelta(minutes=number) for number in range(1, 1440)]
    expected = [minute for minute in minutes if matches(cron, minute)]
    found = list(until(cron, at, minutes[-1]))
    assert found == expected
    assert all(before < after for before, after in pairwise(found))


def matches(cron: Cron, minute: datetime) -> bool:
    """Field by field."""
    return minute.minute in cron.minutes and minute.hour in cron.hours and cron.on(minute.date())


def until(cron: Cron, at: datetime, end: datetime) -> Any:
    """All that is due up to `end`."""
    while (due := following(cron, UTC, at)) is not None and due <= end:
        yield due
        at = due

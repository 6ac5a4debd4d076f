"""What a monitor says, at every edge of every limit."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from sync_worker.flows.look.freshness import Bounds, Level, Remark, Vitals, percent, spelt, weigh, worst
from sync_worker.flows.look.vitals import days_left
from sync_worker.mirror.runs import FailedRun

HOUR = timedelta(hours=1)
GOOD = Vitals(
    instance="main",
    age=2 * HOUR,
    coverage=100.0,
    unfinished=(),
    open_failures=0,
    deletions_pending=0,
    actions_uncertain=0,
    token_days=None,
)
BOUNDS = Bounds(min_coverage=95.0)
FRESH = "the last good run ended 2 h ago"
WHOLE = "coverage 100.0 %"

FAILED = tuple(FailedRun(id=number, exit_code=code, message="") for number, code in ((9, 2), (8, 5), (7, 2)))


def said(given: dict[str, Any], bounds: Bounds = BOUNDS) -> list[tuple[str, str]]:
    """What is said beside what is well."""
    remarks = weigh(replace(GOOD, **given), bounds)
    return [(remark.level.value, remark.text) for remark in remarks if remark.level is not Level.OK]


def test_all_is_well() -> None:
    """Age and coverage are said all the same."""
    assert weigh(GOOD, BOUNDS) == (Remark(level=Level.OK, text=FRESH), Remark(level=Level.OK, text=WHOLE))


@pytest.mark.parametrize(
    ("given", "level", "text"),
    [
        ({"age": None}, "critical", "no run over all configured users has come to a good end yet"),
        ({"age": 26 * HOUR + timedelta(seconds=1)}, "critical", "the last good run ended 26 h ago (limit 26 h)"),
        ({"age": timedelta(days=9)}, "critical", "the last good run ended 9 d ago (limit 26 h)"),
        ({"coverage": 94.99}, "critical", "coverage 94.9 % (limit 95 %)"),
        ({"coverage": 0.0}, "critical", "coverage 0.0 % (limit 95 %)"),
        ({"token_days": -1}, "critical", "the token ended 1 day ago"),
        ({"token_days": -400}, "critical", "the token ended 400 days ago"),
        ({"token_days": 0}, "warning", "the token ends today"),
        ({"token_days": 1}, "warning", "the token ends in 1 day"),
        ({"token_days": 21}, "warning", "the token ends in 21 days"),
        ({"unfinished": (7,)}, "warning", "interrupted and not gone on with: run 7"),
        ({"unfinished_plans": (3, 4)}, "warning", "an apply was interrupted and not gone on with: plan 3, 4"),
        ({"failed": FAILED[:1]}, "warning", "failed: run 9 (exit code 2)"),
        ({"failed": FAILED}, "warning", "failed: run 7, 8, 9 (exit codes 2, 5)"),
        ({"unfinished": (7, 9)}, "warning", "interrupted and not gone on with: run 7, 9"),
        ({"open_failures": 1200}, "warning", "1,200 users or references could not be read"),
        ({"deletions_pending": 3}, "warning", "3 deletions wait for a person"),
        ({"open_failures": 1}, "warning", "1 user or reference could not be read"),
        ({"deletions_pending": 1}, "warning", "1 deletion waits for a person"),
        ({"actions_uncertain": 1}, "warning", "1 action has an unknown outcome"),
        ({"actions_uncertain": 2}, "warning", "2 actions have an unknown outcome"),
    ],
)
def test_one_thing_that_is_not_well(given: dict[str, Any], level: str, text: str) -> None:
    """It alone is said beside what is well."""
    assert said(given) == [(level, text)]


@pytest.mark.parametrize(
    "given",
    [{"age": timedelta()}, {"age": 26 * HOUR}, {"coverage": 95.0}, {"coverage": None}, {"token_days": 22}],
    ids=str,
)
def test_what_is_just_well(given: dict[str, Any]) -> None:
    """The limit itself is allowed; a run that has not finished yet has no coverage to complain of."""
    assert said(given) == []


@pytest.mark.parametrize(
    ("hours", "level"), [(12.0, None), (12.001, "warning"), (26.0, "warning"), (26.001, "critical")]
)
def test_a_warning_before_the_limit(hours: float, level: str | None) -> None:
    """Where --warn-age asks for one."""
    found = said({"age": hours * HOUR}, replace(BOUNDS, warn_age=12 * HOUR))
    assert [each for each, _ in found] == ([level] if level else [])


def test_everything_at_once_is_said() -> None:
    """The first trouble hides no other."""
    everything = {
        "age": None,
        "coverage": 1.0,
        "token_days": -1,
        "unfinished": (1,),
        "unfinished_plans": (1,),
        "failed": FAILED,
        "open_failures": 1,
        "deletions_pending": 1,
        "actions_uncertain": 1,
    }
    assert [level for level, _ in said(everything)] == ["critical"] * 3 + ["warning"] * 6


def test_the_worst_wins() -> None:
    """Critical before unknown before warning before ok; of nothing it is ok."""
    order = [Level.CRITICAL, Level.UNKNOWN, Level.WARNING, Level.OK]
    assert worst([]) is Level.OK
    for one, other in product(order, order):
        assert worst([one, other]) is order[min(order.index(one), order.index(other))]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    """Cut off, in the largest unit of which there are two."""
    assert spelt(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(100.0, "100.0"), (99.99, "99.9"), (94.96, "94.9"), (95.0, "95.0"), (94.3, "94.3"), (0.0, "0.0")],
)
def test_percentages_are_not_rounded_up(value: float, text: str) -> None:
    """Below the limit looks below the limit."""
    assert percent(value) == text


@pytest.mark.parametrize(("ends", "days"), [(None, None), ("2026-11-23", 0), ("2026-11-24", 1), ("2026-11-22", -1)])
def test_days_that_a_token_has_left(ends: str | None, days: int | None) -> None:
    """By the calendar in UTC: its last day is 0."""
    now = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
    assert days_left(date.fromisoformat(ends) if ends else None, now) == days

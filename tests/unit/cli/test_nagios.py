"""The line for Nagios, against the guidelines for plugins."""

import re
from dataclasses import replace
from datetime import timedelta

from sync_worker.cli.nagios import CODES, failure, line
from sync_worker.flows.look.freshness import Bounds, Level, Vitals, weigh

VITALS = Vitals(
    instance="main",
    age=timedelta(hours=2),
    coverage=99.96,
    unfinished=(),
    open_failures=0,
    deletions_pending=0,
    actions_uncertain=0,
    token_days=None,
)
BOUNDS = Bounds(min_coverage=95.0)
DATUM = re.compile(r"[^\s=']+=(U|-?\d+(\.\d+)?(s|%)?)(;(-?\d*(\.\d+)?:?)){0,2}(;\d*){0,2}")
"""label=value[unit];[warn];[crit];[min];[max]."""


def told(*vitals: Vitals, bounds: Bounds = BOUNDS) -> str:
    """The line, checked for its form."""
    text = line([(each, bounds, weigh(each, bounds)) for each in vitals])
    assert "\n" not in text
    said, _, figures = text.partition(" | ")
    assert "|" not in said
    assert all(DATUM.fullmatch(datum) for datum in figures.split()), figures
    return text


def test_all_is_well() -> None:
    """State, words, figures with their limits."""
    assert told(VITALS) == (
        "SYNC-WORKER OK - main: the last good run ended 2 h ago, coverage 99.9 % | age=7200s;93600;93600;0 "
        "coverage=99.9%;95:;95:;0;100 failures=0;0;;0 pending=0;0;;0 uncertain=0;0;;0 unfinished=0;0;;0"
    )


def test_what_is_wrong_stands_alone_and_the_worst_first() -> None:
    """A person on call reads the first words on a telephone."""
    text = told(replace(VITALS, open_failures=3, coverage=12.0, unfinished=(4,), token_days=20))
    assert text.startswith(
        "SYNC-WORKER CRITICAL - main: coverage 12.0 % (limit 95 %), the token ends in 20 days, "
        "interrupted and not gone on with: run 4, 3 users or references could not be read | "
    )
    assert " failures=3;0;;0 " in text
    assert text.endswith(" unfinished=1;0;;0 token_days=20;22:;0:")


def test_what_is_not_known_is_u() -> None:
    """Before the first run there is neither age nor coverage."""
    text = told(replace(VITALS, age=None, coverage=None))
    assert " | age=U;93600;93600;0 coverage=U;95:;95:;0;100 " in text


def test_limits_of_the_command_line() -> None:
    """They are those of the figures."""
    bounds = Bounds(max_age=timedelta(hours=2), warn_age=timedelta(hours=1), min_coverage=99.5)
    text = told(VITALS, bounds=bounds)
    assert text.startswith("SYNC-WORKER WARNING - main: the last good run ended 2 h ago (warning from 60 min on) | ")
    assert " age=7200s;3600;7200;0 coverage=99.9%;99.5:;99.5:;0;100 " in text


def test_several_instances() -> None:
    """The worst is the state; every figure says whose it is."""
    text = told(VITALS, replace(VITALS, instance="test", deletions_pending=2))
    assert text.startswith(
        "SYNC-WORKER WARNING - main: the last good run ended 2 h ago, coverage 99.9 %; "
        "test: 2 deletions wait for a person | main_age=7200s;"
    )
    assert " test_pending=2;0;;0 " in text


def test_a_failure_is_one_line_too() -> None:
    """Whatever the message holds: a bar would begin the figures."""
    text = failure(Level.UNKNOWN, "c.toml:2: a | b\n\nc.toml:3:  c")
    assert text == "SYNC-WORKER UNKNOWN - c.toml:2: a / b; c.toml:3: c"


def test_codes() -> None:
    """Those of the guidelines."""
    assert [CODES[level] for level in (Level.OK, Level.WARNING, Level.CRITICAL, Level.UNKNOWN)] == [0, 1, 2, 3]

"""How an instance is, for a monitor: pure, from what was read and limits to remarks with a level.

Critical is what makes the mirror useless: no good run for too long, too few users read, a token that has ended.
A warning is what a person should look at soon: users that cannot be read, a run that was interrupted, deletions that
wait, an action in doubt, a token that ends soon.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from sync_worker.desired.render.words import counted
from sync_worker.mirror.clocks import FutureValues
from sync_worker.mirror.runs import FailedRun


class Level(StrEnum):
    """The states of the Nagios plugin guidelines."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


_WORST_FIRST: Final = (Level.CRITICAL, Level.UNKNOWN, Level.WARNING, Level.OK)
TOKEN_NOTICE: Final = 21  # days
MAX_AGE: Final = timedelta(hours=26)  # a day, and two hours for the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """From where on a monitor is to say something."""

    max_age: timedelta = MAX_AGE  # older is critical
    warn_age: timedelta | None = None  # older is a warning; None: no warning before max_age
    min_coverage: float  # per cent; less is critical
    token_notice: int = TOKEN_NOTICE  # days


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals:
    """What is known about one instance."""

    instance: str
    age: timedelta | None  # since the end of the last good run over all configured users; None: there was none
    # negative: that lies in the future, so a clock was wrong, and nobody knows
    coverage: float | None  # of the last finished one, per cent; None: there was none
    unfinished: tuple[int, ...]  # runs that were interrupted or killed since the last good one
    unfinished_plans: tuple[int, ...] = ()  # whose apply was interrupted or killed
    failed: tuple[FailedRun, ...] = ()  # runs that could not even begin since then, the latest first
    future: tuple[FutureValues, ...] = ()  # rows that carry a time in the future
    open_failures: int  # users and references that the next run tries again
    deletions_pending: int
    actions_uncertain: int
    token_days: int | None  # until the token ends; 0 today, negative afterwards; None: not configured


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One thing to say."""

    level: Level
    text: str


def worst(levels: Iterable[Level]) -> Level:
    """The level of several together; that of none is ok."""
    found = set(levels)
    return next((level for level in _WORST_FIRST if level in found), Level.OK)


def weigh(vitals: Vitals, bounds: Bounds) -> tuple[Remark, ...]:
    """What there is to say, age and coverage first; these two are always among it."""
    return (_age(vitals, bounds), *_coverage(vitals, bounds), *_token(vitals, bounds), *_waiting(vitals))


def _age(vitals: Vitals, bounds: Bounds) -> Remark:
    if vitals.age is None:
        return Remark(level=Level.CRITICAL, text="no run over all configured users has come to a good end yet")
    if vitals.age < timedelta():
        return Remark(level=Level.CRITICAL, text=f"the last good run {in_the_future(-vitals.age)}")
    text = f"the last good run ended {spelt(vitals.age)} ago"
    if vitals.age > bounds.max_age:
        return Remark(level=Level.CRITICAL, text=f"{text} (limit {spelt(bounds.max_age)})")
    if bounds.warn_age is not None and vitals.age > bounds.warn_age:
        return Remark(level=Level.WARNING, text=f"{text} (warning from {spelt(bounds.warn_age)} on)")
    return Remark(level=Level.OK, text=text)


def _coverage(vitals: Vitals, bounds: Bounds) -> Iterator[Remark]:
    if vitals.coverage is None:
        return
    text = f"coverage {percent(vitals.coverage)} %"
    if vitals.coverage < bounds.min_coverage:
        yield Remark(level=Level.CRITICAL, text=f"{text} (limit {bounds.min_coverage:g} %)")
    else:
        yield Remark(level=Level.OK, text=text)


def _token(vitals: Vitals, bounds: Bounds) -> Iterator[Remark]:
    days = vitals.token_days
    if days is None or days > bounds.token_notice:
        return
    if days < 0:
        yield Remark(level=Level.CRITICAL, text=f"the token ended {_days(-days)} ago")
    else:
        when = f"in {_days(days)}" if days else "today"
        yield Remark(level=Level.WARNING, text=f"the token ends {when}")


def _waiting(vitals: Vitals) -> Iterator[Remark]:
    runs = ", ".join(str(run) for run in vitals.unfinished)
    failures = counted(vitals.open_failures, "user or reference", "users or references")
    deletions = counted(vitals.deletions_pending, "deletion waits for a person", "deletions wait for a person")
    actions = counted(vitals.actions_uncertain, "action has an unknown outcome", "actions have an unknown outcome")
    plans = ", ".join(str(plan) for plan in vitals.unfinished_plans)
    found = (
        (len(vitals.unfinished_plans), f"an apply was interrupted and not gone on with: plan {plans}"),
        (len(vitals.unfinished), f"interrupted and not gone on with: run {runs}"),
        (len(vitals.failed), f"failed: {_failed(vitals)}"),
        (vitals.open_failures, f"{failures} could not be read"),
        (vitals.deletions_pending, deletions),
        (vitals.actions_uncertain, actions),
        (len(vitals.future), f"{_future(vitals)}: see sync-worker db repair-times --dry-run"),
    )
    for count, text in found:
        if count:
            yield Remark(level=Level.WARNING, text=text)


def _failed(vitals: Vitals) -> str:
    """Which runs failed since the last good one, and with which exit codes, the last one first."""
    runs = ", ".join(str(run.id) for run in reversed(vitals.failed))
    codes = list(dict.fromkeys(run.exit_code for run in vitals.failed))
    return f"run {runs} (exit code{'s' if len(codes) > 1 else ''} {', '.join(map(str, codes))})"


def in_the_future(ahead: timedelta) -> str:
    """How to say that something ended so much later than now."""
    return f"ended {spelt(ahead)} in the future: a clock was wrong, so nobody knows how old the mirror is"


def _future(vitals: Vitals) -> str:
    rows = counted(sum(each.rows for each in vitals.future), "row carries", "rows carry")
    return f"{rows} a time in the future ({', '.join(f'{each.rows:,} in {each.place}' for each in vitals.future)})"


def percent(value: float) -> str:
    """One decimal, cut off: 94.96 is not 95.0."""
    return f"{int(value * 10 + 1e-6) / 10:.1f}"


def spelt(age: timedelta) -> str:
    """A duration in its largest fitting unit, cut off."""
    seconds = int(age.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"

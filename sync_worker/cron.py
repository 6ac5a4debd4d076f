"""Cron expressions as cron means them, and when they are due. A leaf: pure.

Five fields: minute, hour, day of month, month, day of week; `*`, numbers, ranges, lists, steps and English names; 0 and
7 are Sunday. Where day of month and day of week both are restricted (neither begins with `*`), one of them suffices
(crontab(5)).

Where clocks are changed it does what Vixie cron does (cron(8)): a job at a fixed time that the change skips runs right
after it, and one at a time that comes twice runs the first time only; a job whose minute or hour begins with `*`
follows the time that really passes.
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LEAP_YEAR: Final = 2024
_DAY: Final = timedelta(days=1)
_HORIZON: Final = 41 * 366  # days; the rarest date that can be written comes once in forty years
_PART: Final = re.compile(r"(\*|\w+(?:-\w+)?)(?:/(\d+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()  # of the values from `low` on


_FIELDS: Final = (
    _Field(name="minute", low=0, high=59),
    _Field(name="hour", low=0, high=23),
    _Field(name="day of month", low=1, high=31),
    _Field(name="month", low=1, high=12, names=_MONTHS),
    _Field(name="day of week", low=0, high=7, names=_DAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """An expression that was understood."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    either: bool  # day of month or day of week suffices
    elapsing: bool  # minute or hour begins with *: it follows the time that passes

    def on(self, day: date) -> bool:
        """Whether it is due on this day at all."""
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and (of_month or of_week if self.either else of_month and of_week)


def parse(text: str) -> Cron:
    """What an expression means.

    Raises:
        ValueError: it is none; the message names the field.
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError('must have five fields: minute, hour, day, month, weekday, such as "15 3 * * *"')
    values = [_values(part, field) for part, field in zip(parts, _FIELDS, strict=True)]
    minutes, hours, days, months, weekdays = values
    starred = [part.startswith("*") for part in parts]
    cron = Cron(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=days,
        months=months,
        weekdays=frozenset(day % 7 for day in weekdays),
        either=not (starred[2] or starred[4]),
        elapsing=starred[0] or starred[1],
    )
    if not cron.either and all(min(days) > monthrange(_LEAP_YEAR, month)[1] for month in months):
        raise ValueError("never comes: no such month has so many days")
    return cron


def _values(text: str, field: _Field) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _part(part, field))


def _part(text: str, field: _Field) -> Iterable[int]:
    match = _PART.fullmatch(text)
    if match is None:
        raise ValueError(f"{field.name}: {text!r} is no number, range or step such as 5, 1-5 or */15")
    span, step = match[1], int(match[2] or 1)
    if match[2] and (step == 0 or not (span == "*" or "-" in span)):
        raise ValueError(f"{field.name}: a step goes with * or a range, and is 1 or more, not {text!r}")
    low, high = _span(span, field)
    if low > high:
        raise ValueError(f"{field.name}: the range {span!r} goes backwards")
    return range(low, high + 1, step)


def _span(text: str, field: _Field) -> tuple[int, int]:
    if text == "*":
        return field.low, field.high
    first, _, last = text.partition("-")
    low = _number(first, field)
    high = _number(last, field) if last else low
    return low, 7 if last.lower() == _DAYS[0] and field.names == _DAYS else high


def _number(text: str, field: _Field) -> int:
    if text.lower() in field.names:
        return field.low + field.names.index(text.lower())
    if not (text.isascii() and text.isdecimal() and field.low <= int(text) <= field.high):
        raise ValueError(f"{field.name}: {text!r} is not one of {field.low} to {field.high}")
    return int(text)


def zone_named(name: str) -> tzinfo:
    """A time zone; UTC also where the machine has no zone data."""
    return UTC if name == "UTC" else ZoneInfo(name)


def following(cron: Cron, zone: tzinfo, after: datetime) -> datetime | None:
    """The first time after this instant at which it is due, in UTC; None: never again."""
    return _nearest(cron, zone, after, 1)


def latest(cron: Cron, zone: tzinfo, until: datetime) -> datetime | None:
    """The last time up to this instant, it included, at which it was due, in UTC."""
    return _nearest(cron, zone, until, -1)


def _nearest(cron: Cron, zone: tzinfo, instant: datetime, direction: int) -> datetime | None:
    """Look day by day; what a change of the clocks moves lands on the next day at most, so two days are compared."""
    here = instant.astimezone(zone).date() - direction * _DAY
    for number in range(_HORIZON):
        day = here + direction * number * _DAY
        near = [i for each in (day, day + direction * _DAY) for i in _instants(cron, zone, each)]
        found = [i for i in near if (i > instant if direction > 0 else i <= instant)]
        if found:
            return min(found) if direction > 0 else max(found)
    return None


@lru_cache(maxsize=64)
def _instants(cron: Cron, zone: tzinfo, day: date) -> tuple[datetime, ...]:
    """The instants of one local day, in UTC."""
    if not cron.on(day):
        return ()
    times = (datetime.combine(day, time(hour, minute)) for hour in cron.hours for minute in cron.minutes)
    find = _passing if cron.elapsing else _once
    return tuple(instant for local in times for instant in find(local, zone))


def _passing(local: datetime, zone: tzinfo) -> Iterator[datetime]:
    """Every instant at which the clock on the wall shows this: none, one or two."""
    for instant in sorted({_utc(local, zone, fold) for fold in (0, 1)}):
        if _shown(instant, zone) == local:
            yield instant


def _once(local: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The first such instant; where the clock skips it, the first one after the gap."""
    shown = next(_passing(local, zone), None)
    yield shown if shown is not None else _end_of_gap(_utc(local, zone, 1), _utc(local, zone, 0), zone)


def _end_of_gap(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The instant between two at which the clock is changed, to the second."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _utc(local: datetime, zone: tzinfo, fold: int) -> datetime:
    return local.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _shown(instant: datetime, zone: tzinfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)

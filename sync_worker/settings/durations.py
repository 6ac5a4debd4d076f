"""Durations as people write them: `"15m"`, `"12h"`, `"7d"`, `"500ms"`, `"1h30m"`; a plain number is seconds."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_SECONDS = re.compile(r"\d+(?:\.\d+)?")


LONGEST: Final = timedelta(days=36_500)
"""What is longer is a mistake, and leads out of the calendar."""


def parse_duration(value: str | float | timedelta) -> timedelta:
    """The duration that `value` means; units ms, s, m, h, d, w, also several in a row.

    Raises:
        ValueError: it means none; the message shows how to write one.
    """
    found = value if isinstance(value, timedelta) else _parsed(value)
    if found > LONGEST:
        raise ValueError("longer than a hundred years; where something is to be kept for ever, leave the setting out")
    return found


def _parsed(value: str | float) -> timedelta:
    text = "" if isinstance(value, bool) else str(value).strip().lower()
    try:
        if _SECONDS.fullmatch(text):
            return timedelta(seconds=float(text))
        if _WHOLE.fullmatch(text):
            return sum((float(n) * _UNITS[unit] for n, unit in _PART.findall(text)), timedelta())
    except OverflowError:
        pass
    raise ValueError('not a duration; write a number and a unit, such as "500ms", "20s", "15m", "12h" or "7d"')


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
"""A setting that holds a duration."""

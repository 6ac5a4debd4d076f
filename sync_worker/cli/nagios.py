"""A monitor's answer in the form of the Nagios plugin guidelines: one line, performance data behind a bar.

https://nagios-plugins.org/doc/guidelines.html
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from sync_worker.flows.look.freshness import Bounds, Level, Remark, Vitals, percent, worst

CODES: Final[Mapping[Level, int]] = {Level.OK: 0, Level.WARNING: 1, Level.CRITICAL: 2, Level.UNKNOWN: 3}
"""What a plugin ends with."""

Weighed = tuple[Vitals, Bounds, tuple[Remark, ...]]


def line(found: Sequence[Weighed]) -> str:
    """The line for all instances; what is wrong comes first."""
    level = worst(remark.level for _, _, remarks in found for remark in remarks)
    texts = "; ".join(_texts(vitals, remarks) for vitals, _, remarks in found)
    figures = " ".join(_figures(vitals, bounds, alone=len(found) == 1) for vitals, bounds, _ in found)
    return f"{_head(level, texts)} | {figures}"


def failure(level: Level, message: str) -> str:
    """The line where nothing could be found out."""
    return _head(level, "; ".join(filter(None, map(str.strip, message.splitlines()))))


def _head(level: Level, text: str) -> str:
    """A bar would begin the performance data, and a second line would be another thing."""
    return f"SYNC-WORKER {level.upper()} - {' '.join(text.replace('|', '/').split())}"


def _texts(vitals: Vitals, remarks: Sequence[Remark]) -> str:
    bad = [remark for remark in remarks if remark.level is not Level.OK]
    told = sorted(bad, key=lambda remark: CODES[remark.level], reverse=True) or remarks
    return f"{vitals.instance}: {', '.join(remark.text for remark in told)}"


def _figures(vitals: Vitals, bounds: Bounds, *, alone: bool) -> str:
    """Label=value[unit];warn;crit;min;max; U is a value that is not known."""
    before = "" if alone else f"{vitals.instance}_"
    critical = int(bounds.max_age.total_seconds())
    warning = critical if bounds.warn_age is None else int(bounds.warn_age.total_seconds())
    age = "U" if vitals.age is None or vitals.age < timedelta() else f"{int(vitals.age.total_seconds())}s"
    covered = "U" if vitals.coverage is None else f"{percent(vitals.coverage)}%"
    least = f"{bounds.min_coverage:g}:"
    figures = [f"age={age};{warning};{critical};0", f"coverage={covered};{least};{least};0;100"]
    figures += [f"failures={vitals.open_failures};0;;0", f"pending={vitals.deletions_pending};0;;0"]
    figures += [
        f"uncertain={vitals.actions_uncertain};0;;0",
        f"unfinished={len(vitals.unfinished) + len(vitals.unfinished_plans)};0;;0",
    ]
    figures += [] if vitals.token_days is None else [f"token_days={vitals.token_days};{bounds.token_notice + 1}:;0:"]
    return " ".join(before + figure for figure in figures)

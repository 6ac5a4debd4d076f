"""The page at `/`: how the instances are, what is at work, what comes next. Any `Page` may take its place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from sync_worker.mirror.readback import InstanceStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class NextRun:
    """A job of the schedule."""

    job: str
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """All that the page shows."""

    now: datetime
    statuses: tuple[InstanceStatus, ...] | None  # None: the database is away
    at_work: tuple[dict[str, Any], ...]  # as in status.json
    next_runs: tuple[NextRun, ...]


Page: TypeAlias = Callable[[Situation], str]
"""HTML for a situation; no scripts, and nothing from elsewhere: the browser is told to load none."""


def status_page(situation: Situation) -> str:
    """A small page that needs nothing else; everything in it is escaped."""
    return _template().render(situation=situation)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("sync_worker.service", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["time"] = lambda at: f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"
    return environment.get_template("status.html.jinja")

"""The page at `/`: that of `report`, live. Any `Page` may take its place."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sync_worker.flows.look.page import latest
from sync_worker.mirror.readback import InstanceStatus
from sync_worker.reports.overview import Live, Overview
from sync_worker.reports.page import policy, render

SHOWN_RUNS: Final = 5  # of the latest, in status.json


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
    overview: Overview | None = None  # None: the database is away, or too slow, or nobody asked for it


Page: TypeAlias = Callable[[Situation], str]
"""HTML for a situation; of scripts and styles only those that `POLICY` names, and nothing from elsewhere."""

POLICY: Final = f"{policy(live=True)}; frame-ancestors 'none'"


def status_page(situation: Situation) -> str:
    """The page of `report`, with what is at work; everything in it is escaped."""
    slow = situation.statuses is not None and situation.overview is None
    return render(
        situation.overview,
        Live(
            now=situation.now,
            at_work=situation.at_work,
            next_runs=[(run.job, run.at) for run in situation.next_runs],
            trouble="It is there, but the figures of the page did not come in time." if slow else None,
            latest=latest(situation.statuses or (), SHOWN_RUNS),
        ),
    )

"""What the database knows, as metrics: for `/metrics`, and as a textfile for cron users.

The textfile is right after a failed run too, and when nothing runs any more the time of the last success stands still.
While the database is away it says so, and how the job ended.
"""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from sync_worker.flows.job import Outcome
from sync_worker.mirror.readback import InstanceStatus

PREFIX: Final = "sync_worker_"
RUNS_LOOKED_AT: Final = 20
"""The latest runs among which the last that read is looked for."""

CHANGES: Final = ("created", "changed", "revived", "moved")
"""Columns of `worker.runs`, with `channels_` before them."""

_READING: Final = frozenset({"run", "backfill"})

_GAUGES: Final = {
    "channels_live": ("channels_live", "Live channels in the mirror."),
    "deletions_pending": ("deletions_withheld", "Deletions that the brake holds back and a person has to decide on."),
    "open_failures": ("open_failures", "Users and references that could not be read and have not been since."),
    "actions_unsettled": ("actions_unsettled", "Actions whose outcome is unknown until two reads agree."),
    "actions_unresolved": ("actions_unresolved", "Actions whose outcome stayed unknown for 7 days."),
}
"""Fields of a status that are metrics as they are."""

_LAST_RUN: Final = {
    "exit_code": ("last_run_exit_code", "Exit code of the last run that ended."),
    "seconds": ("last_run_duration_seconds", "Working time of the last run that ended."),
    "requests": ("last_run_requests", "Requests to Canvas in the last run that ended."),
    "throttled": ("last_run_refusals", "Requests that Canvas refused because of its rate limit in that run."),
    "users_total": ("last_run_users", "Users of the last run that ended."),
    "users_failed": ("last_run_user_failures", "Users that it could not read."),
    "channels_deleted": ("last_run_tombstones", "Channels that it marked as deleted."),
}
"""Columns of `worker.runs` that are metrics as they are."""


def gauge(name: str, description: str, *labels: str) -> GaugeMetricFamily:
    """A family of gauges, one for each instance."""
    return GaugeMetricFamily(f"{PREFIX}{name}", description, labels=["instance", *labels])


async def write_textfile(path: Path, found: tuple[InstanceStatus, ...] | None, outcomes: tuple[Outcome, ...]) -> None:
    """Write what the database knows (None: it is away), and how the jobs ended that have just done so.

    In one step: nobody ever reads half a file. All may read it, as the node exporter has to: it holds figures only.

    Raises:
        OSError: the file cannot be written.
    """
    registry = CollectorRegistry()
    registry.register(Stored(found))
    registry.register(_Ended(outcomes))
    await asyncio.to_thread(_replace, path, prometheus_client.generate_latest(registry))


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


class _Ended(Collector):
    """The jobs that have just ended."""

    def __init__(self, outcomes: tuple[Outcome, ...]) -> None:
        self._outcomes = outcomes

    @override
    def collect(self) -> Iterator[Metric]:
        code = gauge("last_job_exit_code", "Exit code of the last job that wrote this file.", "job")
        ended = gauge("last_job_timestamp_seconds", "When that job ended.", "job")
        for outcome in self._outcomes:
            labels = [outcome.instance, outcome.kind]
            code.add_metric(labels, outcome.exit_code)
            ended.add_metric(labels, (outcome.started_at + outcome.took).timestamp())
        yield from (code, ended)


class Stored(Collector):
    """What the database knows; None: it is away."""

    def __init__(self, found: tuple[InstanceStatus, ...] | None) -> None:
        self._found = found

    @override
    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily(f"{PREFIX}database_up", "Whether the database answered.", value=self._found is not None)
        yield up
        if self._found is None:
            return
        yield self._users()
        for field, (name, description) in _GAUGES.items():
            family = gauge(name, description)
            for status in self._found:
                family.add_metric([status.instance], getattr(status, field))
            yield family
        yield from self._times()
        yield from self._last_runs()

    def _statuses(self) -> tuple[InstanceStatus, ...]:
        return self._found or ()

    def _users(self) -> Metric:
        family = gauge("users", "Users in the mirror, by state.", "state")
        for status in self._statuses():
            for state in ("present", "unreadable", "unlisted", "gone"):
                family.add_metric([status.instance, state], getattr(status, f"users_{state}"))
        return family

    def _times(self) -> Iterator[Metric]:
        plans = gauge("plans_waiting", "Plans that wait for a person.")
        success = gauge(
            "last_success_timestamp_seconds",
            "End of the last good run over all configured users; 0: none, or it lies in the future.",
        )
        for status in self._statuses():
            plans.add_metric([status.instance], len(status.plans_waiting))
            ended = None if status.last_success_is_ahead else status.last_success_at
            success.add_metric([status.instance], ended.timestamp() if ended else 0)
        yield from (plans, success)

    def _last_runs(self) -> Iterator[Metric]:
        last = {status.instance: run for status in self._statuses() if (run := _last_read(status)) is not None}
        ended = gauge("last_run_timestamp_seconds", "When the last run ended, well or not.")
        changes = gauge("last_run_channel_changes", "Changes that it wrote to the mirror, by kind.", "change")
        for name, run in last.items():
            ended.add_metric([name], run["finished_at"].timestamp())
            for change in CHANGES:
                changes.add_metric([name, change], run[f"channels_{change}"])
        yield from (ended, changes)
        for column, (metric, description) in _LAST_RUN.items():
            family = gauge(metric, description)
            for name, run in last.items():
                if run[column] is not None:  # of a run that was killed nobody knows it
                    family.add_metric([name], run[column])
            yield family


def _last_read(status: InstanceStatus) -> dict[str, Any] | None:
    """The last run that read and ended."""
    return next((run for run in status.runs if run["kind"] in _READING and run["finished_at"] is not None), None)

"""Metrics for Prometheus, in a registry of their own: what this process does, and what the database knows."""

from collections.abc import Iterable, Iterator
from typing import Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from sync_worker import __version__
from sync_worker.flows.job import Outcome
from sync_worker.mirror.actions import Status
from sync_worker.mirror.readback import InstanceStatus
from sync_worker.service.board import Board
from sync_worker.service.stored import CHANGES, PREFIX, Stored, gauge

DURATIONS: Final = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800)  # seconds

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types


class Metrics:
    """All of it, for `/metrics`.

    Args:
        board: what is at work.
        names: of the instances, so that every series is there from the start.
    """

    def __init__(self, board: Board, names: tuple[str, ...]) -> None:
        self.registry = CollectorRegistry()
        self._runs = self._counter("runs", "Jobs that ended, by exit code.", "job", "exit_code")
        self._users = self._counter("users_read", "Users read completely, or found to be gone.")
        self._failures = self._counter("user_failures", "Users that could not be read.")
        self._changes = self._counter("channel_changes", "Changes written to the mirror, by kind.", "change")
        self._tombstones = self._counter("tombstones", "Channels marked as deleted.")
        self._actions = self._counter("actions", "Creates and deletes of applies, by what became of them.", "status")
        self._skipped = self._counter("skipped_jobs", "Times of the schedule that were not begun.", "job")
        self._durations = Histogram(
            f"{PREFIX}run_duration_seconds", "How long jobs took.", ["instance", "job"],
            buckets=DURATIONS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_Live(board, names))
        for name in names:
            self._prepare(name)

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}{name}", description, ["instance", *labels], registry=self.registry)

    def _prepare(self, name: str) -> None:
        for counter in (self._users, self._failures, self._tombstones):
            counter.labels(name)
        for change in CHANGES:
            self._changes.labels(name, change)
        for status in (Status.DONE, Status.WITHHELD, Status.FAILED):
            self._actions.labels(name, status.value)

    def count(self, outcome: Outcome) -> None:
        """Count a job that ended."""
        name = outcome.instance
        self._runs.labels(name, outcome.kind, str(outcome.exit_code)).inc()
        self._durations.labels(name, outcome.kind).observe(outcome.took.total_seconds())
        if outcome.report is not None:
            figures = outcome.report.figures
            self._users.labels(name).inc(figures.users_done + figures.users_gone)
            self._failures.labels(name).inc(figures.users_failed + figures.unresolved)
            self._tombstones.labels(name).inc(outcome.report.settled.merged.deleted)
            for change in CHANGES:
                self._changes.labels(name, change).inc(getattr(figures, f"channels_{change}"))
        carried = outcome.reconciled.carried if outcome.reconciled else None
        if carried is not None and carried.report is not None:
            for status in Status:
                self._actions.labels(name, status.value).inc(carried.report.tally.number(status))

    def skipped(self, kind: str, names: Iterable[str]) -> None:
        """Count a time of the schedule that was not begun."""
        for name in names:
            self._skipped.labels(name, kind).inc()

    def text(self, found: tuple[InstanceStatus, ...] | None) -> bytes:
        """Everything, in Prometheus' text format; None: the database is away."""
        stored = CollectorRegistry()
        stored.register(Stored(found))
        return prometheus_client.generate_latest(self.registry) + prometheus_client.generate_latest(stored)


class _Live(Collector):
    """What is at work in this process."""

    def __init__(self, board: Board, names: tuple[str, ...]) -> None:
        self._board = board
        self._names = names

    @override
    def collect(self) -> Iterator[Metric]:
        info = GaugeMetricFamily(f"{PREFIX}build_info", "Always 1; the version is a label.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        requests = CounterMetricFamily(f"{PREFIX}requests", "Requests sent to Canvas.", labels=["instance"])
        refusals = CounterMetricFamily(
            f"{PREFIX}refusals", "Requests that Canvas refused because of its rate limit.", labels=["instance"]
        )
        for name in self._names:
            requests.add_metric([name], self._board.requests(name))
            refusals.add_metric([name], self._board.refusals(name))
        yield from (requests, refusals)
        yield from self._at_work()

    def _at_work(self) -> Iterator[Metric]:
        flight = gauge("requests_in_flight", "Requests to Canvas that wait for their answer.")
        turns = gauge("requests_waiting", "Requests that wait for quota.")
        quota = gauge("bucket_remaining", "Units of quota that may still be spent, as the model of the bucket has it.")
        mark = gauge("bucket_high_water_mark", "Units of quota at which Canvas refuses.")
        waits = gauge("waiting", "1 while a run waits for Canvas or the database to come back.", "reason")
        done = gauge("progress_users", "Users of the run at work: met so far, done, failed.", "outcome")
        for live in self._board.live():
            name, bucket, progress = live.progress.instance, live.gate.bucket, live.progress
            flight.add_metric([name], bucket.in_flight)
            turns.add_metric([name], live.gate.waiting)
            quota.add_metric([name], bucket.remaining)
            if bucket.high_water_mark is not None:
                mark.add_metric([name], bucket.high_water_mark)
            for reason in ("Canvas", "the database"):
                waits.add_metric([name, reason], progress.waiting is not None and progress.waiting.what == reason)
            for outcome, users in (("met", progress.users), ("done", progress.done), ("failed", progress.failed)):
                done.add_metric([name, outcome], users)
        yield from (flight, turns, quota, mark, waits, done)

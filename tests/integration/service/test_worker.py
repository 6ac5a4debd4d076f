"""The jobs of the schedule on a real school: one at a time for each instance, counted, whatever becomes of them."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sync_worker.flows.job import Onlooker
from sync_worker.flows.stop import Stop
from sync_worker.sandbox import Fault
from sync_worker.service.metrics import Metrics
from sync_worker.service.serve import Worker
from sync_worker.service.timetable import ScheduledJob, timetable
from sync_worker.tasks import TaskGroup
from tests.integration.service.office import Office

JOBS = [{"job": kind, "cron": "0 3 * * *"} for kind in ("run", "backfill", "prune")]


@asynccontextmanager
async def worker(office: Office, metrics: Metrics, stop: Stop) -> AsyncIterator[tuple[Worker, dict[str, ScheduledJob]]]:
    """Its jobs by kind."""
    office.more |= {"schedule": JOBS, "retention": {"runs": "1d"}}
    async with office.opened() as opened:
        made = Worker(opened, office.board, metrics, Onlooker().showing, stop)
        yield made, {job.kind: job for job in timetable(opened.settings, opened.names)}


def counted(metrics: Metrics, name: str, **labels: str) -> float | None:
    """A sample of the process."""
    return metrics.registry.get_sample_value(f"sync_worker_{name}", {"instance": "main", **labels})


async def test_jobs_take_turns(office: Office) -> None:
    """Three at the same minute: none meets the lock of another."""
    metrics = Metrics(office.board, ("main",))
    async with worker(office, metrics, Stop()) as (work, jobs), TaskGroup() as group:
        tasks = [group.create_task(work(job)) for job in jobs.values()]
    assert [task.result() for task in tasks] == [0, 0, 0]
    for kind in jobs:
        assert counted(metrics, "runs_total", job=kind, exit_code="0") == 1
    assert counted(metrics, "users_read_total") == 200
    assert counted(metrics, "run_duration_seconds_count", job="run") == 1
    await office.stage.assert_equal()


async def test_a_job_that_fails(office: Office) -> None:
    """Its exit code, and the next one is done."""
    metrics = Metrics(office.board, ("main",))
    office.stage.instance["token"] = "wrong"
    async with worker(office, metrics, Stop()) as (work, jobs):
        assert await work(jobs["run"]) == 5
        assert await work(jobs["prune"]) == 0
    assert counted(metrics, "runs_total", job="run", exit_code="5") == 1
    assert [said["event"] for said in office.heard()] == ["failed"]


async def test_an_error_that_nobody_thought_of(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1; people are told which one, not what it says."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("someone@school.edu")

    monkeypatch.setattr("sync_worker.flows.job.pull", broken)
    async with worker(office, Metrics(office.board, ("main",)), Stop()) as (work, jobs):
        assert await work(jobs["run"]) == 1
    (said,) = office.heard()
    assert (said["event"], said["message"]) == ("failed", "unexpected error: RuntimeError")


async def test_a_stop(office: Office) -> None:
    """What is at work ends; what waits for its turn is not begun; nobody is told."""
    office.stage.sandbox.add_fault(Fault(kind="hang", seconds=0.1, route="list_channels"))
    stop, metrics = Stop(), Metrics(office.board, ("main",))
    async with worker(office, metrics, stop) as (work, jobs), TaskGroup() as group:
        tasks = [group.create_task(work(jobs[kind])) for kind in ("run", "backfill")]
        while not office.stage.sandbox.counters.channel_lists:
            await office.clock.sleep(0.01)
        stop.request(signal.SIGTERM)
    assert [task.result() for task in tasks] == [143, 143]
    assert counted(metrics, "runs_total", job="backfill", exit_code="143") is None
    assert office.heard() == []

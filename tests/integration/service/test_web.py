"""The web server over real HTTP: what it answers, to whom, and how it is with the database away."""

import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from typing_extensions import override

from sync_worker.clock import deadline
from sync_worker.errors import ConfigError
from sync_worker.flows.stop import Stop
from sync_worker.mirror.migrations import migrate
from sync_worker.mirror.schedule import StoredMarks
from sync_worker.sandbox import Fault
from sync_worker.service import situation
from sync_worker.service.metrics import Metrics
from sync_worker.service.page import Situation, status_page
from sync_worker.service.schedule import Schedule
from sync_worker.service.situation import Inquiry
from sync_worker.service.timetable import ScheduledJob, timetable
from sync_worker.service.web import Site, is_local, serving
from sync_worker.tasks import TaskGroup
from tests.integration.embedded.place import Place
from tests.integration.flows.harness import quick, staged
from tests.integration.service.office import LaterClock, Office

BIND = "127.0.0.1:0"
PATHS = ("/", "/healthz", "/readyz", "/metrics", "/status.json")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look is a new one."""
    monkeypatch.setattr(situation, "KEPT", 0.0)
    monkeypatch.setattr(situation, "SHARE", 0.0)


async def no_work(_job: ScheduledJob) -> int:
    """Done at once."""
    return 0


@asynccontextmanager
async def site(office: Office, metrics: Metrics | None = None) -> AsyncIterator[str]:
    """The server with a scheduler that lives; its address."""
    office.more["schedule"] = [{"job": "run", "cron": "15 3 * * *"}]
    async with office.opened() as opened:
        jobs = timetable(opened.settings, opened.names)
        schedule = Schedule(jobs, StoredMarks(opened.database), opened.clock, no_work)
        inquiry = Inquiry(opened, jobs, office.board, schedule.alive)
        stop = Stop()
        answers = Site(inquiry, metrics or Metrics(office.board, opened.names), status_page)
        async with serving(answers, BIND) as address, TaskGroup() as group:
            group.create_task(schedule.run(stop))
            await opened.clock.sleep(0)
            yield address
            stop.request(signal.SIGTERM)


async def ask(address: str, path: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers of an answer."""
    async with aiohttp.ClientSession() as session, session.request(method, address + path, headers=headers) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


async def test_what_every_answer_carries(office: Office) -> None:
    """Only the page's own script, no frame, no guessing of types, no copy in any cache; also where it says no."""
    async with site(office) as address:
        for path in (*PATHS, "/nothing"):
            status, _, headers = await ask(address, path)
            assert status == (404 if path == "/nothing" else 200), path
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Cache-Control"] == "no-store"
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["Server"] == "sync-worker"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_it_only_reads(office: Office, method: str) -> None:
    """GET and HEAD; everything else is refused everywhere."""
    async with site(office) as address:
        assert {(await ask(address, path, method))[0] for path in PATHS} == {405}
        assert {(await ask(address, path, "HEAD"))[:2] for path in PATHS} == {(200, "")}


async def test_a_name_that_was_made_to_point_here(office: Office) -> None:
    """DNS rebinding: on loopback it answers only to names of this machine."""
    async with site(office) as address:
        for path in PATHS:
            status, text, _ = await ask(address, path, Host="evil.example")
            assert (status, "run" in text) == (421, False)
        assert (await ask(address, "/", Host="localhost:8080"))[0] == 200


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True), ("LOCALHOST.:80", True), ("a.localhost:1", True), ("127.0.0.1", True), ("127.9.9.9", True),
        ("[::1]:8080", True), ("[::1]", True), ("evil.example", False), ("127.0.0.1.evil.example", False),
        ("10.0.0.1:8080", False), ("192.168.0.1", False), ("", False), ("localhost.evil", False),
    ],
)  # fmt: skip
def test_names_of_this_machine(host: str, *, local: bool) -> None:
    """And nothing that looks like one."""
    assert is_local(host) is local


async def test_a_port_that_is_taken(office: Office) -> None:
    """It says which setting to change."""
    async with site(office) as address:
        taken = address.removeprefix("http://")
        async with office.opened() as opened:
            inquiry = Inquiry(opened, (), office.board, lambda: True)
            second = serving(Site(inquiry, Metrics(office.board, ("main",)), status_page), taken)
            with pytest.raises(ConfigError, match=rf"web.bind: cannot serve at {taken}") as caught:
                await second.__aenter__()
        assert caught.value.exit_code == 2


async def test_the_status(office: Office) -> None:
    """As `status --format json` has it, with what comes next; without addresses."""
    await office.job()
    people = "SET users_spec = '{login:ann@school.edu}', message = 'for bob@school.edu, +1 555 123-4567'"
    await office.stage.fetch(f"UPDATE worker.runs {people}")
    async with site(office) as address:
        _, text, headers = await ask(address, "/status.json")
        page = (await ask(address, "/"))[1]
    assert not any(name in text + page for name in ("ann@", "bob@", "123-4567"))
    document = json.loads(text)
    assert headers["Content-Type"].startswith("application/json")
    assert (document["database"], document["at_work"]) == ("ok", [])
    (instance,) = document["instances"]
    assert (instance["instance"], instance["users_present"], instance["runs"][0]["status"]) == ("main", 100, "done")
    assert document["next"][0]["job"] == "run 15 3 * * * UTC main"
    assert "T03:15:00" in document["next"][0]["at"]
    assert "main: " in page
    assert "<dt>Users</dt><dd>100</dd>" in page


def test_the_page_escapes(office: Office) -> None:
    """What comes from elsewhere is text."""
    page = status_page(
        Situation(
            now=office.clock.now(), statuses=None, next_runs=(),
            at_work=({"instance": "<script>", "doing": "x", "users": 1, "done": 0, "failed": 0, "all_users_known": 1},),
        )
    )  # fmt: skip
    assert "<strong><script>" not in page
    assert "<strong>&lt;script&gt;" in page


async def test_progress_is_live(office: Office) -> None:
    """While a run is at work its figures are there, in JSON, on the page and as metrics."""
    office.stage.sandbox.add_fault(Fault(kind="hang", seconds=0.5, route="list_channels"))
    async with site(office) as address, TaskGroup() as group:
        running = group.create_task(office.job())
        work: list[dict[str, object]] = []
        async with deadline(30):
            while not work or not work[0]["done"]:
                work = json.loads((await ask(address, "/status.json"))[1])["at_work"]
        assert (work[0]["instance"], work[0]["run"], work[0]["doing"]) == ("main", 1, "reading")
        assert "main</strong>, run 1: <span>reading</span>" in (await ask(address, "/"))[1]
        text = (await ask(address, "/metrics"))[1]
        await running
        text_after = (await ask(address, "/metrics"))[1]
    assert value(text, "sync_worker_requests_in_flight") > 0
    assert 0 < value(text, "sync_worker_requests_total") < value(text_after, "sync_worker_requests_total")
    assert value(text_after, "sync_worker_requests_total") == office.stage.sandbox.counters.requests


class StridingClock(LaterClock):
    """Three seconds pass from each look to the next."""

    seconds = 0.0

    @override
    def monotonic(self) -> float:
        self.seconds += 3.0
        return self.seconds


async def test_a_slow_answer_is_kept(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of three seconds for a minute: whoever asks often takes no more than a twentieth of the database's time."""
    monkeypatch.setattr(situation, "SHARE", 20.0)
    await office.job()
    office.clock = StridingClock()
    async with office.opened() as opened:
        inquiry = Inquiry(opened, (), office.board, lambda: True)
        first = await inquiry.statuses()
        kept = [await inquiry.statuses() is first for _ in range(20)]
    assert first is not None
    assert kept == [*([True] * 19), False]


async def test_an_answer_that_does_not_come(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for again much sooner: that the database is back is seen."""
    monkeypatch.setattr(situation, "SHARE", 20.0)
    await office.job()
    office.clock = StridingClock()
    async with office.opened() as opened:
        inquiry = Inquiry(opened, (), office.board, lambda: True)
        monkeypatch.setattr(situation, "PATIENCE", 0.0)
        assert await inquiry.statuses() is None
        monkeypatch.setattr(situation, "PATIENCE", 5.0)
        found = [await inquiry.statuses() for _ in range(2)]
    assert found[-1] is not None


def value(text: str, name: str) -> float:
    """The first sample of that name."""
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples if s.name == name]
    return samples[0].value


async def test_metrics_follow_the_rules(office: Office) -> None:
    """As `promtool check metrics` sees it: names, units, help, types; every figure that was promised is there."""
    metrics = Metrics(office.board, ("main",))
    metrics.count(await office.job())
    metrics.skipped("run", ["main"])
    async with site(office, metrics) as address:
        _, text, headers = await ask(address, "/metrics")
    assert headers["Content-Type"].startswith("text/plain; version=")
    families = {family.name: family for family in text_string_to_metric_families(text)}
    for name, family in families.items():
        assert re.fullmatch(r"sync_worker_[a-z][a-z_]*[a-z]", name), name
        assert family.documentation.endswith("."), name
        assert not name.endswith(("_total", "_count", "_sum", "_bucket", "_created", "_counter", "_gauge")), name
        assert not re.search(r"_(ms|milliseconds|minutes|hours|days|percent)(_|$)", name), name
        names = {sample.name for sample in family.samples}
        if family.type == "counter":
            assert names <= {f"{name}_total"}, name
        for sample in family.samples:
            assert not {"le", "quantile"} & set(sample.labels) or family.type == "histogram"
            assert "instance" in sample.labels or name in {"sync_worker_build_info", "sync_worker_database_up"}
    assert len(re.findall(r"^# TYPE ", text, re.MULTILINE)) == len(families)
    promised = {
        "requests", "refusals", "bucket_remaining", "requests_in_flight", "requests_waiting", "waiting", "users",
        "users_read", "user_failures", "channel_changes", "tombstones", "deletions_withheld", "actions",
        "run_duration_seconds", "last_success_timestamp_seconds", "runs", "skipped_jobs", "database_up",
    }  # fmt: skip
    assert {f"sync_worker_{name}" for name in promised} <= set(families)
    assert value(text, "sync_worker_users_read_total") == 100
    assert value(text, "sync_worker_run_duration_seconds_count") == 1


# --- the database away ----------------------------------------------------------------------------------


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A server of our own, to kill."""
    place = Place(tmp_path / "pg")
    async with place.server():
        yield place
    await place.ended()


async def test_ready_only_with_a_database(place: Place, tmp_path: Path) -> None:
    """Not before the schema is there; not while the database is away; again when it is back. It lives all the time."""
    async with place.server() as server:
        await server.ensure_database("mirror")
        async with staged(server.dsn("mirror"), options=quick(users=5)) as stage:
            office = Office(stage=stage, folder=tmp_path)
            async with site(office) as address:
                status, text, _ = await ask(address, "/readyz")
                assert (status, "migrat" in json.loads(text)["database"]) == (503, True)
                async with office.opened() as opened:
                    await migrate(opened.database, opened.clock)
                assert await ready(address) == {"ready": True, "database": "ok", "scheduler": "ok"}
                with place.crashed():
                    found = await ready(address)
                    assert (found["ready"], found["scheduler"]) == (False, "ok")
                    assert (await ask(address, "/healthz"))[0] == 200
                    assert "does not answer" in (await ask(address, "/"))[1]
                    assert json.loads((await ask(address, "/status.json"))[1])["database"] == "away"
                    assert value((await ask(address, "/metrics"))[1], "sync_worker_database_up") == 0
                async with deadline(30):
                    while not (await ready(address))["ready"]:
                        await stage.clock.sleep(0.05)
                assert value((await ask(address, "/metrics"))[1], "sync_worker_database_up") == 1


async def ready(address: str) -> dict[str, object]:
    """What it says; the status agrees."""
    status, text, _ = await ask(address, "/readyz")
    found: dict[str, object] = json.loads(text)
    assert (status == 200) == found["ready"]
    return found


async def test_not_ready_without_a_scheduler(office: Office) -> None:
    """A server whose scheduler has ended, or never began, says so."""
    async with office.opened() as opened:
        schedule = Schedule((), StoredMarks(opened.database), opened.clock, no_work)
        inquiry = Inquiry(opened, (), office.board, schedule.alive)
        async with serving(Site(inquiry, Metrics(office.board, ("main",)), status_page), BIND) as address:
            found = await ready(address)
    assert found == {"ready": False, "database": "ok", "scheduler": "it does not look for jobs that are due"}

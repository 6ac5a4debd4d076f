"""Canvas is away for a while, for everybody: the run waits, goes on, and nobody has failed."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from sync_worker.clock import deadline
from sync_worker.errors import CanvasUnreachable, LockLost, Stopped
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.push.apply import WRITERS
from sync_worker.flows.stop import Stop
from sync_worker.flows.waiting import backoff
from sync_worker.flows.waiting.outage import OutageWatch
from sync_worker.mirror import lock
from sync_worker.sandbox import Fault
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.harness import Stage, quick, staged
from tests.integration.flows.test_one_writer import CUT

USERS = 300
WORKERS = 64


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe is asked some times a second."""
    monkeypatch.setattr(backoff, "FIRST", 0.05)
    monkeypatch.setattr(backoff, "LONGEST", 0.2)


@pytest.fixture
async def school(database_url: str) -> AsyncIterator[Stage]:
    """Three hundred users, listed in many pages, so that everything goes on at once."""
    patient = {"outage_patience": "30s", "batch_size": 20}
    async with staged(
        database_url, options=quick(users=USERS), run_table=patient, instance={"per_page": 10, "max_attempts": 2}
    ) as stage:
        yield stage


@asynccontextmanager
async def outage(stage: Stage, *, first: int, refused: bool = False) -> AsyncIterator[Progress]:
    """Everything is in trouble from one request on until a run has waited for a while; the progress is that run's."""
    progress = Progress()
    if not refused:
        stage.sandbox.add_fault(Fault(first=first, status=503))
    yield progress
    if refused:
        await counted(stage, first)
        await close(stage)
    await waiting(stage, progress)
    await stage.clock.sleep(0.3)  # what was in flight comes home
    before = stage.sandbox.counters.requests
    await stage.clock.sleep(0.3)
    assert progress.doing == "waiting for Canvas"
    assert stage.sandbox.counters.requests - before <= 30, "only the probe is asked"
    if refused:
        await open_again(stage)
    stage.sandbox.clear_faults()


async def waiting(stage: Stage, progress: Progress) -> None:
    """Wait until the run waits."""
    async with deadline(20):
        while progress.doing != "waiting for Canvas":
            await stage.clock.sleep(0.01)
    assert progress.waiting is not None
    assert "GET /users/self" in progress.waiting.why


async def counted(stage: Stage, number: int) -> None:
    """Wait until so many users have been asked for."""
    async with deadline(20):
        while len(stage.sandbox.counters.channel_lists) < number:
            await stage.clock.sleep(0.001)


async def close(stage: Stage) -> None:
    """Nobody listens any more; connections are cut."""
    port = int(stage.sandbox.base_url.rpartition(":")[2])
    stage.sandbox.options = replace(stage.sandbox.options, port=port)
    await stage.sandbox.__aexit__(None, None, None)


async def open_again(stage: Stage) -> None:
    """At the same place."""
    await stage.sandbox.__aenter__()


def begun(
    stage: Stage, progress: Progress, stop: Stop | None = None, spec: str = "account:self"
) -> "asyncio.Task[RunReport]":
    """A run that others may watch."""
    return asyncio.create_task(stage.run(spec, progress=progress, stop=stop))


@pytest.mark.parametrize("refused", [False, True], ids=["5xx", "refused connections"])
async def test_a_run_sits_it_out(school: Stage, refused: bool) -> None:  # noqa: FBT001
    """Everybody is read once it is over, nobody has failed, whoever was read before is not read again."""
    if refused:
        school.sandbox.add_fault(Fault(kind="hang", seconds=0.02, route="list_channels"))
    async with outage(school, first=100, refused=refused) as progress:
        running = begun(school, progress)
    report = await running
    assert (report.exit_code, report.figures.users_failed, report.resumed) == (0, 0, False)
    assert (report.figures.users_total, report.figures.users_done) == (USERS, USERS)
    assert progress.waiting is None
    assert await school.value("SELECT count(*) FROM worker.failures") == 0
    lists = school.sandbox.counters.channel_lists
    pages = {user: max(1, -(-len(school.channels_of(user)) // 10)) for user in school.ids}
    again = [user for user, count in lists.items() if count > pages[user] and len(school.channels_of(user)) < 100]
    assert len(again) <= 2 * WORKERS
    await school.assert_equal()


async def test_look_ups_sit_it_out(school: Stage, tmp_path: Path) -> None:
    """No reference is taken for one that leads to nobody."""
    names = [user.sis_user_id for user in school.school.users.values() if user.sis_user_id]
    users = tmp_path / "users.txt"
    users.write_text("".join(f"sis:{name}\n" for name in names))
    async with outage(school, first=50) as progress:
        running = begun(school, progress, spec=f"file:{users}")
    report = await running
    assert (report.exit_code, report.figures.unresolved, report.figures.users_failed) == (0, 0, 0)
    assert report.figures.users_done == len(names)


async def test_second_reads_sit_it_out(school: Stage) -> None:
    """What is missing is proved when Canvas is back."""
    await school.run()
    victims = [user for user in school.ids[50:120] if school.channels_of(user)][:30]
    gone = {min(school.channels_of(user)) for user in victims}
    for channel_id in gone:
        school.school.retire(channel_id)
    progress, routes = Progress(), ("list_channels", "get_user")
    running = begun(school, progress)
    async with deadline(20):
        while progress.phase != "reading again":
            await school.clock.sleep(0)
    for route in routes:
        school.sandbox.add_fault(Fault(route=route, status=502))
    await waiting(school, progress)
    school.sandbox.clear_faults()
    report = await running
    assert (report.exit_code, report.settled.unread, report.settled.merged.deleted) == (0, 0, len(gone))
    await school.assert_equal()


async def test_longer_than_the_patience(school: Stage) -> None:
    """Exit 7, unfinished, nobody failed; the next run does the rest."""
    school.run_table["outage_patience"] = "300ms"
    school.sandbox.add_fault(Fault(first=100, status=503))
    with pytest.raises(CanvasUnreachable, match=r"run\.outage_patience") as stopped:
        await school.run()
    assert stopped.value.exit_code == 7
    run = await school.last_run()
    assert (run["status"], run["exit_code"], run["users_failed"]) == ("interrupted", 7, 0)
    assert await school.value("SELECT count(*) FROM worker.failures") == 0
    school.sandbox.clear_faults()
    report = await school.run()
    assert (report.exit_code, report.resumed, report.run_id) == (0, True, run["id"])
    await school.assert_equal()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_while_it_waits(school: Stage, signum: int) -> None:
    """As at any other time: what was read is kept, and the next run goes on."""
    stop, progress = Stop(), Progress()
    school.sandbox.add_fault(Fault(first=100, status=503))
    running = begun(school, progress, stop)
    await waiting(school, progress)
    stop.request(signum)
    with pytest.raises(Stopped) as stopped:
        async with deadline(20):
            await running
    assert stopped.value.exit_code == 128 + signum
    run = await school.last_run()
    assert (run["status"], run["users_failed"]) == ("interrupted", 0)
    assert run["users_done"] > 0
    school.sandbox.clear_faults()
    report = await school.run()
    assert (report.exit_code, report.resumed) == (0, True)
    await school.assert_equal()


async def test_the_lock_while_it_waits(school: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its heart goes on beating, and its loss ends the wait."""
    monkeypatch.setattr(lock, "HEARTBEAT", 0.05)
    progress = Progress()
    school.sandbox.add_fault(Fault(first=100, status=503))
    running = begun(school, progress)
    await waiting(school, progress)
    await school.clock.sleep(0.3)
    last = "SELECT query FROM pg_stat_activity WHERE application_name = 'sync-worker lock main'"
    assert "SELECT 1" in await school.value(last)
    await school.fetch(CUT)
    with pytest.raises(LockLost):
        async with deadline(20):
            await running


async def test_a_bad_user_does_not_hold_anybody_up(school: Stage) -> None:
    """One, or three in a hundred: failures as ever, without a pause."""
    bad = frozenset(school.ids[5::33])
    school.sandbox.add_fault(Fault(route="list_channels", user_ids=bad, status=500))
    progress = Progress()
    report = await school.run(progress=progress)
    assert (report.exit_code, report.figures.users_failed) == (3, len(bad))


# --- apply ----------------------------------------------------------------------------------------------


@pytest.fixture
def patient(applying: Applying) -> Applying:
    """Plans over a hundred users, with patience."""
    applying.stage.run_table["outage_patience"] = "30s"
    applying.stage.instance["guards"] = GENEROUS
    return applying


async def planned(applying: Applying) -> tuple[int, list[int]]:
    """A plan with a create for each of forty users."""
    few = (user for user in applying.desire.plain() if len(applying.stage.channels_of(user)) < 50)
    users = list(islice(few, 40))
    number = await applying.planned(*[f"{user},email,new{user}@x.example,present" for user in users])
    applying.desire.routes()
    return number, users


async def assert_done_once(applying: Applying, users: list[int]) -> None:
    """Each user has one new address, nobody was mailed, and the mirror knows it."""
    made = [c for c in applying.stage.school.live_channels() if c["address"].startswith("new")]
    assert sorted(c["user_id"] for c in made) == sorted(users)
    assert applying.messages() == 0
    await applying.assert_equal(users)


async def _creates_within(seconds: float, applying: Applying) -> int:
    await applying.stage.clock.sleep(seconds)
    return applying.desire.routes().get("create", 0)


async def test_an_apply_sits_it_out(patient: Applying) -> None:
    """While reads are in trouble nothing is begun; then it goes on, and everything is done once."""
    stage, progress = patient.stage, Progress()
    number, users = await planned(patient)
    for route in ("list_channels", "get_user"):
        stage.sandbox.add_fault(Fault(route=route, first=25 if route == "list_channels" else 2, status=503))
    running = asyncio.create_task(patient.apply(number, progress=progress))
    await waiting(stage, progress)
    begun = patient.desire.routes().get("create", 0)
    async with deadline(20):  # what was under way comes to its end first
        while more := await _creates_within(0.3, patient):
            begun += more
    assert 0 < begun < len(users)
    stage.sandbox.clear_faults()
    report = await running
    assert (report.exit_code, report.left) == (0, 0)
    assert await patient.statuses(number) == {"done": len(users)}
    await assert_done_once(patient, users)


async def test_an_outage_of_everything_during_an_apply(patient: Applying) -> None:
    """Creates whose answer was lost are not repeated blindly: the next apply looks, and does what is left, once."""
    stage, progress = patient.stage, Progress()
    number, users = await planned(patient)
    stage.sandbox.add_fault(Fault(first=45, status=503))
    running = asyncio.create_task(patient.apply(number, progress=progress))
    await waiting(stage, progress)
    stage.sandbox.clear_faults()
    report = await running
    statuses = await patient.statuses(number)
    assert statuses["done"] + statuses["failed"] == len(users)
    assert statuses["failed"] <= WRITERS
    assert report.exit_code == (3 if statuses["failed"] else 0)
    if statuses["failed"]:
        assert (await patient.apply(number)).exit_code == 0
    await assert_done_once(patient, users)


async def test_an_outage_that_an_apply_does_not_sit_out(patient: Applying) -> None:
    """Exit 7; the same plan goes on later."""
    stage = patient.stage
    stage.run_table["outage_patience"] = "200ms"
    number, users = await planned(patient)
    stage.sandbox.add_fault(Fault(first=45, status=503))
    with pytest.raises(CanvasUnreachable):
        await patient.apply(number)
    statuses = await patient.statuses(number)
    assert set(statuses) <= {"done", "started", "planned"}
    assert (await stage.last_run())["status"] == "interrupted"
    stage.sandbox.clear_faults()
    report = await patient.apply(number)
    assert (report.exit_code, report.left) == (0, 0)
    await assert_done_once(patient, users)


@pytest.mark.parametrize("changes", [False, True], ids=["the same", "changed"])
async def test_what_was_read_before_an_outage_is_read_again(
    patient: Applying,
    monkeypatch: pytest.MonkeyPatch,
    changes: bool,  # noqa: FBT001
) -> None:
    """An action that waited for the end of an outage is begun only if the user is as it was."""
    user = next(user for user in patient.desire.plain() if len(patient.stage.channels_of(user)) < 50)
    number = await patient.planned(f"{user},email,new@x.example,present")
    meanwhile = iter(["meanwhile@x.example"] if changes else [])

    async def sat_out(watch: OutageWatch) -> None:
        for address in meanwhile:
            patient.stage.school.create(user, "email", address)
        watch.pauses = 1

    monkeypatch.setattr(OutageWatch, "calm", sat_out)
    report = await patient.apply(number)
    (action,) = await patient.actions(number)
    if changes:
        assert (report.exit_code, report.left, action["status"], action["attempts"]) == (3, 1, "failed", 0)
        assert "before an outage" in report.findings[0].message
        assert (await patient.apply(number)).exit_code == 0
    else:
        assert (report.exit_code, action["status"]) == (0, "done")

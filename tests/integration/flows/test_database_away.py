"""The database away for a while, in the middle of the work: the same command goes on when it is back."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

import asyncpg
import pytest

from sync_worker.clock import Clock, deadline
from sync_worker.embedded import EmbeddedServer
from sync_worker.errors import LockHeld, Stopped, Unreachable
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.stop import Stop
from sync_worker.flows.waiting import backoff
from sync_worker.mirror import database, lock
from sync_worker.mirror.database import connect
from sync_worker.mirror.lock import writing
from sync_worker.mirror.migrations import migrate
from sync_worker.sandbox import Fault
from tests.integration.embedded.place import Place
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage, quick, staged
from tests.integration.flows.test_one_writer import CUT
from tests.integration.mirror.wire import proxied

USERS = 300
HANG = 0.03  # seconds for each list, so that there is a middle


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database is looked for some times a second."""
    monkeypatch.setattr(backoff, "FIRST", 0.05)
    monkeypatch.setattr(backoff, "LONGEST", 0.2)


# --- a server of our own, to kill -----------------------------------------------------------------------


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Where that server lives; its supervisor starts it again, three times at most."""
    place = Place(tmp_path_factory.mktemp("killed") / "pg")
    async with place.server():
        yield place
    await place.ended()


@pytest.fixture(scope="module")
async def server(place: Place) -> AsyncIterator[EmbeddedServer]:
    """The same for its users, with a database to clone."""
    async with place.server() as server:
        await server.ensure_database("migrated")
        async with connect(server.dsn("migrated"), size=1) as there:
            await migrate(there, Clock())
        yield server


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    """For names."""
    return count(1)


@pytest.fixture
async def killable(server: EmbeddedServer, numbers: Iterator[int]) -> str:
    """The URL of a database there, with the schema and nothing in it."""
    name = f"test_{next(numbers)}"
    admin = await asyncpg.connect(server.dsn("postgres"))
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE migrated")
    await admin.close()
    return server.dsn(name)


@pytest.fixture
async def doomed(killable: str) -> AsyncIterator[Stage]:
    """Three hundred users, mirrored there."""
    async with staged(killable, options=quick(users=USERS), database_table={"patience": "60s"}) as stage:
        yield stage


async def recovered(stage: Stage) -> None:
    """Wait until it answers: at the start of a command nobody does."""
    async with deadline(30):
        while True:
            with suppress(OSError, asyncpg.PostgresError):
                await stage.fetch("SELECT 1")
                return
            await stage.clock.sleep(0.05)


# --- helpers --------------------------------------------------------------------------------------------


def begun(stage: Stage, progress: Progress, stop: Stop | None = None) -> "asyncio.Task[RunReport]":
    """A run that takes a while, and that others may watch."""
    stage.sandbox.add_fault(Fault(kind="hang", seconds=HANG, route="list_channels"))
    return asyncio.create_task(stage.run(progress=progress, stop=stop))


async def halfway(stage: Stage) -> None:
    """Wait until a run has read a third."""
    async with deadline(30):
        while len(stage.sandbox.counters.channel_lists) < len(stage.ids) / 3:
            await stage.clock.sleep(0.005)


async def waiting(stage: Stage, progress: Progress) -> None:
    """Wait until it has noticed."""
    async with deadline(30):
        while progress.doing != "waiting for the database":
            await stage.clock.sleep(0.01)
    assert progress.waiting is not None


async def finished(running: "asyncio.Task[RunReport]", stage: Stage) -> RunReport:
    """Its report; the mirror is the school."""
    async with deadline(60):
        report = await running
    assert (report.exit_code, report.figures.users_failed) == (0, 0)
    assert report.figures.users_total == report.figures.users_done == len(stage.ids)
    assert (report.resumed, report.run_id) == (True, 1)
    run = await stage.last_run()
    assert (run["id"], run["status"]) == (1, "done")
    assert await stage.value("SELECT epoch FROM worker.instances") == 2
    await stage.assert_equal()
    return report


# --- run ------------------------------------------------------------------------------------------------


async def test_a_run_goes_on_after_a_crash_of_the_server(doomed: Stage, place: Place) -> None:
    """The same run, with a lock and an epoch of its own; whoever was committed is not read again."""
    progress = Progress()
    running = begun(doomed, progress)
    await halfway(doomed)
    with place.crashed():
        await waiting(doomed, progress)
        await doomed.clock.sleep(0.3)
        requests = doomed.sandbox.counters.requests
        await doomed.clock.sleep(0.3)
        assert doomed.sandbox.counters.requests == requests, "nobody is read meanwhile"
    await finished(running, doomed)
    assert progress.starts == 2
    assert progress.done == USERS
    again = [
        user
        for user, times in doomed.sandbox.counters.channel_lists.items()
        if times > 2 and len(doomed.channels_of(user)) < 100
    ]
    assert again == []


async def test_a_database_that_does_not_come_back(doomed: Stage, place: Place) -> None:
    """Exit 7 after the patience; the next run completes."""
    doomed.database_table["patience"] = "500ms"
    progress = Progress()
    running = begun(doomed, progress)
    await halfway(doomed)
    with place.crashed():
        with pytest.raises(Unreachable, match="cannot be reached") as stopped:
            async with deadline(30):
                await running
        assert stopped.value.exit_code == 7
    doomed.sandbox.clear_faults()
    doomed.database_table["patience"] = "60s"
    await recovered(doomed)
    report = await doomed.run()
    assert (report.exit_code, report.resumed) == (0, True)
    await doomed.assert_equal()


async def test_a_lost_lock(stage: Stage) -> None:
    """Its connection alone is cut: the lock is taken anew, and the same run goes on."""
    stage.database_table["patience"] = "60s"
    progress = Progress()
    running = begun(stage, progress)
    await halfway(stage)
    await stage.fetch(CUT)
    await finished(running, stage)
    assert progress.starts == 2


async def test_going_on_with_what_should_not_be_resumed(stage: Stage) -> None:
    """`--fresh`, or a run that has lasted for longer than `resume_max_age`: it is still the run of this command."""
    stage.database_table |= {"patience": "60s", "resume_max_age": "1ms"}
    progress = Progress()
    stage.sandbox.add_fault(Fault(kind="hang", seconds=HANG, route="list_channels"))
    running = asyncio.create_task(stage.run(progress=progress, fresh=True))
    await halfway(stage)
    await stage.fetch(CUT)
    await finished(running, stage)


async def test_somebody_else_has_taken_the_lock_meanwhile(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 6, as for any second writer; nothing more is written."""
    monkeypatch.setattr(backoff, "FIRST", 1.0)
    stage.database_table["patience"] = "60s"
    progress = Progress()
    running = begun(stage, progress)
    await halfway(stage)
    await stage.fetch(CUT)
    await waiting(stage, progress)
    async with connect(stage.database_url) as there, writing(there, "main", "backfill", stage.clock) as other:
        await stage.fetch("UPDATE worker.instances SET holder_pid = 1, holder_host = 'elsewhere'")
        done = await stage.value("SELECT count(*) FROM worker.batches WHERE status = 'done'")
        with pytest.raises(LockHeld, match="elsewhere") as held:
            async with deadline(20):
                await running
        assert held.value.exit_code == 6
        assert await stage.value("SELECT count(*) FROM worker.batches WHERE status = 'done'") == done
        assert not other.lost.is_set()
    assert (await stage.run()).exit_code == 0
    await stage.assert_equal()


async def test_the_server_still_believes_in_the_lost_connection(stage: Stage) -> None:
    """The lock is held by nobody but us: it is waited for until the server has missed us."""
    stage.database_table["patience"] = "60s"
    progress = Progress()
    async with connect(stage.database_url) as there:
        running = begun(stage, progress)
        await halfway(stage)
        async with there.dedicated("sync-worker believed in") as ghost:
            await stage.fetch(CUT)
            async with deadline(10):
                while not (await ghost.fetch_row("try_lock", lock.LOCK_KEY, "main"))["taken"]:  # type: ignore[index]
                    await stage.clock.sleep(0)
            await waiting(stage, progress)
            await stage.clock.sleep(0.5)
            assert not running.done()
        await finished(running, stage)


async def test_the_network_goes_silent(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing breaks, nothing arrives: the heartbeat notices, and the run goes on when the network is back."""
    monkeypatch.setattr(lock, "HEARTBEAT", 0.5)
    monkeypatch.setattr(database, "CONNECT_TIMEOUT", 0.5)
    monkeypatch.setattr(database, "FAREWELL", 0.3)
    stage.database_table["patience"] = "60s"
    progress = Progress()
    there = stage.database_url
    async with proxied(there) as proxy:
        stage.database_url = proxy.url
        running = begun(stage, progress)
        await halfway(stage)
        stage.database_url = there
        proxy.flows.clear()
        await waiting(stage, progress)
        await stage.clock.sleep(0.5)
        proxy.flows.set()
        async with deadline(60):
            report = await running
        assert (report.exit_code, report.resumed, report.run_id) == (0, True, 1)
        await stage.assert_equal()


async def test_a_signal_while_it_waits(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends the wait; the next run goes on."""
    monkeypatch.setattr(backoff, "FIRST", 60.0)
    stage.database_table["patience"] = "60s"
    stop, progress = Stop(), Progress()
    running = begun(stage, progress, stop)
    await halfway(stage)
    await stage.fetch(CUT)
    await waiting(stage, progress)
    stop.request(signal.SIGTERM)
    with pytest.raises(Stopped) as stopped:
        async with deadline(10):
            await running
    assert stopped.value.exit_code == 143
    stage.sandbox.clear_faults()
    report = await stage.run()
    assert (report.exit_code, report.resumed, report.run_id) == (0, True, 1)
    await stage.assert_equal()


# --- apply ----------------------------------------------------------------------------------------------


async def planned(stage: Stage, folder: Path) -> tuple[Applying, int, list[int]]:
    """A plan with a create and a delete for each of thirty users."""
    applying = Applying(stage=stage, desire=Desire(stage=stage, folder=folder))
    plain = (user for user in applying.desire.plain() if len(stage.channels_of(user)) == 1)
    users = list(islice(plain, 30))
    for user in users:
        stage.school.create(user, "email", f"old{user}@x.example")
    await stage.run()
    applying.sent = 0
    applying.sent = applying.messages()
    stage.instance["guards"] = {**GENEROUS, "max_deletes": 29, "max_creates": 29}
    rows = [
        row
        for user in users
        for row in (
            f"{user},email,new{user}@x.example,present",
            f"{user},email,old{user}@x.example,absent",
        )
    ]
    number = await applying.planned(*rows)
    applying.desire.routes()
    return applying, number, users


async def middle(applying: Applying, number: int) -> None:
    """Wait until some actions are done."""
    async with deadline(30):
        while (await applying.statuses(number))["done"] < 9:
            await applying.stage.clock.sleep(0.01)


async def assert_done_once(applying: Applying, number: int, users: list[int]) -> None:
    """Every action once, all of one run; the mirror knows."""
    actions = await applying.actions(number)
    assert {action["status"] for action in actions} == {"done"}
    assert len({action["run_id"] for action in actions}) == 1
    for user in users:
        addresses = {address for _, address, _ in applying.live(user)}
        assert f"new{user}@x.example" in addresses
        assert f"old{user}@x.example" not in addresses
    assert applying.messages() == 0
    calls = applying.desire.routes()
    assert calls["create"] + calls["delete"] <= sum(action["attempts"] for action in actions)
    await applying.assert_equal(users)


ALLOW = {"default_change": True, "expect_creates": 30, "expect_deletes": 30}
"""What a person expects of the whole plan: it is not withheld when it goes on in the middle."""


async def test_an_apply_goes_on_after_a_crash_of_the_server(doomed: Stage, place: Place, tmp_path: Path) -> None:
    """As one apply: one run, one report on all of it, one undo; no action twice."""
    applying, number, users = await planned(doomed, tmp_path)
    for route in ("create", "delete"):
        doomed.sandbox.add_fault(Fault(kind="hang", seconds=0.05, route=route))
    progress = Progress()
    running = asyncio.create_task(applying.apply(number, progress=progress, allow=ALLOW))
    await middle(applying, number)
    with place.crashed():
        await waiting(doomed, progress)
    async with deadline(60):
        report = await running
    assert (report.findings, report.exit_code, report.left, report.tally.wrong) == ((), 0, 0, 0)
    assert report.run_id == 2
    assert report.tally.counts.total() == 60
    assert progress.starts == 2
    await assert_done_once(applying, number, users)


async def test_an_apply_with_a_limit_keeps_to_it(stage: Stage, tmp_path: Path) -> None:
    """Going on is no second apply: the same users, and no more of them."""
    stage.database_table["patience"] = "60s"
    applying, number, _ = await planned(stage, tmp_path)
    for route in ("create", "delete"):
        stage.sandbox.add_fault(Fault(kind="hang", seconds=0.05, route=route))
    progress = Progress()
    running = asyncio.create_task(applying.apply(number, progress=progress, allow=ALLOW, limit=12))
    await middle(applying, number)
    await stage.fetch(CUT)
    async with deadline(60):
        report = await running
    assert progress.starts == 2
    assert (report.findings, report.exit_code, report.left) == ((), 0, 60 - 24)
    done = {action["user_id"] for action in await applying.actions(number) if action["status"] == "done"}
    assert len(done) == 12
    stage.sandbox.clear_faults()
    rest = {"default_change": True, "expect_creates": 18, "expect_deletes": 18}
    assert (await applying.apply(number, allow=rest)).left == 0

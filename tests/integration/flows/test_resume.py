"""An interrupted run goes on where it stopped, unless it is another one by now."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sync_worker.clock import deadline
from sync_worker.errors import Stopped
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.stop import Stop
from sync_worker.sandbox import Fault
from tests.integration.flows.harness import Stage, quick, staged


@asynccontextmanager
async def slow_stage(database_url: str, **given: Any) -> AsyncIterator[Stage]:
    """Three hundred users, of whom one hangs long enough for everything else to be over."""
    async with staged(database_url, options=quick(users=300), **given) as stage:
        yield stage


def hang(stage: Stage, *places: int, seconds: float = 60) -> None:
    """Let the lists of some users hang."""
    users = frozenset(stage.ids[place] for place in places)
    stage.sandbox.add_fault(Fault(kind="hang", seconds=seconds, route="list_channels", user_ids=users))


async def interrupted(stage: Stage, *specs: str, done: int, **given: Any) -> None:
    """Start a run, and stop it after so many users have been asked for."""
    stop = Stop()
    running: asyncio.Task[RunReport] = asyncio.create_task(stage.run(*specs, stop=stop, **given))
    async with deadline(20):
        while len(stage.sandbox.counters.channel_lists) < done and not running.done():
            await stage.clock.sleep(0.01)
    stop.request(signal.SIGTERM)
    with pytest.raises(Stopped):
        await running


async def test_a_stopped_run_keeps_what_was_read(database_url: str) -> None:
    """Requests in flight come home, parts of batches are written, and nobody is read twice afterwards."""
    async with slow_stage(database_url, run_table={"grace_period": "3s"}) as stage:
        hang(stage, 100)
        await interrupted(stage, done=150)
        run = await stage.last_run()
        assert (run["status"], run["exit_code"]) == ("interrupted", 143)
        read = {
            row["user_id"]
            for row in await stage.fetch("SELECT unnest(user_ids) AS user_id FROM worker.batches WHERE status = 'done'")
        }
        lists = set(stage.sandbox.counters.channel_lists)
        assert lists - read == {stage.ids[100]}
        stage.sandbox.clear_faults()
        stage.sandbox.counters.reset()
        report = await stage.run()
        assert (report.exit_code, report.resumed, report.run_id) == (0, True, run["id"])
        assert set(stage.sandbox.counters.channel_lists) == set(stage.ids) - read
        assert report.figures.users_total == report.figures.users_done == 300
        await stage.assert_equal()


async def test_the_grace_period_ends(database_url: str) -> None:
    """A request that does not come home in time is given up."""
    async with slow_stage(database_url, run_table={"grace_period": "200ms"}) as stage:
        hang(stage, 3, 4, 5)
        stop = Stop()
        running = asyncio.create_task(stage.run(stop=stop))
        await stage.clock.sleep(1)
        stop.request(signal.SIGINT)
        stopped_at = stage.clock.monotonic()
        with pytest.raises(Stopped) as stopped:
            await running
        assert stopped.value.exit_code == 130
        assert stage.clock.monotonic() - stopped_at < 20  # far from a minute


async def test_a_stop_while_canvas_does_not_answer_at_all(stage: Stage) -> None:
    """Before the first answer, too, a signal ends the run within the grace period."""
    stage.run_table["grace_period"] = "100ms"
    stage.sandbox.add_fault(Fault(kind="hang", seconds=60, route="get_account"))
    stop = Stop()
    running = asyncio.create_task(stage.run(stop=stop))
    await stage.clock.sleep(0.3)
    stop.request(signal.SIGTERM)
    async with deadline(20):
        with pytest.raises(Stopped):
            await running
    assert await stage.fetch("SELECT * FROM worker.runs") == []


async def test_a_stop_during_the_listing(database_url: str) -> None:
    """The listing starts again; who is in a batch already is not listed into another one."""
    async with slow_stage(database_url) as stage:
        stage.run_table["grace_period"] = "100ms"
        stage.sandbox.add_fault(Fault(kind="hang", seconds=60, route="list_users", page=3))
        await interrupted(stage, done=200)
        assert not (await stage.last_run())["listed"]
        stage.sandbox.clear_faults()
        report = await stage.run()
        assert (report.exit_code, report.resumed, report.figures.users_total) == (0, True, 300)
        assert max(stage.sandbox.counters.channel_lists[user] for user in stage.ids[:30]) == 1
        await stage.assert_equal()


async def test_a_stop_during_the_second_reads(stage: Stage) -> None:
    """What is settled stays settled; the run goes on with the rest."""
    await stage.run()
    victims = [user for user in stage.ids[50:90] if stage.channels_of(user)][:8]
    gone = {min(stage.channels_of(user)) for user in victims}
    for channel_id in gone:
        stage.school.retire(channel_id)
    stage.run_table["grace_period"] = "100ms"
    stage.sandbox.counters.reset()
    stage.sandbox.add_fault(
        Fault(kind="hang", seconds=60, route="list_channels", user_ids=frozenset(victims), first=len(victims) + 1)
    )
    stop = Stop()
    running = asyncio.create_task(stage.run(stop=stop))
    async with deadline(20):
        while stage.sandbox.counters.channel_lists[victims[0]] < 2:
            await stage.clock.sleep(0.01)
    stop.request(signal.SIGTERM)
    with pytest.raises(Stopped):
        await running
    assert await stage.tombstones() == set()
    stage.sandbox.clear_faults()
    stage.sandbox.counters.reset()
    report = await stage.run()
    assert (report.exit_code, report.resumed, report.settled.merged.deleted) == (0, True, 8)
    assert set(stage.sandbox.counters.channel_lists) == set(victims)
    await stage.assert_equal()


@pytest.mark.parametrize("how", ["fresh", "too old", "changed file"])
async def test_another_run_starts_anew(database_url: str, tmp_path: Path, how: str) -> None:
    """`--fresh`, a changed file or too much time: the unfinished run is abandoned."""
    async with slow_stage(database_url, run_table={"grace_period": "100ms"}) as stage:
        users = tmp_path / "users.txt"
        users.write_text("\n".join(map(str, stage.ids)))
        specs = (f"file:{users}",)
        hang(stage, 100)
        await interrupted(stage, *specs, done=50)
        stage.sandbox.clear_faults()
        first = await stage.last_run()
        if how == "changed file":
            users.write_text("\n".join(map(str, stage.ids[:-1])))
        if how == "too old":
            await stage.fetch("UPDATE worker.runs SET started_at = started_at - $1::interval", timedelta(days=1))
        report = await stage.run(*specs, fresh=how == "fresh")
        assert (report.exit_code, report.resumed) == (0, False)
        assert report.run_id > first["id"]
        assert await stage.value("SELECT status FROM worker.runs WHERE id = $1", first["id"]) == "abandoned"
        assert report.figures.users_total == (299 if how == "changed file" else 300)


async def test_a_run_over_others_leaves_a_half_done_load_alone(database_url: str) -> None:
    """Trying one user after an interruption costs nothing of the load."""
    async with slow_stage(database_url, run_table={"grace_period": "100ms"}) as stage:
        hang(stage, 100)
        await interrupted(stage, "account:self", done=50)
        stage.sandbox.clear_faults()
        first = await stage.last_run()
        assert (await stage.run(f"id:{stage.ids[0]}")).exit_code == 0
        report = await stage.run("account:self")
        assert (report.exit_code, report.resumed, report.run_id) == (0, True, first["id"])


async def test_backfill_goes_on_with_a_run(database_url: str) -> None:
    """Both commands walk the same."""
    async with slow_stage(database_url, run_table={"grace_period": "100ms"}) as stage:
        hang(stage, 100)
        await interrupted(stage, done=50)
        stage.sandbox.clear_faults()
        report = await stage.run(kind="backfill")
        assert (report.resumed, report.exit_code) == (True, 0)


async def test_a_finished_run_is_not_resumed(stage: Stage) -> None:
    """Neither a good one nor one that ended with 3, 4 or 8."""
    stage.sandbox.add_fault(Fault(route="list_channels", user_ids=frozenset(stage.ids[9:10]), status=500))
    runs = [await stage.run() for _ in range(2)]
    assert [(run.exit_code, run.resumed) for run in runs] == [(3, False), (3, False)]
    assert runs[0].run_id < runs[1].run_id

"""One writer at a time, for one Canvas."""

import asyncio
import signal

import pytest

from sync_worker.clock import deadline
from sync_worker.errors import LockHeld, LockLost, Stopped, Unreachable, WrongCanvas
from sync_worker.flows.stop import Stop
from sync_worker.sandbox import Fault
from tests.integration.flows.harness import Stage, quick, staged

CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sync-worker lock main'"


async def begun(stage: Stage) -> None:
    """Wait until a run has read some."""
    async with deadline(20):
        while len(stage.sandbox.counters.channel_lists) < 60:
            await stage.clock.sleep(0.01)


async def test_a_second_run_leaves_at_once(stage: Stage) -> None:
    """Exit 6: it says who holds the lock, and has not sent Canvas a single request."""
    stage.sandbox.add_fault(Fault(kind="hang", seconds=60, route="list_channels", user_ids=frozenset(stage.ids[5:6])))
    stage.run_table["grace_period"] = "100ms"
    stop = Stop()
    first = asyncio.create_task(stage.run(kind="backfill", stop=stop))
    async with deadline(20):
        while await stage.value("SELECT count(*) FROM worker.batches WHERE status = 'done'") < 9:
            await stage.clock.sleep(0.01)
        while stage.sandbox.counters.in_flight > 1:
            await stage.clock.sleep(0.01)
    await stage.clock.sleep(0.1)
    requests = stage.sandbox.counters.requests
    with pytest.raises(
        LockHeld, match=r"instance main is locked by `backfill` of \S+ on \S+, process \d+, since"
    ) as held:
        await stage.run()
    assert held.value.exit_code == 6
    assert stage.sandbox.counters.requests == requests
    stop.request(signal.SIGTERM)
    with pytest.raises(Stopped):
        await first
    stage.sandbox.clear_faults()
    assert (await stage.run(kind="backfill")).exit_code == 0


async def test_a_cut_lock_ends_the_run(stage: Stage) -> None:
    """Exit 7, and nothing is committed after the cut; the next run goes on."""
    stage.sandbox.add_fault(
        Fault(kind="hang", seconds=60, route="list_channels", user_ids=frozenset(stage.ids[5:99:10]))
    )
    running = asyncio.create_task(stage.run())
    await begun(stage)
    await stage.clock.sleep(0.2)
    await stage.fetch(CUT)
    done = await stage.value("SELECT count(*) FROM worker.batches WHERE status = 'done'")
    rows = await stage.live()
    with pytest.raises(LockLost) as lost:
        await running
    assert lost.value.exit_code == 7
    assert await stage.value("SELECT count(*) FROM worker.batches WHERE status = 'done'") == done
    assert await stage.live() == rows
    stage.sandbox.clear_faults()
    report = await stage.run()
    assert (report.exit_code, report.resumed) == (0, True)
    await stage.assert_equal()


async def test_another_canvas_under_the_same_name(stage: Stage, database_url: str) -> None:
    """Exit 2: nothing is sent there, nothing is written."""
    await stage.run()
    async with staged(database_url, options=quick(users=5, seed=2)) as other:
        with pytest.raises(WrongCanvas, match="is a mirror of") as wrong:
            await other.run()
        assert wrong.value.exit_code == 2
        assert other.sandbox.counters.requests == 0
    await stage.assert_equal()
    assert await stage.value("SELECT count(*) FROM worker.runs") == 1


async def test_a_link_to_another_port(stage: Stage) -> None:
    """The token goes nowhere else: a listing that leads elsewhere ends the run, a channel list costs its user."""
    await stage.run()
    async with staged(stage.database_url, options=quick(users=5)) as other:
        many = next(user for user in stage.ids if len(stage.channels_of(user)) == 250)
        kept = await stage.rows_of(many)
        elsewhere = f'<{other.sandbox.base_url}/api/v1/users/{many}/communication_channels?page=2>; rel="next"'
        stage.sandbox.add_fault(Fault(kind="link", route="list_channels", user_ids=frozenset({many}), link=elsewhere))
        report = await stage.run()
        assert (report.exit_code, report.figures.users_failed) == (3, 1)
        assert await stage.rows_of(many) == kept
        stage.sandbox.clear_faults()
        elsewhere = f'<{other.sandbox.base_url}/api/v1/accounts/self/users?page=2>; rel="next"'
        stage.sandbox.add_fault(Fault(kind="link", route="list_users", link=elsewhere))
        with pytest.raises(Exception, match="does not answer as it should") as refused:
            await stage.run()
        assert getattr(refused.value, "exit_code", None) == 7
        assert (other.sandbox.counters.requests, other.sandbox.counters.authorization_seen) == (0, None)
    await stage.assert_equal()


async def test_a_database_that_cuts_every_connection(stage: Stage) -> None:
    """As a restart does: exit 7; the next run goes on, and nothing that was written is read again."""
    stage.sandbox.add_fault(Fault(kind="hang", seconds=60, route="list_channels", user_ids=frozenset(stage.ids[50:])))
    running = asyncio.create_task(stage.run())
    async with deadline(20):
        while await stage.value("SELECT count(*) FROM worker.batches WHERE status = 'done'") < 2:
            await stage.clock.sleep(0.01)
    await stage.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name LIKE 'sync-worker%' AND datname = current_database()"
    )
    with pytest.raises(Unreachable):
        await running
    done = {
        row["user_id"]
        for row in await stage.fetch("SELECT unnest(user_ids) AS user_id FROM worker.batches WHERE status = 'done'")
    }
    assert 0 < len(done) < 100
    stage.sandbox.clear_faults()
    stage.sandbox.counters.reset()
    report = await stage.run()
    assert (report.exit_code, report.resumed) == (0, True)
    assert not set(stage.sandbox.counters.channel_lists) & done
    await stage.assert_equal()

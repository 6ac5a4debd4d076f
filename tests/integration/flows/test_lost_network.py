"""The network to the database goes away: nothing breaks, nothing arrives any more."""

import asyncio
import signal
from collections.abc import AsyncIterator

import pytest

from sync_worker.clock import deadline
from sync_worker.errors import LockLost, Stopped
from sync_worker.flows.pull import pull, record
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.stop import Stop
from sync_worker.mirror import database, lock
from sync_worker.sandbox import Fault
from tests.integration.flows.harness import Stage
from tests.integration.mirror.wire import Proxy, proxied

Running = asyncio.Task[RunReport]

PATIENCES = ((database, "FAREWELL"), (pull, "PATIENCE"), (record, "PATIENCE"))
"""How long something is waited for, in seconds: where, and its name."""


@pytest.fixture
async def proxy(database_url: str) -> AsyncIterator[Proxy]:
    """What stands between the runs of these tests and the database."""
    async with proxied(database_url) as between:
        yield between


async def cut_off(stage: Stage, proxy: Proxy, stop: Stop) -> Running:
    """A run in the middle of its work, from which the database has been cut off."""
    stage.run_table["grace_period"] = "100ms"
    stage.sandbox.add_fault(Fault(kind="hang", seconds=0.05, route="list_channels"))
    there, stage.database_url = stage.database_url, proxy.url
    running = asyncio.create_task(stage.run(stop=stop))
    async with deadline(20):
        while len(stage.sandbox.counters.channel_lists) < 30:
            await stage.clock.sleep(0.01)
    stage.database_url = there
    proxy.flows.clear()
    await stage.clock.sleep(1)
    assert not running.done()
    return running


async def goes_on(stage: Stage, proxy: Proxy) -> None:
    """With the network back, the next run does the rest."""
    proxy.flows.set()
    stage.sandbox.clear_faults()
    report = await stage.run()
    assert (report.exit_code, report.resumed) == (0, True)
    await stage.assert_equal()


@pytest.mark.long
async def test_the_run_ends(stage: Stage, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 7, as soon as the heartbeat of the lock has failed: nothing else is waited for."""
    for module, name in PATIENCES:
        monkeypatch.setattr(module, name, 60)
    monkeypatch.setattr(lock, "HEARTBEAT", 3)
    running = await cut_off(stage, proxy, Stop())
    await asyncio.wait([running], timeout=40)
    assert running.done()
    with pytest.raises(LockLost) as lost:
        await running
    assert lost.value.exit_code == 7
    await goes_on(stage, proxy)


async def test_a_signal_ends_it(stage: Stage, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the heartbeat has noticed anything: nothing is waited for without end."""
    for module, name in PATIENCES:
        monkeypatch.setattr(module, name, 0.5)
    stop = Stop()
    running = await cut_off(stage, proxy, stop)
    stop.request(signal.SIGTERM)
    await asyncio.wait([running], timeout=60)
    assert running.done()
    with pytest.raises(Stopped):
        await running
    await goes_on(stage, proxy)


async def test_a_second_signal_ends_it_at_once(stage: Stage, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it waits for, and however long that would take."""
    for module, name in PATIENCES:
        monkeypatch.setattr(module, name, 60)
    stop = Stop()
    running = await cut_off(stage, proxy, stop)
    stop.request(signal.SIGTERM)
    await stage.clock.sleep(0.5)
    assert not running.done()
    stop.request(signal.SIGTERM)
    running.cancel()
    await asyncio.wait([running], timeout=30)
    assert running.done()
    with pytest.raises((Stopped, asyncio.CancelledError)):
        await running
    await goes_on(stage, proxy)

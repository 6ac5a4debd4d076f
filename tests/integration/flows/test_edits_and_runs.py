"""Any sequence of edits at Canvas and of runs leaves the mirror equal to the school's dump."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_worker.errors import SyncWorkerError
from sync_worker.flows.stop import Stop
from tests.conftest import Cluster
from tests.integration.flows.happenings import Happening, happen, happenings
from tests.integration.flows.harness import Stage, quick, staged
from tests.sampling import examples

USERS = 4  # beside the owner of the token
RUN, HALF = "run", "half a run"
STEPS = st.lists(st.one_of(happenings(USERS), happenings(USERS), st.sampled_from([RUN, HALF])), min_size=1, max_size=25)


@pytest.mark.timeout(1800)
@settings(max_examples=examples(15, torture=300), deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS)
async def test_the_mirror_follows(cluster: Cluster, migrated: str, steps: Sequence[Happening | str]) -> None:
    """After every run that came to its end, field by field; whatever was half done before it."""
    name = await cluster.create(migrated)
    try:
        async with staged(cluster.server.dsn(name), options=quick(users=USERS + 1)) as stage:
            stage.limits = replace(stage.limits, max_tombstone_percent=100.0, min_listing_percent=0.0)
            for step in (*steps, RUN):
                await _take(stage, step)
    finally:
        await cluster.drop(name)


async def _take(stage: Stage, step: Happening | str) -> None:
    if isinstance(step, Happening):
        happen(stage.school, stage.ids[1:], step)
    elif step == HALF:
        await _half_a_run(stage)
    else:
        report = await stage.run()
        assert report.exit_code == 0, report.findings
        await stage.assert_equal()


async def _half_a_run(stage: Stage) -> None:
    """It is stopped by a signal while it reads."""
    stop = Stop()
    running = asyncio.create_task(stage.run(stop=stop))
    await stage.clock.sleep(0.01)
    stop.request(15)
    with suppress(SyncWorkerError):
        await running

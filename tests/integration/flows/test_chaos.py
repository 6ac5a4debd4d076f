"""Nights that go wrong in many ways at once; at their end the mirror is the school."""

import asyncio
import os
import random
from contextlib import suppress
from dataclasses import replace

import pytest

from sync_worker.errors import SyncWorkerError
from sync_worker.flows.stop import Stop
from sync_worker.sandbox import Fault
from sync_worker.sandbox.model import Change
from tests.integration.flows.harness import Stage, quick, staged

SEEDS = int(os.environ.get("CHAOS_SEEDS", "2"))
KINDS = ("status", "close", "cut", "html", "empty", "truncated_json", "throttle", "unauthorized")
"""Without answers that lie twice in the same way: nobody can tell those from the truth."""


@pytest.mark.sampled("0")
@pytest.mark.stretches
@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_bad_week(database_url: str, seed: int) -> None:
    """Changes and faults during runs, cut connections, signals, cancelled processes: nobody alive is ever buried.

    Three quiet nights later the mirror equals the school, but for users who fell out of the listing while they could
    not be proved gone: their rows are kept.
    """
    dice = random.Random(seed)
    options = quick(deleted_user_answer="404", seed=seed + 1)
    async with staged(database_url, options=options, run_table={"grace_period": "50ms"}) as stage:
        stage.limits = replace(stage.limits, max_tombstone_percent=100.0, min_coverage_percent=50.0)
        stage.instance["throttle_patience"] = "1s"
        returned: set[int] = set()
        for night in range(6):
            changes = await _bad_night(stage, dice, seed * 100 + night)
            returned |= {change.channel_id or 0 for change in changes if change.kind in {"revived", "moved"}}
            await _nobody_alive_is_buried(stage, returned)
        stage.sandbox.clear_faults()
        stage.sandbox.tokens.renew(stage.sandbox.token)
        reports = [await stage.run() for _ in range(3)]
        unlisted = {r["id"] for r in await stage.fetch("SELECT id FROM mirror.users WHERE state = 'unlisted'")}
        live = {i: row for i, row in (await stage.live()).items() if row["user_id"] not in unlisted}
        assert reports[-1].exit_code == 0, reports[-1].findings
        assert live == stage.truth()
        assert await stage.candidates() == {}


async def _bad_night(stage: Stage, dice: random.Random, seed: int) -> list[Change]:
    stage.sandbox.clear_faults()
    stage.sandbox.tokens.renew(stage.sandbox.token)
    stage.sandbox.add_fault(Fault(kind="hang", seconds=0.01, route="list_channels", user_share=0.3))
    for _ in range(dice.randrange(3)):
        share = dice.choice((0.02, 0.3))
        stage.sandbox.add_fault(Fault(kind=dice.choice(KINDS), user_share=share, salt=seed, times=dice.randrange(60)))
    if dice.random() < 0.2:
        stage.sandbox.tokens.expire_after(stage.sandbox.token, dice.randrange(1, 120))
    stop = Stop()
    running = asyncio.create_task(stage.run(stop=stop))
    await stage.clock.sleep(dice.random() * 0.3)
    changes = stage.sandbox.churn(0.2, seed)
    await stage.clock.sleep(dice.random() * 0.3)
    match dice.randrange(4):
        case 0:
            stop.request(15)
        case 1:
            await stage.fetch(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sync-worker%' "
                "AND datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.7"
            )
        case 2:
            running.cancel()
        case _:
            pass
    with suppress(SyncWorkerError, asyncio.CancelledError):
        await running
    return changes


async def _nobody_alive_is_buried(stage: Stage, returned: set[int]) -> None:
    """What lives at the school has no tombstone, unless it was away for a while or went to another user."""
    channels = stage.sandbox.school.channels
    assert {i for i in await stage.tombstones() if channels[i].live} <= returned

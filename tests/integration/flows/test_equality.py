"""After a run the mirror is the school."""

import pytest

from sync_worker.channels import MAX_ID
from sync_worker.sandbox import Role
from tests.integration.flows.harness import Stage, staged


async def test_the_mirror_is_the_school(stage: Stage) -> None:
    """Field by field: nobody's channels and 250, Unicode, long addresses, odd types, null positions, big ids."""
    report = await stage.run(kind="backfill")
    assert (report.exit_code, report.status, report.findings) == (0, "done", ())
    await stage.assert_equal()
    rows = stage.truth().values()
    assert max(row["id"] for row in rows) > 2**53
    assert max(row["id"] for row in rows) <= MAX_ID
    assert any(not row["address"].isascii() for row in rows)
    assert any(len(row["address"]) >= 200 for row in rows)
    assert {"slack", "twitter", "push", "sms", "email"} <= {row["type"] for row in rows}
    assert any(row["position"] is None for row in rows)
    assert max(len(stage.channels_of(user_id)) for user_id in stage.ids) == 250
    assert any(not stage.channels_of(user_id) for user_id in stage.ids)
    assert report.figures.users_total == report.figures.users_done == 100
    assert report.figures.channels_seen == report.figures.channels_created == len(stage.truth())


async def test_a_run_over_an_unchanged_school_writes_no_row_of_the_mirror(stage: Stage) -> None:
    """Nothing changed, nothing written; the ledger alone grows."""
    await stage.run()
    before = await _writes(stage)
    report = await stage.run()
    assert (report.exit_code, report.figures.channels_created, report.figures.channels_changed) == (0, 0, 0)
    assert await _writes(stage) == before


async def _writes(stage: Stage) -> dict[str, int]:
    rows = await stage.fetch(
        "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del AS writes "
        "FROM pg_stat_user_tables, pg_stat_force_next_flush() WHERE schemaname = 'mirror'"
    )
    return {row["relname"]: row["writes"] for row in rows}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_restless_school(stage: Stage, seed: int) -> None:
    """After much churn the mirror is the school again, and the history tells each change once."""
    await stage.run()
    changes = stage.sandbox.churn(0.4, seed)
    report = await stage.run(max_tombstone_percent=100)
    assert report.exit_code == 0
    await stage.assert_equal()
    touched = {change.channel_id for change in changes if change.channel_id is not None}
    known = await stage.fetch("SELECT channel_id, count(*) FROM mirror.channel_history GROUP BY channel_id")
    new = {change.channel_id for change in changes if change.kind == "created"}
    returned = {i for i in touched if i not in new and i not in {row["channel_id"] for row in known}}
    assert {row["channel_id"]: row["count"] for row in known} == dict.fromkeys(touched - new - returned, 1)
    # what was retired before the mirror first looked is new to it when it is revived
    assert {change.kind for change in changes if change.channel_id in returned} <= {"revived"}
    report = await stage.run()
    assert (report.exit_code, report.figures.channels_changed, report.settled.merged.deleted) == (0, 0, 0)


async def test_bounce_fields_that_may_not_be_seen_keep_what_is_known(database_url: str) -> None:
    """Missing is not null: another token erases nothing, and what it cannot see is not "known"."""
    async with staged(database_url) as stage:
        await stage.run()
        known = await stage.live()
        assert any(row["bounce_count"] for row in known.values())
        stage.sandbox.add_token("lesser", role=Role.ACCOUNT_ADMIN)
        stage.instance["token"] = "lesser"
        (created,) = stage.school.create(stage.ids[30], "email", "later@example.com")
        report = await stage.run()
        assert (report.exit_code, report.figures.channels_created, report.figures.channels_changed) == (0, 1, 0)
        rows = await stage.live()
        new = rows.pop(created.channel_id)
        assert rows == known
        assert new["bounce_count"] is None
        assert await _unknown(stage) == [created.channel_id]
        stage.instance["token"] = stage.sandbox.token
        assert (await stage.run()).figures.channels_changed == 1
        await stage.assert_equal()
        assert await _unknown(stage) == []


async def _unknown(stage: Stage) -> list[int]:
    rows = await stage.fetch("SELECT id FROM mirror.communication_channels WHERE NOT bounce_known")
    return [row["id"] for row in rows]


async def test_moved_revived_and_readdressed_channels(stage: Stage) -> None:
    """They keep their ids: one row each, one history line each."""
    school, ids = stage.school, stage.ids
    mover, target, other, third = ids[20], ids[21], ids[22], ids[23]
    retired = school.create(other, "email", "comes.back@example.com")[0].channel_id
    await stage.run()
    school.retire(retired)
    await stage.run()
    assert await stage.tombstones() == {retired}
    moving = stage.channels_of(mover)
    school.merge_users(mover, target)
    school.revive(retired)
    readdressed = min(stage.channels_of(third))
    school.readdress(readdressed, "elsewhere@example.com")
    report = await stage.run()
    assert report.exit_code == 0
    assert (report.figures.channels_moved, report.figures.channels_revived) == (len(moving), 1)
    await stage.assert_equal()
    assert await stage.tombstones() == set()
    assert await stage.state(mover) == "gone"
    history = await stage.fetch("SELECT channel_id, user_id, deleted_at FROM mirror.channel_history ORDER BY id")
    assert sorted(row["channel_id"] for row in history) == sorted([*moving, readdressed, retired, retired])


async def test_nul_is_replaced_counted_and_told(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """PostgreSQL cannot store NUL: a replacement stands there, and the run says how often."""
    user = stage.sandbox.school.users[stage.ids[25]]
    channel = user.live_channels()[0]
    channel.address = "a\0b@example.com"
    with caplog.at_level("WARNING", "sync_worker"):
        report = await stage.run()
    assert (report.exit_code, report.figures.nul_replaced) == (0, 1)
    assert (await stage.live())[channel.id]["address"] == "a\ufffdb@example.com"
    assert (await stage.last_run())["nul_replaced"] == 1
    assert "NUL characters replaced" in caplog.text
    assert (await stage.run()).figures.channels_changed == 0

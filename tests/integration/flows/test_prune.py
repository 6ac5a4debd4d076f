"""Pruning: what is old goes, and nothing that the program stands on."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from sync_worker.errors import LockHeld, UsageError
from sync_worker.flows.privacy.prune import prune
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.undo import plan_undo
from sync_worker.mirror.lock import writing
from sync_worker.sandbox import Fault
from sync_worker.settings import RetentionTable
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Row, Stage
from tests.integration.flows.seeds import Seeds

YEAR = RetentionTable(history="400d", plans="400d", actions="400d", runs="400d")
TABLES = (
    "mirror.communication_channels", "mirror.channel_history", "mirror.users", "mirror.user_history", "worker.runs",
    "worker.batches", "worker.failures", "worker.candidates", "worker.plans", "worker.actions", "worker.pruned",
)  # fmt: skip
TIMES = {
    "worker.runs": ("started_at", "resumed_at", "finished_at"),
    "worker.batches": ("claimed_at", "done_at"),
    "worker.failures": ("failed_at", "resolved_at"),
    "worker.plans": ("made_at", "expires_at", "begun_at", "ended_at"),
    "worker.actions": ("started_at", "settled_at"),
    "mirror.channel_history": ("valid_from", "valid_to"),
    "mirror.user_history": ("valid_from", "valid_to"),
    "mirror.communication_channels": ("first_seen_at", "changed_at", "deleted_at"),
    "mirror.users": ("first_seen_at", "changed_at"),
    "worker.candidates": ("read_at",),
}
"""All times that say when something was."""

FRESHNESS = """
SELECT u.id, max(b.done_at) AS read, max(b.done_at) FILTER (WHERE NOT EXISTS (
    SELECT FROM worker.failures f WHERE f.run_id = b.run_id AND f.user_id = u.id AND f.resolved_at IS NULL
)) AS good
FROM mirror.users u
JOIN worker.batches b ON b.status = 'done' AND u.id = ANY (b.user_ids)
GROUP BY u.id
ORDER BY u.id"""
OPEN = """
SELECT DISTINCT f.reference, f.user_id, r.users_spec FROM worker.failures f JOIN worker.runs r ON r.id = f.run_id
WHERE f.resolved_at IS NULL ORDER BY 1"""


async def pass_time(stage: Stage, days: int) -> None:
    """Everything that is in the database becomes so much older."""
    for table, columns in TIMES.items():
        assignments = ", ".join(f"{column} = {column} - make_interval(days => {days})" for column in columns)
        await stage.fetch(f"UPDATE {table} SET {assignments}")  # noqa: S608  (constants)


async def pruned(stage: Stage, table: RetentionTable = YEAR, *, dry_run: bool = False) -> dict[str, int]:
    """Prune in a process of its own; rows by table."""
    async with stage.rooms() as rooms:
        found = await prune(rooms.database, rooms.clock, "main", table, dry_run=dry_run)
    return {each.table: each.rows for each in found}


async def dump(stage: Stage, *tables: str) -> dict[str, list[Row]]:
    """All rows of some tables, of all unless said otherwise."""
    query = "SELECT to_jsonb(t)::text AS row FROM {} t ORDER BY 1"
    return {table: await stage.fetch(query.format(table)) for table in tables or TABLES}


async def assert_lawful(stage: Stage, before: dict[str, Any]) -> None:
    """The mirror, everybody's freshness and what is still to be done are what they were."""
    assert await dump(stage, "mirror.communication_channels", "mirror.users", "worker.candidates") == before["mirror"]
    assert await stage.fetch(FRESHNESS) == before["freshness"]
    assert await stage.fetch(OPEN) == before["open"]


async def laws(stage: Stage) -> dict[str, Any]:
    """What pruning must not change."""
    return {
        "mirror": await dump(stage, "mirror.communication_channels", "mirror.users", "worker.candidates"),
        "freshness": await stage.fetch(FRESHNESS),
        "open": await stage.fetch(OPEN),
    }


@pytest.fixture
async def years(seeds: Seeds, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Applying]:
    """Two years of runs, failures, plans and applies; the last of them is of today."""

    async def build(stage: Stage) -> None:
        await stage.run()
        await _passed(Desire(stage=stage, folder=tmp_path_factory.mktemp("years")))

    async with seeds.grown("years", build) as (stage, _):
        yield Applying(stage=stage, desire=Desire(stage=stage, folder=tmp_path))


async def _passed(desire: Desire) -> None:
    stage, applying = desire.stage, Applying(stage=desire.stage, desire=desire)
    stage.instance["guards"] = GENEROUS
    users = list(islice(desire.plain(), 8))
    now_and_then, since_the_first_year = frozenset({users[7]}), frozenset({users[5]})
    for year in range(3):
        stage.sandbox.churn(0.2, year)
        stage.sandbox.clear_faults()
        if year:
            stage.sandbox.add_fault(Fault(route="list_channels", user_ids=since_the_first_year, status=500))
        await stage.run(max_tombstone_percent=100)
        await stage.run(f"id:{users[6]}", "sis:NOBODY", min_coverage_percent=0)
        stage.sandbox.add_fault(Fault(route="list_channels", user_ids=now_and_then, status=500))
        await stage.run(max_tombstone_percent=100)
        await applying.apply(await applying.planned(f"{users[year]},email,year{year}@x.example,present"))
        await applying.planned(f"{users[3]},email,open{year}@x.example,present")
        if year < 2:
            await pass_time(stage, 365)


async def test_the_law(years: Applying) -> None:
    """What is old goes; mirror, freshness, open failures are what they were; a run, a plan and undo work as before."""
    stage = years.stage
    before = await laws(stage)
    ages = [row["good"] for row in before["freshness"]]
    assert min(ages) < max(ages) - timedelta(days=500)  # somebody was not read since: that batch stays
    counts = await pruned(stage)
    assert all(counts[table] for table in TABLES if table in counts and table != "mirror.user_history"), counts
    await assert_lawful(stage, before)
    assert await pruned(stage) == dict.fromkeys(counts, 0)
    user = next(years.desire.plain())
    document = years.desire.csv(f"{user},email,{years.desire.email(user).address},present")
    assert (await years.desire.plan(document, max_age=timedelta(hours=1))).empty
    run = await stage.value("SELECT max(run_id) FROM worker.actions")
    async with stage.rooms() as rooms:
        undoing = await plan_undo(rooms, run, Progress())
    assert (len(list(undoing.plan.changes())), undoing.notes) == (1, ())
    stage.sandbox.clear_faults()
    assert (await stage.run()).exit_code == 0
    await stage.assert_equal()


async def test_nothing_young_goes(years: Applying) -> None:
    """Nothing that is younger than said is touched; one subject does not touch another."""
    stage = years.stage
    age = "now() - interval '400 days'"
    young = {
        "mirror.channel_history": f"valid_to >= {age}",
        "worker.runs": f"finished_at >= {age}",
        "worker.plans": f"coalesce(ended_at, now()) >= {age}",
        "worker.actions": f"coalesce(settled_at, now()) >= {age}",
    }
    queries = {table: f"SELECT id FROM {table} WHERE {where} ORDER BY id" for table, where in young.items()}  # noqa: S608
    before = {table: await stage.fetch(query) for table, query in queries.items()}
    everything = await dump(stage)
    assert await pruned(stage, RetentionTable()) == {}
    assert await dump(stage) == everything
    await pruned(stage, RetentionTable(history=timedelta(days=400)))
    kept = [table for table in TABLES if not table.endswith("history") and table != "worker.pruned"]
    assert await dump(stage, *kept) == {table: everything[table] for table in kept}
    await pruned(stage)
    assert {table: await stage.fetch(query) for table, query in queries.items()} == before


async def test_a_dry_run(years: Applying) -> None:
    """It says exactly what would go, and changes nothing; it waits for nobody and lets nobody else write meanwhile."""
    stage = years.stage
    before = await dump(stage)
    promised = await pruned(stage, dry_run=True)
    assert await dump(stage) == before
    async with stage.rooms() as rooms, writing(rooms.database, "main", "run", rooms.clock):
        with pytest.raises(LockHeld):
            await pruned(stage, dry_run=True)
    assert await pruned(stage) == promised


async def journal(stage: Stage) -> list[int]:
    """The numbers of all actions."""
    return [row["id"] for row in await stage.fetch("SELECT id FROM worker.actions ORDER BY id")]


async def test_the_journal(years: Applying) -> None:
    """Actions in doubt, of plans that may go on, and of the last 24 hours stay, and so do their runs and plans."""
    stage = years.stage
    first, second, last = (row["id"] for row in await stage.fetch("SELECT id FROM worker.actions ORDER BY id"))
    await stage.fetch("UPDATE worker.actions SET status = 'uncertain' WHERE id = $1", first)
    await stage.fetch(
        "UPDATE worker.plans SET status = 'applying', ended_at = NULL, expires_at = now() + interval '1 day' "
        "WHERE id = (SELECT plan_id FROM worker.actions WHERE id = $1)",
        second,
    )
    at_once = RetentionTable(plans=timedelta(), actions=timedelta(), runs=timedelta())
    await pruned(stage, at_once)
    assert await journal(stage) == [
        first,
        second,
        last,
    ]
    await pass_time(stage, 2)
    await stage.fetch("UPDATE worker.plans SET expires_at = now() + interval '1 day' WHERE status = 'applying'")
    await pruned(stage, at_once)
    assert await journal(stage) == [first, second]


async def test_undo_says_where_it_ends(years: Applying) -> None:
    """A run whose actions are gone, a run that is gone itself, and one of which a part may be gone."""
    stage = years.stage
    old, _, new = (row["run_id"] for row in await stage.fetch("SELECT run_id FROM worker.actions ORDER BY id"))
    await pruned(stage, RetentionTable(actions=timedelta(days=400)))
    text = rf"has nothing of run {old}: it was pruned on .* UTC and reaches back to .* UTC\. It cannot be undone"
    async with stage.rooms() as rooms:
        with pytest.raises(UsageError, match=text):
            await plan_undo(rooms, old, Progress())
        await pruned(stage)
        with pytest.raises(UsageError, match=text):
            await plan_undo(rooms, old, Progress())
        await stage.fetch("UPDATE worker.runs SET started_at = started_at - interval '2 years' WHERE id = $1", new)
        undoing = await plan_undo(rooms, new, Progress())
        assert len(list(undoing.plan.changes())) == 1
        assert undoing.notes[0].startswith("what it did before is not known any more: the journal was pruned on")
        with pytest.raises(UsageError, match="of main has nothing of run 3: "):
            await plan_undo(rooms, 3, Progress())


async def test_the_size_of_the_last_document(years: Applying) -> None:
    """The document that was applied last is what the next one is compared with, however old it is."""
    stage = years.stage
    await pass_time(stage, 1000)
    await pruned(stage)
    assert await stage.value("SELECT count(*) FROM worker.plans WHERE begun_at IS NOT NULL") == 1
    user = next(years.desire.plain())
    plan = await years.desire.plan(years.desire.csv(f"{user},email,z@x.example,present"))
    assert plan.source.users_before == 1


async def test_held_deletions_and_listings(stage: Stage) -> None:
    """A run that holds deletions back stays, and so does the last good one: the status and the next listing need it."""
    await stage.run()
    stage.school.retire(min(await stage.live()))
    held = (await stage.run(max_tombstones=0)).run_id
    pending = "SELECT count(*) FROM worker.candidates c JOIN worker.runs r ON r.id = c.held_run_id"
    last = "SELECT max(finished_at) FROM worker.runs WHERE status IN ('done', 'withheld')"
    await pass_time(stage, 1000)
    before = await stage.value(last)
    await pruned(stage)
    assert (await stage.value(pending), await stage.value(last)) == (1, before)
    assert [row["id"] for row in await stage.fetch("SELECT id FROM worker.runs")] == [held]
    assert (await stage.run(settle_held=True)).exit_code == 0
    await stage.assert_equal()


async def test_in_chunks(stage: Stage) -> None:
    """Whatever the number of rows; another instance keeps what it has."""
    await stage.run()
    await stage.fetch("INSERT INTO worker.instances (instance) VALUES ('other')")
    for instance in ("main", "other"):
        await stage.fetch(
            "INSERT INTO mirror.channel_history (instance, channel_id, user_id, type, address, folded_address, "
            "workflow_state, bounce_known, valid_from, valid_to, run_id, origin) "
            "SELECT $1, n, n, 'email', 'a@x.example', 'a@x.example', 'active', true, now(), "
            "now() - interval '500 days', 1, 'canvas' "
            "FROM generate_series(1, 4500) n",
            instance,
        )
    assert (await pruned(stage))["mirror.channel_history"] == 4500
    assert await stage.value("SELECT count(*) FROM mirror.channel_history") == 4500


async def test_an_open_failure_stays_with_its_batch(stage: Stage) -> None:
    """Without it the batch, which stays for another user, would look like a good read of the one who failed."""
    failed, elsewhere = stage.ids[20], stage.ids[21]
    stage.sandbox.add_fault(Fault(route="list_channels", user_ids=frozenset({failed}), status=500))
    await stage.run()
    last = (await stage.run()).run_id
    await stage.fetch(
        "UPDATE worker.batches SET user_ids = array_remove(user_ids, $1) WHERE run_id = $2", elsewhere, last
    )
    await pass_time(stage, 1000)
    before = await laws(stage)
    assert [row["good"] for row in before["freshness"] if row["id"] == failed] == [None]
    await pruned(stage)
    await assert_lawful(stage, before)

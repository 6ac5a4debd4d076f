"""A claim takes one batch, whatever plan PostgreSQL makes for it."""

import asyncpg
import pytest

from sync_worker.mirror.sql import statement

PLANS = {
    "as it comes": "SELECT 1",
    "nested loops over the table": "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_indexscan = off; "
    "SET enable_bitmapscan = off; SET enable_material = off; SET enable_memoize = off",
    "hash join": "SET enable_nestloop = off; SET enable_mergejoin = off",
    "merge join": "SET enable_nestloop = off; SET enable_hashjoin = off",
}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("analyzed", ["never", "while it was empty", "since"])
async def test_a_claim_takes_one_batch(database_url: str, plan: str, analyzed: str) -> None:
    """A batch that was taken without being handed out would never be read."""
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("INSERT INTO worker.instances (instance) VALUES ('main')")
        run = await connection.fetchval(
            "INSERT INTO worker.runs "
            "(instance, kind, users_spec, source_fingerprint, started_at, program_version, host, pid, started_by) "
            "VALUES ('main', 'run', '{}', '', now(), '', '', 1, '') RETURNING id"
        )
        if analyzed == "while it was empty":
            await connection.execute("ANALYZE worker.batches")
        await connection.execute(
            "INSERT INTO worker.batches (run_id, number, reason, user_ids) "
            "SELECT $1, n, 'source', ARRAY[n] FROM generate_series(1, 10) AS n",
            run,
        )
        if analyzed == "since":
            await connection.execute("ANALYZE worker.batches")
        await connection.execute(PLANS[plan])
        for number in range(1, 11):
            rows = await connection.fetch(statement("claim_batch"), run, 1, await connection.fetchval("SELECT now()"))
            assert [row["number"] for row in rows] == [number]
        assert await connection.fetch(statement("claim_batch"), run, 1, await connection.fetchval("SELECT now()")) == []
    finally:
        await connection.close()

"""A school of a realistic size, in a process of its own: a first load, a night's changes, a quiet night."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sync_worker.sandbox import Sandbox
from tests.integration.flows.harness import Row, Stage, expected, fetch, live, quick
from tests.integration.flows.processes import TOKEN, sandbox_process

USERS = int(os.environ.get("SCHOOL_USERS", "2000"))
"""With SCHOOL_USERS=20000 it takes half a minute to a minute on two cores, most of it the sandbox's own work."""

COLUMNS = "n_tup_ins, n_tup_upd, n_tup_del"


@pytest.mark.long
@pytest.mark.timeout(60 + USERS // 50)
async def test_three_nights_of_a_school(tmp_path: Path, database_url: str) -> None:
    """Three runs: equal; equal again, with one history line a change; and not one row written."""
    with sandbox_process(tmp_path, USERS) as canvas:
        stage = Stage(
            sandbox=Sandbox(quick(users=0)),
            database_url=database_url,
            base_url=canvas.base_url,
            instance={"token": TOKEN},
            run_table={"batch_size": 250},
        )
        report = await stage.run(kind="backfill")
        assert (report.exit_code, report.figures.users_done) == (0, USERS)
        before = expected(canvas.many("GET", "channels"))
        assert await live(database_url) == before

        changes = canvas.many("POST", "churn", fraction=max(0.01, 60 / USERS), seed=7)
        report = await stage.run()
        assert report.exit_code == 0, report.findings
        assert await live(database_url) == expected(canvas.many("GET", "channels"))
        assert await _told(database_url) == _to_be_told(changes, before)

        written = await _writes(database_url)
        report = await stage.run()
        assert (report.exit_code, report.figures.channels_changed, report.settled.merged.deleted) == (0, 0, 0)
        assert await _writes(database_url) == written


async def _told(database_url: str) -> Counter[int]:
    """How many history lines each channel has."""
    rows = await fetch(database_url, "SELECT channel_id, count(*) AS lines FROM mirror.channel_history GROUP BY 1")
    return Counter({row["channel_id"]: row["lines"] for row in rows})


def _to_be_told(changes: list[Any], before: dict[int, Row]) -> Counter[int]:
    """One line for each channel that changed and was known: new ones have no past."""
    touched = {change["channel_id"] for change in changes if change["channel_id"] is not None}
    kinds = {change["kind"] for change in changes}
    assert kinds >= {"created", "retired", "readdressed", "bounced", "user_deleted", "user_merged", "moved"}
    return Counter(dict.fromkeys(touched & set(before), 1))


async def _writes(database_url: str) -> dict[str, tuple[int, int, int]]:
    rows = await fetch(
        database_url,
        f"SELECT relname, {COLUMNS} FROM pg_stat_user_tables, pg_stat_force_next_flush() "  # noqa: S608  (constants)
        "WHERE schemaname = 'mirror'",
    )
    return {row.pop("relname"): tuple(row.values()) for row in rows}

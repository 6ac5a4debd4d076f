"""After a clock that was a day ahead: what status, check, doctor and a run say, and `db repair-times`."""

import re
from pathlib import Path

import pytest

from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import configured, sandbox_process

DAY = "interval '1 day'"
AHEAD = tuple(
    f"UPDATE {table} SET {', '.join(f'{column} = {column} + {DAY}' for column in columns)} RETURNING 1"  # noqa: S608  (constants)
    for table, *columns in (
        ("mirror.communication_channels", "first_seen_at", "changed_at"),
        ("mirror.users", "first_seen_at", "changed_at"),
        ("worker.batches", "claimed_at", "done_at"),
        ("worker.runs", "started_at", "finished_at"),
    )
)
MARKED = "SELECT count(*) AS n FROM mirror.communication_channels WHERE read_epoch = -1"


@pytest.mark.long
async def test_a_clock_that_was_ahead_is_noticed_and_repaired(tmp_path: Path, database_url: str) -> None:
    """No command says ok, none tells a negative age; the repair deletes nothing, and a full run makes all well."""
    with sandbox_process(tmp_path, 60) as canvas:
        program = configured(tmp_path, database_url, canvas.base_url)
        assert program.run("run").returncode == 0
        for statement in AHEAD:
            await fetch(database_url, statement)

        check = program.run("check")
        assert (check.returncode, check.stdout.splitlines()[0]) == (10, "main: critical")
        assert "in the future" in check.stdout
        nagios = program.run("check", "--format", "nagios")
        assert (nagios.returncode, " | age=U;" in nagios.stdout) == (2, True), nagios.stdout
        status = program.run("status").stdout
        assert re.search(r"^  fresh +the last good run .* in the future", status, re.MULTILINE), status
        assert not re.search(r"-\d+ (s|min|h|d)\b", check.stdout + nagios.stdout + status)
        doctor = program.run("doctor").stdout
        assert re.search(r"times .*rows carry a time in the future", doctor), doctor

        again = program.run("run")
        assert again.returncode == 3
        assert "see sync-worker db repair-times --dry-run" in again.stdout

        rows = await fetch(database_url, "SELECT * FROM mirror.communication_channels ORDER BY id")
        dry = program.run("db", "repair-times", "--dry-run")
        assert dry.returncode == 0
        assert f"  mirror.communication_channels: {len(rows):,} rows would be marked as unread" in dry.stdout
        assert await fetch(database_url, "SELECT * FROM mirror.communication_channels ORDER BY id") == rows

        done = program.run("db", "repair-times")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == dry.stdout.replace("would be marked", "marked").replace("Then:", "Next:")
        assert (await fetch(database_url, MARKED))[0]["n"] == len(rows)
        assert program.run("db", "repair-times").stdout == "main: nothing carries a time in the future\n"

        assert program.run("run").returncode == 0
        assert (await fetch(database_url, MARKED))[0]["n"] == 0
        assert program.run("check").returncode == 0
        after = await fetch(database_url, "SELECT id, address FROM mirror.communication_channels ORDER BY id")
        assert after == [{"id": row["id"], "address": row["address"]} for row in rows]
        assert await fetch(database_url, "SELECT 1 FROM mirror.channel_history") == []

"""`run` out of a crontab while the database is away: whoever is to know of a night is told."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.integration.flows.processes import Program, configured
from tests.integration.service.office import LISTENER, monitoring
from tests.integration.service.test_telling import figures

NOWHERE = "postgresql://somebody:geheim@127.0.0.1:1/none"
SECOND = "[instances.second]\nbase_url = 'http://127.0.0.1:1'\ntoken_file = 'token'\n"


def watched(folder: Path, heartbeat: str) -> Program:
    """Two instances, and everybody who may be told of them; neither Canvas nor database."""
    (folder / "code").write_text("0")
    command = [sys.executable, "-c", LISTENER, str(folder / "said"), str(folder / "code")]
    more = (
        f"[notify]\ncommand = {json.dumps(command)}\nheartbeat_url = '{heartbeat}'\n"
        f"[metrics]\ntextfile = '{folder / 'x.prom'}'\n"
    )
    return configured(folder, NOWHERE, "http://127.0.0.1:1", more=more, instance=SECOND)


async def test_everybody_is_told(tmp_path: Path) -> None:
    """An event for each instance, the heartbeat's /fail, the textfile; the exit code and the message are as ever."""
    async with monitoring() as monitor:
        done = await asyncio.to_thread(watched(tmp_path, monitor.url).run, "run")
    assert done.returncode == 7
    said = [json.loads(line) for line in (tmp_path / "said").read_text().splitlines()]
    assert [(each["event"], each["instance"], each["job"], each["exit_code"]) for each in said] == [
        ("failed", "main", "run", 7), ("failed", "second", "run", 7),
    ]  # fmt: skip
    assert not any(bad in str(each) for each in said for bad in ("geheim", "postgresql", "127.0.0.1"))
    assert monitor.calls == ["GET /secret-uuid/fail"]
    found = figures(tmp_path / "x.prom")
    assert found["sync_worker_database_up", ""] == 0
    assert [found["sync_worker_last_job_exit_code", name] for name in ("main", "second")] == [7, 7]
    assert done.stderr.count("sync-worker: ") >= 1


@pytest.mark.long
async def test_a_choice_of_ones_own_tells_nobody(tmp_path: Path) -> None:
    """Whoever types `--users` sees what is wrong; that it is only the database's makes no difference."""
    async with monitoring() as monitor:
        done = await asyncio.to_thread(watched(tmp_path, monitor.url).run, "run", "--users", "self")
    assert (done.returncode, monitor.calls) == (7, [])
    assert not (tmp_path / "said").exists()
    assert not (tmp_path / "x.prom").exists()

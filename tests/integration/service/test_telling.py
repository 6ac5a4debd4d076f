"""Who is told how runs went, and how often: a real command, a real heartbeat, a real textfile."""

import logging
import os
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sync_worker.errors import DatabaseUnreachable
from sync_worker.mirror.lock import writing
from sync_worker.sandbox import Fault
from sync_worker.service import heartbeat
from sync_worker.service.aftermath import after_job
from tests.integration.flows.harness import Stage
from tests.integration.service.office import Monitor, Office


async def test_nothing_is_told_of_a_good_run(office: Office) -> None:
    """Silence is good."""
    assert await office.night() == []


async def test_failed_each_time_and_recovered_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what a person needs, and no secret, address or URL; recovered only after a failure."""
    monkeypatch.setenv("SYNC_WORKER_SECRET", "x")
    office.stage.instance["token"] = "wrong-token-9"
    outcome = await office.job()
    (said,) = office.heard()
    assert outcome.exit_code == 5
    assert set(said) == {
        "event", "instance", "job", "run", "exit_code", "message", "hostname", "time", "program", "environment",
    }  # fmt: skip
    assert (said["event"], said["instance"], said["job"], said["exit_code"]) == ("failed", "main", "run", 5)
    assert (said["hostname"], said["environment"]) == (socket.gethostname(), [])
    assert "token" in said["message"]
    assert not any(bad in str(said) for bad in ("wrong-token-9", "http", "127.0.0.1", "@"))
    assert await office.night() == ["failed"]
    del office.stage.instance["token"]
    assert await office.night() == ["recovered"]
    assert await office.night() == []


async def test_recovered_is_not_lost(office: Office) -> None:
    """Where nobody hears it, it is told with the next run, once."""
    office.stage.instance["token"] = "wrong"
    assert await office.night() == ["failed"]
    del office.stage.instance["token"]
    (office.folder / "code").write_text("1")
    assert await office.night() == ["recovered"]
    (office.folder / "code").write_text("0")
    assert await office.night() == ["recovered"]
    assert await office.night() == []


@pytest.mark.long
async def test_what_is_withheld_is_told_once_a_week(office: Office) -> None:
    """And again when it had been settled and comes back."""
    await office.job()
    office.stage.instance["brake"] = {"max_tombstones": 0}
    for user in office.stage.ids[50:53]:
        for channel in office.stage.school.users[user].live_channels():
            office.stage.school.retire(channel.id)
    told = [await office.night() for _ in range(9)]
    assert told == [["withheld"], *([[]] * 6), ["withheld"], []]
    office.stage.instance["brake"] = {}
    async with office.opened() as opened, opened.database.session() as session:
        await session.connection.execute("UPDATE worker.candidates SET held_run_id = NULL, held_by_brake = false")
    assert await office.night() == []
    office.stage.instance["brake"] = {"max_tombstones": 0}
    for channel in office.stage.school.users[office.stage.ids[60]].live_channels():
        office.stage.school.retire(channel.id)
    assert await office.night() == ["withheld"]


async def test_a_plan_that_waits(office: Office) -> None:
    """Once a week too; another plan at once."""
    document = office.folder / "desired.csv"
    user = office.stage.ids[40]
    document.write_text(f"user,type,address,state\n{user},email,new@x.example,present\n")
    office.stage.instance["desired"] = {"file": str(document)}
    await office.job()
    (said,) = office.heard()
    assert (said["event"], said["exit_code"]) == ("plan_waiting", 0)
    assert "plan 1 waits: 1 create" in said["message"]
    assert await office.night() == []
    document.write_text(f"user,type,address,state\n{user},email,other@x.example,present\n")
    assert await office.night() == ["plan_waiting"]


@pytest.mark.long
async def test_a_token_that_ends(office: Office) -> None:
    """Three weeks ahead, once a week, until it is another one."""
    today = office.clock.now().date()
    office.stage.instance["token_expires"] = str(today + timedelta(days=22))
    told = [await office.night() for _ in range(9)]
    assert told == [[], ["token_expiring"], *([[]] * 6), ["token_expiring"]]
    office.stage.instance["token_expires"] = str(today + timedelta(days=300))
    assert await office.night() == []


async def test_a_token_that_ends_is_told_once_for_all_jobs(office: Office) -> None:
    """It is that of the instance; whichever job comes first tells it."""
    office.stage.instance["token_expires"] = str(office.clock.now().date() + timedelta(days=10))
    for kind in ("backfill", "run"):
        await office.job(kind)
    await office.prune()
    assert [(said["event"], said["job"]) for said in office.heard()] == [("token_expiring", "backfill")]


async def test_some_users_failed(office: Office) -> None:
    """The exit code says so, and people are told once a week."""
    office.stage.sandbox.add_fault(Fault(route="list_channels", user_share=0.04, status=400))
    assert [await office.night() for _ in range(2)] == [["partial"], []]


async def test_the_command_fails(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """That is logged, changes no exit code, and is told with the next run; a program that is not there, too."""
    office.stage.instance["token_expires"] = str(office.clock.now().date())
    (office.folder / "code").write_text("3")
    assert (await office.job()).exit_code == 0
    assert "it ended with 3" in caplog.text
    assert [said["event"] for said in office.heard()] == ["token_expiring"]
    (office.folder / "code").write_text("0")
    assert await office.night() == ["token_expiring"]
    office.notify["command"] = ["/nowhere/tell"]
    office.clock.ahead += timedelta(days=8)
    assert (await office.job()).exit_code == 0
    assert "it cannot be started" in caplog.text


async def test_the_command_hangs(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """It is killed, with what it has started."""
    office.notify |= {"command": ["sh", "-c", "sleep 1000 & wait"], "timeout": "200ms"}
    office.stage.instance["token_expires"] = str(office.clock.now().date())
    assert (await office.job()).exit_code == 0
    assert "it took longer than" in caplog.text


async def test_the_database_is_away(office: Office) -> None:
    """What cannot be looked up is told; that it works again too."""
    async with office.opened() as opened:
        outcome = await office.job()
        lost = replace(outcome, exit_code=7, report=None, error=DatabaseUnreachable("it is away"))
        await opened.database._pool.close()
        await office.teller.tell(opened, lost)
    assert [(said["event"], said["message"]) for said in office.heard()] == [("failed", "it is away")]
    assert await office.night() == ["recovered"]


async def test_heartbeats(office: Office, monitor: Monitor, stage: Stage) -> None:
    """The URL after a good run, /fail after a failed one, nothing where another run holds the lock."""
    office.notify["heartbeat_url"] = monitor.url
    await office.job()
    stage.instance["token"] = "wrong"
    await office.job()
    assert monitor.calls == ["GET /secret-uuid", "GET /secret-uuid/fail"]
    async with stage.rooms() as rooms, writing(rooms.database, "main", "test", rooms.clock):
        assert (await office.job()).exit_code == 6
    assert len(monitor.calls) == 2


async def test_a_heartbeat_that_is_not_heard(
    office: Office, monitor: Monitor, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again; then it is logged without the URL, which is a secret."""
    monkeypatch.setattr(heartbeat, "PAUSES", (0.0, 0.0))
    office.notify["heartbeat_url"] = monitor.url
    monitor.statuses = [500]
    assert (await office.job()).exit_code == 0
    assert len(monitor.calls) == 2
    monitor.statuses = [500, 404, 302]
    with caplog.at_level(logging.DEBUG):
        assert (await office.job()).exit_code == 0
    assert "the heartbeat was not heard" in caplog.text
    assert "secret-uuid" not in caplog.text


async def test_the_textfile(office: Office, stage: Stage, tmp_path: Path) -> None:
    """As a whole, and readable; after a failed run the time of the last success stands still."""
    path = tmp_path / "sync_worker.prom"
    office.more["metrics"] = {"textfile": str(path)}
    await office.job()
    good = figures(path)
    assert good["sync_worker_last_run_exit_code", "main"] == 0
    assert good["sync_worker_last_run_users", "main"] == 100
    assert good["sync_worker_last_success_timestamp_seconds", "main"] == pytest.approx(
        office.clock.now().timestamp(), abs=60
    )
    stage.instance["token"] = "wrong"
    await office.job()
    bad = figures(path)
    assert bad["sync_worker_last_job_exit_code", "main"] == 5
    name = "sync_worker_last_success_timestamp_seconds"
    assert bad[name, "main"] == good[name, "main"]
    assert sorted(os.listdir(tmp_path)) == ["code", "said", path.name]  # noqa: PTH208  (no blocking Path here)


async def test_all_may_read_the_textfile(office: Office, tmp_path: Path) -> None:
    """The node exporter is another user; our units have a mask that would hide the file from it."""
    path = tmp_path / "sync_worker.prom"
    office.more["metrics"] = {"textfile": str(path)}
    before = os.umask(0o077)
    try:
        await office.job()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644


async def test_a_textfile_without_the_database(office: Office, tmp_path: Path) -> None:
    """It says that, and how the job ended."""
    path = tmp_path / "sync_worker.prom"
    office.more["metrics"] = {"textfile": str(path)}
    async with office.opened() as opened:
        outcome = await office.job()
        await opened.database._pool.close()
        await after_job(opened, (replace(outcome, exit_code=7),), office.teller)
    found = figures(path)
    assert (found["sync_worker_database_up", ""], found["sync_worker_last_job_exit_code", "main"]) == (0, 7)
    assert ("sync_worker_last_success_timestamp_seconds", "main") not in found


async def test_a_run_that_was_killed_has_no_exit_code(office: Office, stage: Stage, tmp_path: Path) -> None:
    """It is not 0: nobody knows it."""
    path = tmp_path / "sync_worker.prom"
    office.more["metrics"] = {"textfile": str(path)}
    await office.job("backfill")
    async with office.opened() as opened, opened.database.session() as session:
        await session.connection.execute(
            "INSERT INTO worker.runs (instance, kind, status, users_spec, source_fingerprint, started_at, "
            "program_version, host, pid, started_by) "
            "VALUES ('main', 'run', 'running', ARRAY['account:self'], '', now(), 'x', 'h', 1, 'me')"
        )
        await session.execute("interrupt_runs", "main", opened.clock.now())
    await office.prune()
    found = figures(path)
    assert "sync_worker_last_run_timestamp_seconds" in {name for name, _ in found}
    assert "sync_worker_last_run_exit_code" not in {name for name, _ in found}
    assert await stage.value("SELECT status FROM worker.runs ORDER BY id DESC LIMIT 1") == "interrupted"


async def test_a_textfile_that_cannot_be_written(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and no more."""
    office.more["metrics"] = {"textfile": "/nowhere/x.prom"}
    assert (await office.job()).exit_code == 0
    assert "textfile cannot be written" in caplog.text


def figures(path: Path) -> dict[tuple[str, str], float]:
    """Samples without labels of their own, by name and instance."""
    return {
        (sample.name, sample.labels.get("instance", "")): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
        if set(sample.labels) <= {"instance", "job"}
    }


async def test_what_an_apply_withholds(office: Office) -> None:
    """Told in figures: its own sentences name addresses."""
    document = office.folder / "desired.csv"
    rows = "".join(f"{user},email,new{user}@x.example,present\n" for user in office.stage.ids[40:43])
    document.write_text(f"user,type,address,state\n{rows}")
    office.stage.instance |= {
        "desired": {"file": str(document), "apply": "auto"}, "guards": {"max_creates": 2},
    }  # fmt: skip
    outcome = await office.job()
    (said,) = office.heard()
    assert (outcome.exit_code, said["event"], said["exit_code"]) == (4, "withheld", 4)
    assert said["message"] == "apply of plan 1: 3 withheld; see worker.actions"
    assert await office.night() == []

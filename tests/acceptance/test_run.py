"""`run` and `backfill` as people and cron see them: exit codes, messages, logs; kills and signals."""

import asyncio
import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from sync_worker.clock import Clock, deadline
from sync_worker.mirror.database import connect
from sync_worker.sandbox import Fault, FaultKind, Sandbox
from tests.integration.flows.harness import expected, fetch, live, quick
from tests.integration.flows.processes import (
    TOKEN,
    Program,
    SandboxProcess,
    configured,
    sandbox_process,
    wait_until,
)
from tests.integration.mirror.wire import proxied


@pytest.fixture
def canvas(tmp_path: Path) -> Any:
    """Two hundred users, in a process of its own."""
    with sandbox_process(tmp_path, 200) as running:
        yield running


@pytest.fixture
def program(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> Program:
    """The command line, configured for both."""
    return configured(tmp_path, database_url, canvas.base_url)


def events(text: str) -> list[dict[str, Any]]:
    """Log lines; whatever is not JSON fails the test."""
    return [json.loads(line) for line in text.splitlines() if not line.startswith("sync-worker: ")]


async def batches_done(database_url: str) -> set[int]:
    """The users of finished batches."""
    rows = await fetch(database_url, "SELECT unnest(user_ids) AS id FROM worker.batches WHERE status = 'done'")
    return {row["id"] for row in rows}


async def test_a_run_from_outside(program: Program, canvas: SandboxProcess, database_url: str) -> None:
    """Exit 0, a summary on stdout; JSON lines on stderr, each with instance and run, one of them canonical."""
    done = program.run("run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"main: run 1 done ({canvas.base_url})\n")
    assert "200: 200 read (coverage 100.0 %)" in done.stdout
    lines = events(done.stderr)
    assert [line["event"] for line in lines] == ["run started", "run finished"]
    assert {(line["instance"], line["run"], line["level"]) for line in lines} == {("main", 1, "info")}
    last = lines[-1]
    assert (last["status"], last["exit_code"], last["users_done"], last["findings"]) == ("done", 0, 200, [])
    assert last["requests"] == canvas.ask("GET", "counters")["requests"]
    assert await live(database_url) == expected(canvas.many("GET", "channels"))


@pytest.mark.long
async def test_the_token_is_nowhere(program: Program, canvas: SandboxProcess, database_url: str) -> None:
    """Not in output, logs or tables, whatever went wrong; and no address is in a log."""
    outputs = [program.run("--log-level", "debug", "run")]
    canvas.ask("POST", "faults", route="list_channels", user_share=0.1, status=400, body=_echo())
    outputs.append(program.run("--log-level", "debug", "run"))
    canvas.ask("DELETE", "faults")
    canvas.ask("POST", "tokens", do="expire_after", token=TOKEN, requests=30)
    outputs.append(program.run("--log-level", "debug", "run"))
    assert [output.returncode for output in outputs] == [0, 8, 5]
    said = "".join(output.stdout + output.stderr for output in outputs)
    assert TOKEN not in said
    assert "@" not in "".join(output.stderr for output in outputs).replace("***@", "")
    tables = await fetch(
        database_url,
        "SELECT format('%I.%I', table_schema, table_name) AS name "
        "FROM information_schema.tables WHERE table_schema IN ('mirror', 'worker')",
    )
    assert len(tables) >= 9
    for table in tables:
        rows = await fetch(database_url, f"SELECT to_jsonb(t)::text AS row FROM {table['name']} t")  # noqa: S608
        assert TOKEN not in "".join(row["row"] for row in rows)


def _echo() -> str:
    return json.dumps({"errors": [{"message": f"Bearer {TOKEN} for someone@example.com"}]})


@pytest.mark.long
async def test_killed_twice_then_finished(program: Program, canvas: SandboxProcess, database_url: str) -> None:
    """`kill -9` in the middle of a backfill, again, and then to the end: what was written is not fetched again."""
    canvas.ask("POST", "faults", kind="hang", seconds=0.2, route="list_channels")
    written: set[int] = set()
    for _ in range(2):
        canvas.ask("DELETE", "counters")
        with program.started("backfill") as running:
            await _progressed(database_url, len(written) + 40)
            running.send_signal(signal.SIGKILL)
            assert running.wait(60) == -signal.SIGKILL
        assert not set(canvas.lists()) & written
        written = await batches_done(database_url)
        assert 0 < len(written) < 200
        so_far = re.search(r"(\d+) of \d+ users so far, 0 failed", program.run("status").stdout)
        assert so_far is not None
        assert len(written) <= int(so_far[1]) < 200
    canvas.ask("DELETE", "faults")
    canvas.ask("DELETE", "counters")
    done = program.run("backfill")
    assert (done.returncode, "backfill 1 done, resumed" in done.stdout) == (0, True), done.stderr
    assert set(canvas.lists()) == {user["id"] for user in canvas.many("GET", "users")} - written
    assert await live(database_url) == expected(canvas.many("GET", "channels"))
    assert [row["count"] for row in await fetch(database_url, "SELECT count(*) FROM mirror.channel_history")] == [0]


async def _progressed(database_url: str, users: int) -> None:
    deadline = time.perf_counter() + 60
    while len(await batches_done(database_url)) < users:
        assert time.perf_counter() < deadline


async def test_a_signal_before_the_run_has_begun(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """While the database accepts and never answers: there is nothing to end gently."""
    async with proxied(database_url) as proxy:
        proxy.flows.clear()
        with configured(tmp_path, proxy.url, canvas.base_url).started("run") as running:
            await _until(lambda: bool(proxy.writers))
            await _terminated(running)


async def test_a_signal_while_the_lock_is_waited_for(
    program: Program, database_url: str, canvas: SandboxProcess
) -> None:
    """A transaction of a writer before is still open."""
    async with connect(database_url) as database, database.transaction() as session:
        await session.connection.execute("INSERT INTO worker.instances (instance) VALUES ('main')")
        with program.started("run") as running:
            waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            async with deadline(20):
                while not await fetch(database_url, waiting):
                    await Clock().sleep(0.02)
            await _terminated(running)
    assert canvas.ask("GET", "counters")["requests"] == 0


async def _until(met: Any) -> None:
    async with deadline(20):
        while not met():
            await Clock().sleep(0.02)


async def _terminated(running: subprocess.Popen[str]) -> None:
    """It ends soon after a signal, and says why."""
    running.send_signal(signal.SIGTERM)
    async with deadline(60):
        while running.poll() is None:
            await Clock().sleep(0.02)
    _, said = running.communicate()
    assert running.returncode == 143, said
    assert "stopped by a signal" in said


@pytest.mark.long
@pytest.mark.sampled("15-143")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_gentle_end(
    program: Program, canvas: SandboxProcess, database_url: str, signum: signal.Signals, code: int
) -> None:
    """The first signal ends the run within the grace period, and what was read is kept."""
    patient(program)
    canvas.ask("POST", "faults", kind="hang", seconds=0.3, route="list_channels")
    with program.started("run") as running:
        wait_until(lambda: len(canvas.lists()) > 60)
        running.send_signal(signum)
        out, err = running.communicate(timeout=50)
    assert (running.returncode, out) == (code, "")
    assert "what was read is kept, and the same command goes on from there" in err
    assert events(err)[-1]["event"] == "run stopped"
    (run,) = await fetch(database_url, "SELECT status, exit_code FROM worker.runs")
    assert run == {"status": "interrupted", "exit_code": code}
    read, lists = await batches_done(database_url), canvas.lists()
    assert 60 <= len(read) < 200
    assert all(lists[user] < 3 for user in set(lists) - read)  # of lists with three pages
    assert len(set(lists) - read) <= 2
    canvas.ask("DELETE", "faults")
    canvas.ask("DELETE", "counters")
    assert program.run("run").returncode == 0
    assert not set(canvas.lists()) & read
    assert await live(database_url) == expected(canvas.many("GET", "channels"))


def patient(program: Program) -> None:
    """Give the program a grace period of a minute."""
    (program.folder / "c.toml").write_text((program.folder / "c.toml").read_text().replace("'2s'", "'60s'"))


@pytest.mark.long
def test_a_second_signal_does_not_wait(program: Program, canvas: SandboxProcess) -> None:
    """Who asks twice means it."""
    canvas.ask("POST", "faults", kind="hang", seconds=30, route="list_channels")
    patient(program)
    with program.started("run") as running:
        wait_until(lambda: len(canvas.lists()) >= 3)
        running.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(0.5)
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 143  # before a request that hangs ends by itself


def test_a_second_run_beside_a_first(program: Program, canvas: SandboxProcess) -> None:
    """Exit 6, with the holder's command and process; Canvas hears nothing of it."""
    canvas.ask("POST", "faults", kind="hang", seconds=30, route="list_channels")
    with program.started("backfill") as running:
        wait_until(lambda: len(canvas.lists()) >= 3)
        running.send_signal(signal.SIGSTOP)  # it keeps the lock, and sends nothing that could be taken for the second's
        time.sleep(0.3)  # noqa: TID251  (for what is on its way)
        before = canvas.ask("GET", "counters")["requests"]
        second = program.run("run")
        assert second.returncode == 6
        assert f"process {running.pid}" in second.stderr
        assert "`backfill`" in second.stderr
        assert canvas.ask("GET", "counters")["requests"] == before


@pytest.mark.long
def test_exit_codes(program: Program, canvas: SandboxProcess) -> None:
    """Each kind of end has its code and says what to do next."""
    assert program.run("run", SYNC_WORKER_DATABASE__URL="postgresql://127.0.0.1:1/none").returncode == 7
    assert program.run("run", "--users", "nobody").returncode == 2
    assert program.run("run").returncode == 0
    canvas.ask("POST", "faults", kind="empty_list", route="list_channels")
    held = program.run("run")
    assert held.returncode == 8
    assert "sync-worker pending accept 2" in held.stdout
    listed = program.run("pending", "list").stdout
    assert "run 2" in listed
    (why,) = re.findall(r"^  why:  (.*)$", listed, re.MULTILINE)
    assert (why.startswith("not one channel in the answers for "), "pending" in why) == (True, False)
    canvas.ask("DELETE", "faults")
    accepted = program.run("pending", "accept", "2")
    assert (accepted.returncode, "0 confirmed by a second read" in accepted.stdout) == (0, True)
    assert program.run("pending", "accept", "2").returncode == 2
    channels = canvas.many("GET", "channels")
    for channel in channels[50:54]:
        canvas.many("POST", "mutate", do="retire", channel_id=channel["id"])
    braked = program.run("run", "--max-tombstones", "3")
    assert braked.returncode == 4
    assert "option --max-tombstones" in braked.stdout
    done = program.run("run", "--max-tombstones", "1001")
    assert (done.returncode, "4 confirmed by a second read" in done.stdout) == (0, True)
    canvas.ask("POST", "faults", route="list_channels", user_share=0.03, status=500)
    assert program.run("run").returncode == 3
    canvas.ask("POST", "tokens", do="revoke", token=TOKEN)
    refused = program.run("run")
    assert refused.returncode == 5
    assert "Make a new token" in refused.stderr
    assert f"Canvas refused the access token of {program.folder / 'token'}: status 401" in refused.stderr


@pytest.mark.long
async def test_instances_one_after_the_other(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """One that fails does not stop the next; each line of the log names its own instance and run."""
    second = f"[instances.second]\nbase_url = '{canvas.base_url}'\ntoken_file = 'token'\nusers = ['self']\n"
    program = configured(tmp_path, database_url, "http://127.0.0.1:1", instance=second)
    done = program.run("run")
    assert done.returncode == 7
    assert "second: run 2 done" in done.stdout
    assert {(line["instance"], line["run"]) for line in events(done.stderr)} == {("second", 2)}
    rows = await fetch(database_url, "SELECT id, instance, status, exit_code FROM worker.runs ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [(1, "main", "failed", 7), (2, "second", "done", 0)]


@pytest.mark.long
async def test_a_signal_before_the_second_instance(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """The instance that is at work ends, the next is not begun, and the exit code is the signal's."""
    second = f"[instances.second]\nbase_url = '{canvas.base_url}'\ntoken_file = 'token'\nusers = ['self']\n"
    program = configured(tmp_path, database_url, canvas.base_url, instance=second)
    canvas.ask("POST", "faults", kind="hang", seconds=0.3, route="list_channels")
    with program.started("run") as running:
        wait_until(lambda: len(canvas.lists()) > 30)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 130
    assert [row["instance"] for row in await fetch(database_url, "SELECT instance FROM worker.runs")] == ["main"]


async def test_the_user_agent(tmp_path: Path, database_url: str) -> None:
    """A Canvas that refuses this program: exit 2, with what to set."""
    async with Sandbox(quick(users=20)) as sandbox:
        sandbox.add_fault(
            Fault(kind=FaultKind.STATUS, route="list_channels", status=403, body="Forbidden: a User-Agent is required")
        )
        sandbox.add_token(TOKEN, role=sandbox.options.token_role)
        program = configured(tmp_path, database_url, sandbox.base_url)
        done = await asyncio.to_thread(program.run, "run")
    assert done.returncode == 2
    assert "user_agent_contact" in done.stderr

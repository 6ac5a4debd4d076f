"""`schedule` as systemd sees it: a process that begins what is owed, serves, and ends cleanly on a signal."""

import asyncio
import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.integration.flows.harness import expected, fetch, live
from tests.integration.flows.processes import (
    Program,
    SandboxProcess,
    configured,
    environment,
    sandbox_process,
    wait_until,
)

NIGHTLY = "[web]\nbind = '127.0.0.1:0'\n[[schedule]]\njob = 'run'\ncron = '15 3 * * *'\ngrace = '7d'\n"
OWED = (
    "INSERT INTO worker.schedule (job, due_at, started_at, finished_at) "
    "SELECT 'run 15 3 * * * UTC main', t, t, t FROM (SELECT now() - interval '2 days' AS t) AS past"
)
"""The machine was off for two nights."""


@pytest.fixture
def canvas(tmp_path: Path) -> Any:
    """A hundred users, in a process of its own."""
    with sandbox_process(tmp_path, 100) as running:
        yield running


@pytest.fixture
def program(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> Program:
    """The command line with a nightly job."""
    return configured(tmp_path, database_url, canvas.base_url, more=NIGHTLY)


class Service:
    """The process, and the socket of who started it."""

    def __init__(self, process: "subprocess.Popen[bytes]", notify: socket.socket, log: Path) -> None:
        self.process = process
        self._notify = notify
        self._log = log

    def told(self) -> str:
        """The next thing that it says to systemd."""
        return self._notify.recv(1000).decode()

    def log(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def events(self) -> list[str]:
        return [line["event"] for line in self.log()]

    def get(self, path: str) -> tuple[int, str]:
        address = next(line["address"] for line in self.log() if line["event"] == "serving")
        try:
            with urlopen(address + path, timeout=20) as answer:  # noqa: S310  (it speaks http)
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


@contextmanager
def running(program: Program, **environ: str) -> Iterator[Service]:
    """`sync-worker schedule`, as a service of type notify."""
    log = program.folder / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, log.open("w") as stderr:
        notify.settimeout(60)
        (program.folder / "notify").unlink(missing_ok=True)
        notify.bind(str(program.folder / "notify"))
        env = {**environment(), "NOTIFY_SOCKET": str(program.folder / "notify"), **environ}
        command = program.command("schedule")
        with subprocess.Popen(command, cwd=program.folder, env=env, stdin=subprocess.DEVNULL, stderr=stderr) as process:
            try:
                yield Service(process, notify, log)
            finally:
                process.kill()


async def test_a_night_that_was_missed(program: Program, canvas: SandboxProcess, database_url: str) -> None:
    """It is caught up at the start; everything is served; SIGTERM ends it with 143; systemd is told all the way."""
    await fetch(database_url, OWED)
    with running(program) as service:
        assert service.told().startswith("READY=1\nSTATUS=1 ")
        wait_until(lambda: "job ended" in service.events())
        assert await live(database_url) == expected(canvas.many("GET", "channels"))
        assert service.get("/healthz") == (200, "ok\n")
        assert service.get("/readyz")[0] == 200
        assert "main: Fresh" in service.get("/")[1]
        assert re.search(
            r'sync_worker_runs_total\{exit_code="0",instance="main",job="run"\} 1\.0', service.get("/metrics")[1]
        )
        service.process.send_signal(signal.SIGTERM)
        assert service.told().startswith("STOPPING=1")
        assert service.process.wait(30) == 143
        events = service.events()
    assert [event for event in events if event in {"job begins", "run started", "run finished", "job ended"}] == [
        "job begins", "run started", "run finished", "job ended",
    ]  # fmt: skip
    assert events[-1] == "schedule ended"
    (row,) = await fetch(database_url, "SELECT finished_at IS NOT NULL AS ended, exit_code FROM worker.schedule")
    assert row == {"ended": True, "exit_code": 0}


@pytest.mark.long
async def test_sigterm_in_the_middle(program: Program, canvas: SandboxProcess, database_url: str) -> None:
    """What is at work gets the grace period; the next start goes on with it, from where it was."""
    await fetch(database_url, OWED)
    canvas.ask("POST", "faults", kind="hang", seconds=0.3, route="list_channels")
    with running(program) as service:
        wait_until(lambda: sum(canvas.lists().values()) > 25)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(30) == 143
        assert "run stopped" in service.events()
        (stopped,) = [line for line in service.log() if line["event"] == "job stopped by a signal"]
        assert (stopped["level"], stopped["exit_code"]) == ("info", 143)
        assert "error" not in {line["level"] for line in service.log()}
    (run,) = await fetch(database_url, "SELECT status, exit_code FROM worker.runs")
    assert run == {"status": "interrupted", "exit_code": 143}
    canvas.ask("DELETE", "faults")
    with running(program) as service:
        wait_until(lambda: "job ended" in service.events())
        (started,) = [line for line in service.log() if line["event"] == "run started"]
        assert started["resumed"]
    assert await live(database_url) == expected(canvas.many("GET", "channels"))


@pytest.mark.long
async def test_a_second_signal_does_not_wait(program: Program, canvas: SandboxProcess, database_url: str) -> None:
    """Nor does it hang: exit code 130 at once."""
    await fetch(database_url, OWED)
    canvas.ask("POST", "faults", kind="hang", seconds=60, route="list_channels")
    with running(program) as service:
        wait_until(lambda: "run started" in service.events())
        service.process.send_signal(signal.SIGINT)
        assert service.told().startswith("READY=1")
        assert service.told().startswith("STOPPING=1")
        service.process.send_signal(signal.SIGINT)
        assert service.process.wait(20) == 130


async def test_the_watchdog_hears_from_it(program: Program) -> None:
    """Some times within the limit."""
    with running(program, WATCHDOG_USEC="600000") as service:
        told = [service.told() for _ in range(4)]
        assert told.count("WATCHDOG=1") >= 3


@pytest.mark.long
async def test_a_scheduler_that_meets_a_lock(program: Program, database_url: str, canvas: SandboxProcess) -> None:
    """The job ends with 6, which is logged; the scheduler lives on."""
    await fetch(database_url, OWED)
    canvas.ask("POST", "faults", kind="hang", seconds=60, route="list_channels")
    with program.started("backfill") as other:
        wait_until(lambda: bool(canvas.lists()))
        with running(program) as service:
            wait_until(lambda: "job ended" in service.events())
            (ended,) = [line for line in service.log() if line["event"] == "job ended"]
            assert ended["exit_code"] == 6
            assert service.get("/readyz")[0] == 200
        other.kill()


@pytest.mark.long
def test_nothing_to_do(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """Without a job it says what to write, with exit code 2; so it does where the port is taken."""
    done = configured(tmp_path, database_url, canvas.base_url).run("schedule")
    assert (done.returncode, done.stdout) == (2, "")
    assert "there is no job to run. Write a table [[schedule]]" in done.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        program = configured(tmp_path, database_url, canvas.base_url, more=NIGHTLY.replace("127.0.0.1:0", bind))
        done = program.run("schedule")
    assert done.returncode == 2
    assert f"web.bind: cannot serve at {bind}" in done.stderr


def test_a_wrong_expression(tmp_path: Path, database_url: str) -> None:
    """It is found when the configuration is read, with file, line and field."""
    more = "[[schedule]]\njob = 'run'\ncron = '61 3 * * *'\n"
    done = configured(tmp_path, database_url, "http://localhost", more=more).run("validate")
    assert done.returncode == 2
    assert re.search(r"c\.toml:\d+: \[\[schedule\]\] 1: cron: minute: '61' is not one of 0 to 59", done.stderr)


@pytest.mark.long
async def test_a_crontab_user_is_told_too(tmp_path: Path, database_url: str, canvas: SandboxProcess) -> None:
    """`run` tells the command and writes the textfile; a run over a choice of one's own tells nobody."""
    more = "[notify]\ncommand = ['sh', '-c', 'cat >>said']\n[metrics]\ntextfile = 'x.prom'\n"
    program = configured(tmp_path, database_url, canvas.base_url, more=more)
    canvas.ask("POST", "faults", route="list_channels", status=400)
    assert program.run("run", "--users", "id:1005").returncode == 8
    assert not (tmp_path / "said").exists()
    assert program.run("run").returncode == 8
    said = json.loads((tmp_path / "said").read_text())
    assert (said["event"], said["job"], said["exit_code"]) == ("failed", "run", 8)
    assert "sync_worker_last_success_timestamp_seconds" in (tmp_path / "x.prom").read_text()


@pytest.mark.long
def test_a_second_one_while_the_first_is_at_work(
    program: Program, canvas: SandboxProcess, database_url: str, tmp_path: Path
) -> None:
    """It begins nothing; when the first one has been killed, a third goes on with the run."""
    asyncio.run(fetch(database_url, OWED))
    (tmp_path / "two").mkdir()
    second = configured(tmp_path / "two", database_url, canvas.base_url, more=NIGHTLY)
    canvas.ask("POST", "faults", kind="hang", seconds=600, route="list_channels", first=26)
    with running(program):
        wait_until(lambda: canvas.ask("GET", "counters")["faults"] > 0)
        with running(second) as other:
            wait_until(lambda: "another scheduler is at it" in other.events())
            assert "job begins" not in other.events()
    wait_until(lambda: not asyncio.run(fetch(database_url, "SELECT FROM pg_locks WHERE locktype = 'advisory'")))
    canvas.ask("DELETE", "faults")
    with running(second) as third:
        wait_until(lambda: "job ended" in third.events())
        (started,) = [line for line in third.log() if line["event"] == "run started"]
        assert started["resumed"]
    rows = asyncio.run(fetch(database_url, "SELECT status FROM worker.runs"))
    assert [row["status"] for row in rows] == ["done"]

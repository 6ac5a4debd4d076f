"""Every command on a database that cannot hold every address: one clear message, exit 2, nothing written or sent."""

import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cluster
from tests.integration.flows.processes import SandboxProcess, configured, sandbox_process
from tests.integration.mirror.encodings import encoded, schemas

SCHEDULED = "[web]\nbind = '127.0.0.1:0'\n[[schedule]]\njob = 'run'\ncron = '15 3 * * *'\n"
DOCUMENT = "user,type,address,state\n1001,email,ä@school.example,present\n"
COMMANDS = (
    "db migrate", "db status", "db rebind", "run", "run --apply auto --desired d.csv", "backfill", "schedule",
    "plan --desired d.csv", "apply 1 --yes", "undo 1 --yes", "channels create 1001 a@school.example --yes",
    "channels delete 1001 1 --yes", "channels list 1001 --mirror", "pending list", "pending accept 1", "plans list",
    "prune", "forget 1001 --yes", "status", "check", "report", "report channels", "report person 1001", "export",
)  # fmt: skip


@pytest.fixture(scope="module")
def canvas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """A school that nobody may change, nor even ask."""
    with sandbox_process(tmp_path_factory.mktemp("canvas"), 30) as running:
        yield running


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
async def url(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[str]:
    """A database in another encoding."""
    async with encoded(cluster, request.param) as url:
        yield url


def refuses(done: Any) -> None:
    """What happened, and the statement that mends it."""
    assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
    assert "the database's encoding is " in done.stderr, done.stderr
    assert "ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0" in done.stderr


@pytest.mark.long
async def test_every_command_refuses(tmp_path: Path, cluster: Cluster, canvas: SandboxProcess) -> None:
    """Those that write as well as those that read; Canvas hears nothing."""
    canvas.ask("DELETE", "counters")
    (tmp_path / "d.csv").write_text(DOCUMENT)
    async with encoded(cluster, "SQL_ASCII") as url:
        program = configured(tmp_path, url, canvas.base_url, more=SCHEDULED)
        with ThreadPoolExecutor(4) as threads:
            for done in threads.map(lambda command: program.run(*command.split()), COMMANDS):
                refuses(done)
        assert await schemas(url) == set()
        line = program.run("check", "--format", "nagios")
    assert canvas.ask("GET", "counters")["requests"] == 0
    assert (line.returncode, line.stdout.count("the database's encoding is ")) == (3, 1)


async def test_doctor_says_so(tmp_path: Path, url: str, canvas: SandboxProcess) -> None:
    """As a finding with its remedy; what needs the database is not checked."""
    program = configured(tmp_path, url, canvas.base_url)
    told = json.loads(program.run("doctor", "--format", "json").stdout)
    assert told["exit_code"] == 2
    by_name = {check["name"]: check for check in told["checks"]}
    assert by_name["database"]["state"] == "failure"
    assert "TEMPLATE template0" in by_name["database"]["remedy"]
    assert by_name["schema"]["finding"] == "not checked, because of: database"


@pytest.mark.long
async def test_the_way_around_the_pooler(tmp_path: Path, database_url: str, url: str, canvas: SandboxProcess) -> None:
    """`direct_url` may lead to another database than `url`."""
    canvas.ask("DELETE", "counters")
    program = configured(tmp_path, database_url, canvas.base_url, more=SCHEDULED)
    around = {"SYNC_WORKER_DATABASE__DIRECT_URL": url}
    (tmp_path / "d.csv").write_text(DOCUMENT)
    for command in (
        "run",
        "backfill",
        "plan --desired d.csv",
        "channels create 1001 a@school.example --yes",
        "prune",
        "schedule",
    ):
        refuses(program.run(*command.split(), **around))
    assert await schemas(url) == set()
    told = json.loads(program.run("doctor", "--format", "json", **around).stdout)
    direct = next(check for check in told["checks"] if check["name"] == "direct connection")
    assert (told["exit_code"], direct["state"]) == (2, "failure")

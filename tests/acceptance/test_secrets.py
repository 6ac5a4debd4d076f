"""No secret leaves the program by its streams, files, tables or the list of processes, whatever goes wrong."""

import asyncio
import html
import json
import os
import shlex
from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg
import pytest

from sync_worker.sandbox import Fault, Role, Sandbox
from tests.integration.flows.harness import quick
from tests.integration.flows.processes import Program, wait_until

SECRETS: Final[Mapping[str, str]] = {
    "read token": "7~GeheimRead1f6e/+=",
    "write token": "7~GeheimWrite2a7d/+=",
    "client secret": "GeheimClient3b8c/+=",
    "refresh token": "GeheimRefresh4c9b/+=",
    "database password": "GeheimPassword5d0a",
    "access token": "sandbox-access-token-",  # with a number
}
KEPT_IN: Final = ("c.toml", "read", "write", "client", "refresh", "sitecustomize.py")
"""The files that the test has put secrets into."""

CONTROL: Final = "Findable6e1b"
BUG: Final = """
import asyncio
from sync_worker.canvas import wire

def broken(body, asked):
    raise RuntimeError("a mistake with " + open("read").read() + " of Bearer GeheimRead1f6e")

wire.read_channels = broken
"""


def forms(secret: str) -> set[str]:
    """A secret as it is, and as it would look in an address, a page, JSON or a header for basic authentication."""
    encoded = b64encode(secret.encode()).decode()
    return {secret, quote(secret), quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1], encoded}


def found(text: str) -> set[str]:
    """The secrets that are in a text, in any form."""
    return {name for name, secret in SECRETS.items() if any(form in text for form in forms(secret))}


@dataclass
class Worker:
    """The program between a Canvas and a database, both with secrets; keeps all that it said."""

    program: Program
    sandbox: Sandbox
    database_url: str
    said: list[str] = field(default_factory=list)

    async def run(self, command: str, code: int, **environ: str) -> str:
        """One command line; it must end with this code."""
        done = await asyncio.to_thread(self.program.run, *shlex.split(command), **environ)
        self.said += [done.stdout, done.stderr]
        assert done.returncode == code, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def fault(self, **fields: object) -> None:
        """This trouble alone."""
        self.sandbox.clear_faults()
        self.sandbox.add_fault(Fault(**fields))  # type: ignore[arg-type]  # the fields of a fault

    def files(self) -> dict[str, str]:
        """What the program has left in its folder, by name."""
        paths = (path for path in self.program.folder.rglob("*") if path.is_file() and path.name not in KEPT_IN)
        return {path.name: path.read_bytes().decode(errors="replace") for path in paths}

    async def tables(self) -> str:
        """Every row of every table and view that is not PostgreSQL's own, and what it knows of its clients."""
        connection = await asyncpg.connect(self.database_url)
        try:
            names = await connection.fetch(
                "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') "
                "AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
            )
            assert len(names) > 12
            rows = [
                await connection.fetch(f"SELECT t::text AS row FROM {name} t")  # noqa: S608  (names of tables)
                for name in [*(row["name"] for row in names), "pg_stat_activity", "pg_db_role_setting"]
            ]
        finally:
            await connection.close()
        return "\n".join(row["row"] for each in rows for row in each)


@asynccontextmanager
async def working(folder: Path, database_url: str) -> AsyncIterator[Worker]:
    """Two instances at one Canvas: one with tokens for reading and for writing, one that renews them."""
    for name in ("read", "write", "client", "refresh"):
        (folder / name).write_text(SECRETS[f"{name} {'secret' if name == 'client' else 'token'}"])
        (folder / name).chmod(0o600)
    options = quick(
        users=60,
        token=SECRETS["read token"],
        client_secret=SECRETS["client secret"],
        refresh_token=SECRETS["refresh token"],
        access_token_requests=45,
    )
    async with Sandbox(options) as sandbox:
        sandbox.add_token(SECRETS["write token"], role=Role.SITE_ADMIN)
        with_password = f"{database_url}&password={SECRETS['database password']}"
        (folder / "c.toml").write_text(
            f"[database]\nurl = {json.dumps(with_password)}\n"
            f"[metrics]\ntextfile = 'metrics.prom'\n[notify]\ncommand = ['tee', '-a', '{folder}/told']\n"
            f"[instances.main]\nbase_url = '{sandbox.base_url}'\nmax_attempts = 2\nbackoff_base = '10ms'\n"
            "token_file = 'read'\nwrite_token_file = 'write'\n"
            f"[instances.renewing]\nbase_url = '{sandbox.base_url}'\nmax_attempts = 2\nbackoff_base = '10ms'\n"
            "[instances.renewing.oauth]\n"
            f"client_id = '{options.client_id}'\nclient_secret_file = 'client'\nrefresh_token_file = 'refresh'\n"
        )
        (folder / "c.toml").chmod(0o600)
        yield Worker(program=Program(folder=folder), sandbox=sandbox, database_url=database_url)


@pytest.fixture
async def worker(tmp_path: Path, database_url: str) -> AsyncIterator[Worker]:
    """With a document that changes somebody."""
    async with working(tmp_path, database_url) as worker:
        user = next(u for u in list(worker.sandbox.school.users)[20:] if u < 10**9)
        (tmp_path / "desired.csv").write_text(f"user,type,address,state\n{user},email,new@x.example,present\n")
        yield worker


async def work(worker: Worker) -> None:
    """Everything that a good day has, said as much as possible."""
    user = (worker.program.folder / "desired.csv").read_text().splitlines()[1].split(",")[0]
    await worker.run("validate", 0)
    for instance, plan in (("main", 1), ("renewing", 3)):
        prefix = f"--instance {instance} --log-level debug"
        await worker.run(f"{prefix} run", 0)
        await worker.run(f"{prefix} plan --desired desired.csv --out plan-{instance}.json", 10)
        said = await worker.run(f"{prefix} apply {plan} --yes --reason {CONTROL}", 0)
        undo = said.split("sync-worker undo ")[1].split()[0]
        await worker.run(f"{prefix} undo {undo} --yes", 0)
    for form in ("html", "csv"):
        await worker.run(f"plans show 1 --format {form}", 0)
    debug = "--instance main --log-level debug"
    await worker.run(f"{debug} channels list {user}", 0)
    await worker.run(f"{debug} report person {user} --format json", 0)
    await worker.run(f"{debug} report --addresses -o page.html", 0)
    await worker.run(f"{debug} export --out export.yaml", 0)
    await worker.run("status --format json", 0)
    await worker.run("--instance main --log-level debug doctor --format json", 0)
    await worker.run("--instance renewing --log-level debug doctor", 0)
    await worker.run("check --format nagios", 0)
    for report in ("runs --format json", "actions --addresses", "freshness --format csv"):
        await worker.run(f"{debug} report {report}", 0)
    await worker.run("--log-format console --log-level debug run", 0)


async def trouble(worker: Worker) -> None:
    """Whatever makes a program talk: a Canvas that repeats what it was sent, refusals, a mistake of ours, an outage."""
    debug = "--log-level debug"
    echo = f"{SECRETS['read token']} and {SECRETS['database password']}"
    for body in (json.dumps({"errors": [{"message": echo}]}), f"Bearer {echo}"):
        worker.fault(route="list_channels", user_share=0.1, status=400, body=body)
        await worker.run(f"{debug} --instance main run", 8)
    echo = f"{SECRETS['client secret']} and {SECRETS['refresh token']}"
    worker.fault(route="list_channels", user_share=0.1, status=400, body=json.dumps({"message": echo}))
    await worker.run(f"{debug} --instance renewing run", 8)
    worker.fault(route="renew", status=400, body=json.dumps({"error": "invalid_grant", "error_description": echo}))
    await worker.run(f"{debug} --instance renewing run", 5)
    worker.fault(route="renew", status=503, body=json.dumps({"message": echo}))
    await worker.run(f"{debug} --instance renewing run", 7)
    worker.fault(kind="redirect", link="{base}/login?access_token=" + quote(SECRETS["read token"]))
    await worker.run(f"{debug} run", 7)
    worker.sandbox.clear_faults()
    path = os.pathsep.join(filter(None, (str(worker.program.folder), os.environ.get("PYTHONPATH"))))
    assert "Traceback" in await worker.run(f"{debug} run", 1, PYTHONPATH=path)
    refused = f"postgresql://me:{SECRETS['database password']}@127.0.0.1:1/none"
    await worker.run(f"{debug} run", 7, SYNC_WORKER_DATABASE__URL=refused)
    await worker.run(f"{debug} run", 2, SYNC_WORKER_DATABASE__URL=f"{refused}#@")
    await worker.run(f"{debug} run", 2, SYNC_WORKER_INSTANCES__MAIN__TOKEN=f"{SECRETS['read token']} {CONTROL}")
    worker.sandbox.tokens.revoke(SECRETS["read token"])
    await worker.run(f"{debug} --instance main run", 5)


async def command_lines(worker: Worker) -> list[str]:
    """What the list of processes shows of a run, and of whatever it starts."""
    worker.fault(kind="hang", seconds=60)
    with worker.program.started("run") as running:
        await asyncio.to_thread(wait_until, lambda: worker.sandbox.counters.faults)
        lines = [command_line(pid) for pid in (running.pid, *children(running.pid))]
    worker.sandbox.clear_faults()
    return lines


def command_line(pid: int) -> str:
    """What `ps` shows."""
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def everything(texts: Iterable[str]) -> str:
    """One text to look through."""
    return "\n".join(texts)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_no_secret_is_anywhere(worker: Worker) -> None:
    """Runs, plans, applies, undoes, reports and fails in many ways; then every trace of it is looked through."""
    (worker.program.folder / "sitecustomize.py").write_text(BUG)
    lines = everything(await command_lines(worker))
    await work(worker)
    await trouble(worker)
    said, files, tables = everything(worker.said), worker.files(), await worker.tables()
    assert {"plan-main.json", "plan-renewing.json", "export.yaml", "metrics.prom", "told"} <= set(files)
    for text in (said, lines, tables, *files.values()):
        assert found(text) == set()
    assert len(worker.sandbox.renewals.given) > 3


async def test_no_secret_on_a_bad_day(worker: Worker) -> None:
    """The short one: a run, a Canvas that repeats what it was sent, a token that is refused."""
    debug = "--log-level debug --instance main"
    await worker.run(f"{debug} run", 0)
    echo = f"Bearer {SECRETS['read token']} and {SECRETS['database password']}"
    worker.fault(route="list_channels", user_share=0.1, status=400, body=json.dumps({"errors": [{"message": echo}]}))
    await worker.run(f"{debug} run", 8)
    worker.sandbox.tokens.revoke(SECRETS["read token"])
    await worker.run(f"{debug} run", 5)
    for text in (everything(worker.said), await worker.tables(), *worker.files().values()):
        assert found(text) == set()


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_the_search_would_find_them(worker: Worker) -> None:
    """The same search finds what is meant to be there: in files, in tables, in what is said, in command lines."""
    folder = worker.program.folder
    kept = everything(path.read_text() for path in folder.iterdir())
    assert found(kept) == set(SECRETS) - {"access token"}
    assert "--config c.toml" in everything(await command_lines(worker))
    await worker.run("--instance main run", 0)
    await worker.run("--instance main plan --desired desired.csv --out plan.json", 10)
    await worker.run(f"--instance main apply 1 --yes --reason '{SECRETS['refresh token']} {CONTROL}'", 0)
    assert found(await worker.tables()) == {"refresh token"}
    assert CONTROL in await worker.tables()
    echo = f"{SECRETS['read token']} and {SECRETS['database password']}"
    worker.fault(route="list_channels", user_share=0.1, status=400, body=json.dumps({"message": echo}))
    await worker.run("--instance main run", 8)
    assert "[token] and [redacted]" in await worker.tables()
    for name, secret in SECRETS.items():
        for form in forms(secret):
            assert name in found(f"…{form}…")

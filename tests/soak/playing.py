"""The soak: a large school and every kind of trouble at once, and one plain run afterwards.

The sandbox and the worker are processes of their own. Users who were deleted before are named by a file. Each kind of
trouble strikes a part of all users once; more than a third of them cannot be read. What is checked is what the promises
say: whoever was answered is mirrored field by field, everybody else is named in `worker.failures`, and when the trouble
is over a plain run makes all equal.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.processes import Usage, measured, sandbox
from tests.integration.flows.consistency import contradictions
from tests.integration.flows.harness import Row, expected, fetch, live
from tests.integration.flows.processes import SandboxProcess
from tests.soak.trouble import faults, hopeless, strikes

BUCKET: Final = {"high_water_mark": 1e5, "maximum": 2e5, "outflow": 1e4, "mean_server_time": 0.0}
"""Never full: what the throttle model does about refusals costs time enough."""

ATTEMPTS: Final = 5
"""To read a page. On a busy machine one of them may fail by the time limit, without a fault."""

GONE: Final = 97
"""One user in so many is deleted before."""


@dataclass(frozen=True, kw_only=True)
class Soaked:
    """What the two runs came to."""

    users: int
    gone: int
    channels: int
    struck: Mapping[str, int]  # requests, by the name of the trouble
    requests: int  # that Canvas has seen
    first: Mapping[str, Any]  # the canonical line of the run in trouble
    second: Mapping[str, Any]  # and of the one after it
    named: Mapping[str, int]  # open failures after the first run, by kind
    usage: Usage
    usage_after: Usage

    def text(self) -> str:
        """Markdown."""
        figures = {
            "users, and of them gone": f"{self.users:,}, {self.gone:,}",
            "channels": f"{self.channels:,}",
            "requests": f"{self.requests:,}",
            "struck": f"{sum(self.struck.values()):,}",
            "sent again after trouble": f"{self.first['retries']:,}",
            "refused": f"{self.first['throttled']:,}",
            "users named": ", ".join(f"{count:,} {kind}" for kind, count in self.named.items()),
            "coverage": f"{self.first['coverage_percent']} %",
            "exit codes": f"{self.first['exit_code']}, then {self.second['exit_code']}",
            "seconds": f"{self.usage.seconds:,.0f}, then {self.usage_after.seconds:,.0f}",
            "peak memory of the worker": f"{self.usage.peak_mb:.0f} MB, then {self.usage_after.peak_mb:.0f} MB",
            "mirror": "equal for everybody who was answered, then for all",
        }
        return "\n".join(
            ["| soak | |", "| --- | ---: |"]
            + [f"| {name} | {figure} |" for name, figure in figures.items()]
            + ["", "| trouble | requests struck |", "| --- | ---: |"]
            + [f"| {name} | {count:,} |" for name, count in self.struck.items()]
        )


async def soak(users: int, database_url: str, folder: Path, *, part: float) -> Soaked:
    """Play it; every assertion is a promise.

    Args:
        users: how large the school is.
        database_url: an empty database with the schema.
        folder: for files.
        part: of all users, that each kind of trouble strikes.
    """
    async with sandbox(users, **BUCKET) as running:
        canvas = SandboxProcess(base_url=running.base_url)
        gone = _delete_some(canvas)
        config = _configured(folder, database_url, running.base_url, gone)
        for fault in faults(part):
            canvas.ask("POST", "faults", **fault)
        usage = await _run(config, code=3)
        counters = canvas.ask("GET", "counters")
        truth = expected(canvas.many("GET", "channels"))
        everybody = [user["id"] for user in canvas.many("GET", "users")]
        named = await _named(database_url, run=1)
        await _check_equal(database_url, truth, without=set(named))
        _check_named(named, everybody, part, owners={row["user_id"] for row in truth.values()})
        assert await contradictions(database_url, settled=False) == {}

        canvas.ask("DELETE", "faults")
        after = await _run(config, code=0)
        await _check_equal(database_url, truth, without=set())
        assert await _named(database_url, run=None) == {}
        assert await contradictions(database_url) == {}
        return Soaked(
            users=len(everybody),
            gone=len(gone),
            channels=len(truth),
            struck=dict(sorted(counters["by_fault"].items())),
            requests=counters["requests"],
            first=_canonical(usage.said),
            second=_canonical(after.said),
            named={kind: list(named.values()).count(kind) for kind in sorted(set(named.values()))},
            usage=usage,
            usage_after=after,
        )


def _delete_some(canvas: SandboxProcess) -> list[int]:
    users = [user["id"] for user in canvas.many("GET", "users")]
    gone = users[1::GONE]
    for user_id in gone:
        canvas.many("POST", "mutate", do="delete_user", user_id=user_id)
    return gone


def _configured(folder: Path, database_url: str, base_url: str, gone: Iterable[int]) -> Path:
    (folder / "gone.txt").write_text("".join(f"{user_id}\n" for user_id in gone))
    config = folder / "soak.toml"
    config.write_text(
        f"[database]\nurl = {json.dumps(database_url)}\n"
        f"[instances.main]\nbase_url = '{base_url}'\ntoken = 'sandbox-token'\n"
        "users = ['account:self', 'file:gone.txt']\nrequest_timeout = '4s'\nmax_body_mb = 1\n"
        f"max_attempts = {ATTEMPTS}\nbackoff_base = '50ms'\nbackoff_max = '1s'\nmax_concurrency = 128\n"
        "[run]\nbatch_size = 10000\n"  # a batch ends with its slowest user, and here many are slow
        "[brake]\nmin_coverage_percent = 50\n"
    )
    config.chmod(0o600)
    return config


async def _run(config: Path, *, code: int) -> Usage:
    options = ("--config", str(config), "--log-format", "json", "--log-level", "info", "--no-progress")
    return await measured(sys.executable, "-m", "sync_worker", *options, "run", code=code)


def _canonical(said: str) -> dict[str, Any]:
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (found,) = [line for line in lines if line.get("event") == "run finished"]
    return dict(found)


async def _named(database_url: str, *, run: int | None) -> dict[int, str]:
    """The users with an open failure, and its kind."""
    rows = await fetch(
        database_url,
        "SELECT user_id, kind FROM worker.failures WHERE resolved_at IS NULL AND run_id = coalesce($1, run_id)",
        run,
    )
    return {row["user_id"]: row["kind"] for row in rows}


async def _check_equal(database_url: str, truth: Mapping[int, Row], *, without: set[int]) -> None:
    """Field by field; nobody of `without` has been read before, so they have no rows."""
    rows = await live(database_url)
    due = {number: row for number, row in truth.items() if row["user_id"] not in without}
    assert rows.keys() == due.keys()
    wrong = [number for number, row in rows.items() if row != due[number]]
    assert wrong == []


def _check_named(named: Mapping[int, str], everybody: Iterable[int], part: float, *, owners: set[int]) -> None:
    """Whoever cannot be read, and of the others only whom every attempt failed.

    Who owns no channel may be read in spite of it: an empty list is right whatever is done to it, or slow.
    """
    due = {user_id for user_id in everybody if hopeless(user_id, part)}
    assert (due & owners) - named.keys() == set()
    unlucky = named.keys() - due
    assert {user_id for user_id in unlucky if strikes(user_id, part) < ATTEMPTS - 1} == set()

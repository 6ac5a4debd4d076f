"""A job that fails before its run begins: the ledger, the status, the monitor and the page know it in the morning."""

from pathlib import Path
from typing import Any

import pytest

from sync_worker.errors import UsageError
from sync_worker.flows.job import Job, Onlooker, pulling, run_job
from sync_worker.flows.look.freshness import Bounds, Level, weigh
from sync_worker.flows.look.page import look
from sync_worker.flows.look.vitals import read_vitals
from sync_worker.flows.stop import Stop
from sync_worker.sandbox import Fault
from tests.integration.service.office import Office

BAD_TOKEN = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}


async def remarks(office: Office) -> dict[str, Level]:
    """What a monitor is told."""
    async with office.opened() as opened:
        vitals = await read_vitals(opened.database, opened.clock, opened.settings.instance("main"))
    return {remark.text: remark.level for remark in weigh(vitals, Bounds(min_coverage=95))}


async def todos(office: Office) -> list[str]:
    """What the page asks of a person."""
    async with office.opened() as opened:
        overview = await look(opened, addresses=False)
    return [todo.text for todo in overview.instances[0].todos]


async def runs(office: Office) -> list[tuple[Any, ...]]:
    """Number, kind, status, exit code, specs; in their order."""
    rows = await office.stage.fetch("SELECT id, kind, status, exit_code, users_spec FROM worker.runs ORDER BY id")
    return [tuple(row.values()) for row in rows]


async def test_a_revoked_token(office: Office) -> None:
    """Each night leaves a row; the first good run makes everybody forget it."""
    await office.job("backfill")
    office.stage.sandbox.tokens.revoke(office.stage.sandbox.token)
    for _ in range(2):
        outcome = await office.job()
        assert (outcome.exit_code, outcome.progress.run_id) == (5, 0)
    users = ["account:self"]
    assert await runs(office) == [
        (1, "backfill", "done", 0, users), (2, "run", "failed", 5, users), (3, "run", "failed", 5, users),
    ]  # fmt: skip
    assert (await remarks(office))["failed: run 2, 3 (exit code 5)"] is Level.WARNING
    (todo,) = await todos(office)
    assert todo.startswith("Run 3 failed before it could read anybody: ")
    assert office.stage.sandbox.token not in todo
    message = await office.stage.value("SELECT message FROM worker.runs WHERE id = 3")
    assert "401" in message
    assert office.stage.sandbox.token not in message
    await office.stage.fetch("UPDATE worker.runs SET message = 'for bob@school.edu, +1 555 123-4567' WHERE id = 3")
    (todo,) = await todos(office)
    assert "bob@" not in todo
    assert "123-4567" not in todo
    office.stage.sandbox.tokens.renew(office.stage.sandbox.token)
    assert (await office.job()).exit_code == 0
    assert (await runs(office))[-1] == (4, "run", "done", 0, users)
    assert set((await remarks(office)).values()) == {Level.OK}
    assert await todos(office) == []


async def test_the_first_run_of_all(office: Office) -> None:
    """There is no instance yet, and nothing is bound."""
    office.stage.sandbox.add_fault(Fault(kind="close"))
    assert (await office.job()).exit_code == 7
    assert [run[:4] for run in await runs(office)] == [(1, "run", "failed", 7)]
    assert await office.stage.value("SELECT origin FROM worker.instances") is None
    office.stage.sandbox.clear_faults()
    assert (await office.job()).exit_code == 0


async def test_an_interrupted_run_stays_the_one_to_go_on_with(office: Office) -> None:
    """A failed start abandons nothing: the next run that can go on does."""
    office.stage.sandbox.add_fault(Fault(route="list_channels", status=401, headers=BAD_TOKEN, first=30))
    assert (await office.job()).exit_code == 5
    office.stage.sandbox.clear_faults()
    office.stage.sandbox.tokens.revoke(office.stage.sandbox.token)
    assert (await office.job()).exit_code == 5
    assert [run[:4] for run in await runs(office)] == [(1, "run", "interrupted", 5), (2, "run", "failed", 5)]
    office.stage.sandbox.tokens.renew(office.stage.sandbox.token)
    outcome = await office.job()
    assert (outcome.exit_code, outcome.progress.run_id) == (0, 1)


async def test_a_file_that_is_not_there(office: Office, tmp_path: Path) -> None:
    """What a person has to mend is said in the row."""
    office.stage.instance["users"] = [f"file:{tmp_path / 'none.csv'}"]
    assert (await office.job()).exit_code == 2
    assert "none.csv" in await office.stage.value("SELECT message FROM worker.runs")


@pytest.mark.parametrize("users", [("what:1",), ("id:none",)])
async def test_a_mistyped_option_is_no_run(office: Office, users: tuple[str, ...]) -> None:
    """Whoever typed it sees it; it says nothing about how things are."""
    async with office.opened() as opened:
        job = Job(kind="run", flow=pulling("run", users), users=users)
        outcome = await run_job(opened, "main", job, stop=Stop(), onlooker=Onlooker())
    assert isinstance(outcome.error, UsageError)
    assert await runs(office) == []

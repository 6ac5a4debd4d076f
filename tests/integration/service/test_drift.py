"""Night after night towards a desired state: one plan waits, and what is done stays done."""

from datetime import timedelta
from typing import Any

import pytest

from sync_worker.errors import DatabaseUnreachable, PlanError
from sync_worker.flows.job import run_prune
from sync_worker.flows.look.status import statuses
from sync_worker.flows.push import saving
from sync_worker.mirror import plans
from tests.integration.service.office import Office


def wished(office: Office, number: int, *, apply: str) -> None:
    """A desired state that gives so many users an address."""
    document = office.folder / "desired.csv"
    rows = "".join(f"{user},email,new{user}@x.example,present\n" for user in office.stage.ids[40 : 40 + number])
    document.write_text(f"user,type,address,state\n{rows}")
    office.stage.instance["desired"] = {"file": str(document), "apply": apply}


async def left(office: Office) -> tuple[int, str]:
    """Creates that are still to do, as the status says, and the state of the plan."""
    async with office.opened() as opened:
        (status,) = await statuses(opened)
    assert status.drift is not None
    return status.drift["creates_left"], status.drift["plan_status"]


async def test_pruning_brings_no_drift_back(office: Office) -> None:
    """What the last compared plan has done is not forgotten before its document is compared again."""
    wished(office, 3, apply="auto")
    assert (await office.job()).exit_code == 0
    assert await left(office) == (0, "applied")
    office.more["retention"] = {"actions": "1d", "plans": "1d"}
    office.clock.ahead += timedelta(days=40)
    async with office.opened() as opened:
        outcome = await run_prune(opened, "main")
    assert {pruned.table: pruned.rows for pruned in outcome.pruned}["worker.actions"] == 0
    assert await left(office) == (0, "applied")
    await office.job()  # nothing differs: the plan of before is the last one no more
    async with office.opened() as opened:
        outcome = await run_prune(opened, "main")
    assert {pruned.table: pruned.rows for pruned in outcome.pruned}["worker.actions"] == 3


@pytest.mark.long
async def test_the_database_goes_between_saving_and_closing(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan that was replaced is closed by whoever goes on, and does not wait for ever."""
    wished(office, 3, apply="plan")
    await office.job()
    wished(office, 5, apply="plan")
    real, calls = plans.supersede, 0

    async def supersede(*given: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise DatabaseUnreachable("cut")
        await real(*given)

    monkeypatch.setattr(plans, "supersede", supersede)
    assert [(await office.job()).exit_code for _ in range(2)] == [7, 0]
    rows = await office.stage.fetch("SELECT status, creates FROM worker.plans ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("rejected", 3), ("open", 5)]


async def test_a_plan_that_no_row_can_hold(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said with its size and what to do, before PostgreSQL refuses it in words of its own; the reading counts."""
    wished(office, 3, apply="plan")
    monkeypatch.setattr(saving, "LARGEST", 1_000)
    outcome = await office.job()
    assert isinstance(outcome.error, PlanError)
    assert "a plan of 3 users is too large to be saved. Split the document" in str(outcome.error)
    assert (outcome.exit_code, outcome.report and outcome.report.exit_code) == (2, 0)

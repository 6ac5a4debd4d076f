"""The page of a school that was read: its figures are the school's, as of one moment, and nobody's address is in it."""

import itertools
import re
from html import unescape
from pathlib import Path

import pytest

from sync_worker.flows.look.page import ASKED, look
from sync_worker.flows.rooms import Opened
from sync_worker.mirror.database import connect
from sync_worker.reports.overview import Overview
from sync_worker.reports.page import render
from sync_worker.sandbox import Fault, Role
from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage, fetch, quick, staged


async def seen(stage: Stage, *, addresses: bool = False) -> Overview:
    """What the page shows."""
    async with connect(stage.database_url) as database:
        opened = Opened(settings=stage.settings(), database=database, names=("main",), clock=stage.clock)
        return await look(opened, addresses=addresses)


async def test_a_new_database(stage: Stage) -> None:
    """No figure is invented, and it says what to do."""
    overview = await seen(stage)
    (state,) = overview.instances
    assert (state.origin, state.last_success_at, state.users, state.todos) == (None, None, 0, ())
    assert all(not answer.rows for answer in overview.answers.values())
    assert "<code>sync-worker backfill</code> fills it" in render(overview)


async def test_the_figures_are_the_schools(stage: Stage) -> None:
    """Channels, users, reach; throughput beside the limit that its own answers make."""
    await stage.run()
    overview = await seen(stage)
    (state,) = overview.instances
    truth = list(stage.truth().values())
    good = {
        c["user_id"]
        for c in truth
        if c["type"] == "email" and c["workflow_state"] == "active" and not (c["last_bounce_at"] or c["bounce_count"])
    }
    assert (state.level, state.users, state.channels) == ("ok", 100, len(truth))
    assert state.reach == {"reachable": len(good), "unreachable": 100 - len(good), "unknown": 0, "unread": 0}
    assert overview.answers["unreachable"].total == 100 - len(good)
    assert sum(row["channels"] for row in overview.answers["channels"].rows) == len(truth)
    (run,) = overview.answers["runs"].rows
    assert (run["requests"], run["coverage_percent"]) == ((await stage.last_run())["requests"], 100)
    page = render(overview)
    assert "main: Fresh" in page
    assert f"<dt>Live channels</dt><dd>{len(truth):,}</dd>" in page


async def test_throughput_never_beats_the_limit(database_url: str) -> None:
    """Under a rate limit the run says what that would have borne; without one nobody knows."""
    async with staged(database_url, options=quick(throttle=True, mean_server_time=0.01)) as stage:
        await stage.run()
        (run,) = (await seen(stage)).answers["runs"].rows
        assert 0 < run["requests_per_second"] <= run["requests_per_second_limit"]
        await stage.fetch("UPDATE worker.runs SET requests_possible = NULL")
        assert "The limit is not known" in render(await seen(stage))


async def test_what_needs_a_person(stage: Stage, tmp_path: Path) -> None:
    """Deletions held back, a plan that waits, failures: each with the exact command."""
    await stage.run()
    desire = Desire(stage=stage, folder=tmp_path)
    users = [user for user, _ in zip(desire.plain(), range(3), strict=False)]
    stage.school.retire(desire.email(users[0]).id)
    failing = users[1]
    stage.sandbox.add_fault(Fault(route="list_channels", user_ids=frozenset({failing}), status=500))
    held = await stage.run(max_tombstones=0)
    overview = await seen(stage)
    (state,) = overview.instances
    commands = [command for todo in state.todos for command, _ in todo.commands]
    assert commands == [
        f"sync-worker pending list {held.run_id}", f"sync-worker pending accept {held.run_id}",
        f"sync-worker pending dismiss {held.run_id}", "sync-worker report failures", "sync-worker doctor",
    ]  # fmt: skip
    assert state.todos[0].text == f"1 deletion waits, held back by run {held.run_id}."
    (failure,) = overview.answers["failures"].rows
    assert failure["reference"] == f"id:{failing}"


async def test_addresses_are_masked_unless_asked_for(stage: Stage) -> None:
    """Not one can be read in the page; with addresses they are there."""
    await stage.run()
    user = stage.ids[20]
    stage.school.create(user, "sms", "+1 555 010 4477")
    stage.school.bounce(
        next(c.id for c in stage.school.users[user].live_channels()), summary="550 <somebody@bounce.example> unknown"
    )
    await stage.run()
    await stage.fetch("UPDATE worker.runs SET message = 'for bob@school.edu, +1 555 123-4567'")
    rows = await stage.fetch("SELECT address FROM mirror.communication_channels WHERE type <> 'push'")
    secrets = {row["address"] for row in rows if len(row["address"]) > 4} | {"bob@school.edu", "somebody@bounce"}
    page = unescape(render(await seen(stage)))
    assert [secret for secret in secrets if secret in page] == []
    assert not re.search(r"\w@\w+\.\w", page)
    assert "123-4567" not in page
    shown = unescape(render(await seen(stage, addresses=True)))
    assert any(secret in shown for secret in secrets)


async def test_bounces_that_nobody_sees(database_url: str) -> None:
    """With a token that may not see them the page says of how many users it is not known."""
    async with staged(database_url, options=quick(token_role=Role.ACCOUNT_ADMIN)) as stage:
        await stage.run()
        overview = await seen(stage)
    (state,) = overview.instances
    assert state.reach["unknown"] > 0
    assert f"Of {state.reach['unknown']:,} users it is not known" in render(overview)


async def test_long_lists_say_how_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has the first rows; the total is right."""
    monkeypatch.setattr("sync_worker.flows.look.page.ASKED", {**ASKED, "changes": 7})
    await stage.run()
    answer = (await seen(stage)).answers["changes"]
    assert (len(answer.rows), answer.total) == (7, len(stage.truth()))


async def test_runs_that_write_have_no_users(applying: Applying) -> None:
    """A zero would say that there were users to read."""
    (user,) = itertools.islice(applying.desire.plain(), 1)
    await applying.apply(await applying.planned(f"{user},email,new@x.example,present"))
    overview = await seen(applying.stage)
    users = {row["kind"]: row["users_total"] for row in overview.answers["runs"].rows}
    assert users == {"run": len(applying.stage.ids), "apply": None}
    assert overview.answers["drift"].rows[0]["creates_left"] == 0


async def test_a_run_under_way_has_no_sums(stage: Stage) -> None:
    """A zero would say that a killed run has read nobody."""
    await stage.run()
    await fetch(stage.database_url, "UPDATE worker.runs SET status = 'running', users_total = 0, finished_at = NULL")
    (row,) = (await seen(stage)).answers["runs"].rows
    assert (row["status"], row["users_total"], row["users_failed"]) == ("running", None, None)

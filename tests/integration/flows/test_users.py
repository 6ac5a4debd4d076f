"""Who is read: sources, duplicates, references, and nobody else."""

import asyncio
from pathlib import Path

import pytest

from sync_worker.clock import deadline
from sync_worker.errors import SourceError
from sync_worker.sandbox import Fault
from tests.integration.flows.harness import PatientClock, Stage, expected, quick, staged

CSV = "canvas_user_id,sis_user_id,login_id\n"


def lists(stage: Stage) -> dict[int, int]:
    """How often each user's channels were asked for."""
    return dict(stage.sandbox.counters.channel_lists)


@pytest.mark.parametrize("form", ["csv", "ndjson", "txt"])
async def test_a_file_names_users(stage: Stage, tmp_path: Path, form: str) -> None:
    """Numbers, SIS ids and logins, some of them twice, are one read each; the others are not touched."""
    users = [stage.sandbox.school.users[user_id] for user_id in stage.ids[20:26]]
    path = tmp_path / f"users.{form}"
    path.write_text(_file(form, [user.id for user in users], [user.sis_user_id or "" for user in users]))
    report = await stage.run(f"file:{path}")
    assert (report.exit_code, report.figures.users_total) == (0, 6)
    assert lists(stage) == dict.fromkeys((user.id for user in users), 1)
    wanted = {user.id for user in users}
    assert await stage.live() == expected(c for c in stage.school.live_channels() if c["user_id"] in wanted)


def _file(form: str, ids: list[int], sis: list[str]) -> str:
    if form == "csv":
        first = f"{ids[0]},,\n,{sis[1]},\n,,user{ids[2]}\n{ids[3]},{sis[3]},\n"
        return CSV + first + f"{ids[0]},,\n,{sis[0]},\n{ids[4]},,\n{ids[5]},,\n"
    if form == "txt":
        return f"{ids[0]}\nsis:{sis[1]}\nlogin:user{ids[2]}\n{ids[3]}\n{ids[0]}\nsis:{sis[0]}\n{ids[4]}\n{ids[5]}\n"
    return "".join(
        f"{line}\n"
        for line in (
            f'{{"canvas_user_id": {ids[0]}}}', f'{{"sis_user_id": "{sis[1]}"}}', f'{{"login_id": "user{ids[2]}"}}',
            f'{{"canvas_user_id": {ids[3]}}}', f'{{"canvas_user_id": {ids[0]}}}', f'{{"sis_user_id": "{sis[0]}"}}',
            f'{{"canvas_user_id": {ids[4]}}}', f'{{"canvas_user_id": {ids[5]}}}',
        )
    )  # fmt: skip


async def test_references_that_lead_nowhere_are_failures(stage: Stage, tmp_path: Path) -> None:
    """They are counted and told with their place: exit 3; whoever had the reference before is never "gone"."""
    await stage.run()
    user = stage.ids[20]
    sis = stage.sandbox.school.users[user].sis_user_id
    path = tmp_path / "users.csv"
    path.write_text(CSV + "".join(f"{number},,\n" for number in stage.ids[30:60]) + f",{sis},\n,NOBODY,\n")
    assert (await stage.run(f"file:{path}")).figures.unresolved == 1
    stage.school.change_sis_id(user, "OTHER")
    rows = await stage.live()
    report = await stage.run(f"file:{path}", min_coverage_percent=90)
    assert (report.exit_code, report.figures.unresolved, report.figures.users_total) == (3, 2, 30)
    assert "2 references could not be resolved" in report.findings[0].message
    assert "users.csv:32: " in report.failures[0]["message"]
    assert (await stage.state(user), await stage.live()) == ("present", rows)
    assert (await stage.last_run())["users_failed"] == 2


async def test_specs_of_ids(stage: Stage) -> None:
    """`id:`, `sis:` and `self` read just these users; the others keep their rows, whatever has become of them."""
    await stage.run()
    ids, school = stage.ids, stage.school
    untouched, touched, sis = ids[40], ids[41], ids[42]
    for user in (untouched, touched, sis, ids[0]):
        school.retire(min(stage.channels_of(user)))
    kept = await stage.rows_of(untouched)
    stage.sandbox.counters.reset()
    report = await stage.run(
        f"id:{touched},{touched}", f"sis:{stage.sandbox.school.users[sis].sis_user_id}", f"id:{sis}", "self"
    )
    assert (report.exit_code, report.figures.users_total, report.settled.merged.deleted) == (0, 3, 3)
    assert lists(stage) == {touched: 2, sis: 2, ids[0]: 2}
    assert await stage.rows_of(untouched) == kept
    await stage.run()
    await stage.assert_equal()


async def test_sources_overlap(stage: Stage, tmp_path: Path) -> None:
    """Whoever is in several sources is read once."""
    path = tmp_path / "users.txt"
    path.write_text("\n".join(map(str, stage.ids[10:50])))
    report = await stage.run("account:2", "account:self", f"file:{path}", f"id:{stage.ids[20]}")
    assert (report.exit_code, report.figures.users_total) == (0, 100)
    assert set(lists(stage).values()) <= {1, 3}
    await stage.assert_equal()


async def test_reading_begins_while_the_listing_goes_on(database_url: str) -> None:
    """Channel lists are asked for before the last page of users has come."""
    canvas_clock = PatientClock()
    async with staged(database_url, options=quick(users=300), canvas_clock=canvas_clock) as stage:
        stage.sandbox.add_fault(Fault(kind="hang", seconds=1, route="list_users", page=3))
        running = asyncio.create_task(stage.run())
        async with deadline(20):
            while len(lists(stage)) < 200:
                await stage.clock.sleep(0.01)
        assert stage.sandbox.counters.by_route["list_users"] == 3
        assert not await stage.value("SELECT listed FROM worker.runs")
        canvas_clock.let_go.set()
        assert (await running).exit_code == 0
        assert len(lists(stage)) == 300


async def test_a_listing_that_breaks_off_concludes_nothing(stage: Stage) -> None:
    """Exit 7; nobody is missing from half a listing."""
    await stage.run()
    stage.instance["per_page"] = 20
    stage.sandbox.add_fault(Fault(route="list_users", page=4, status=500))
    with pytest.raises(Exception, match="does not answer as it should"):
        await stage.run()
    assert (await stage.last_run())["status"] == "interrupted"
    assert await stage.value("SELECT count(*) FROM worker.batches WHERE reason = 'missing_from_listing'") == 0
    stage.sandbox.clear_faults()
    assert (await stage.run()).resumed
    await stage.assert_equal()


async def test_an_account_that_may_not_be_listed(stage: Stage) -> None:
    """A usage error with what to look at; the run is not one to go on with."""
    with pytest.raises(SourceError, match="cannot be listed"):
        await stage.run("account:999")
    assert (await stage.last_run())["status"] == "failed"


async def test_a_bad_file_is_told_before_anything_is_asked(stage: Stage, tmp_path: Path) -> None:
    """The place of the mistake, and no request."""
    path = tmp_path / "users.csv"
    path.write_text(CSV + "what,,\n")
    with pytest.raises(SourceError, match=r"users\.csv:2: "):
        await stage.run(f"file:{path}")
    assert stage.sandbox.counters.requests == 0


async def test_a_user_in_local_and_global_form(stage: Stage) -> None:
    """`1042` and `1~1042` are one person: the channels do not wander to and fro."""
    user = stage.ids[20]
    await stage.run(f"id:{user}")
    report = await stage.run(f"id:1~{user}")
    assert report.exit_code == 0
    assert report.figures.channels_moved == 0
    assert {row["user_id"] for row in (await stage.live()).values()} == {user}

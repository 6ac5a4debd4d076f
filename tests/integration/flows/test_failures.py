"""What goes wrong at Canvas costs no row and stops nobody else."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from sync_worker.clock import deadline
from sync_worker.errors import CanvasUnreachable, ClientRefused, TokenRefused
from sync_worker.sandbox import Fault, FaultKind
from tests.integration.flows.harness import PatientClock, Stage, quick, staged

UNAUTHORIZED = FaultKind.UNAUTHORIZED


def failing(*user_ids: int) -> Fault:
    """500 for the channel lists of some users."""
    return Fault(route="list_channels", user_ids=frozenset(user_ids), status=500)


async def test_failed_users_keep_their_rows_and_come_first_next_time(stage: Stage) -> None:
    """Exit 3; the next run starts with them, and then nothing is open any more."""
    await stage.run()
    failed = stage.ids[40:43]
    kept = await stage.rows_of(*failed)
    for user_id in failed:
        stage.school.create(user_id, "email", f"new{user_id}@example.com")
    stage.sandbox.add_fault(failing(*failed))
    report = await stage.run()
    assert (report.exit_code, report.status, report.figures.users_failed) == (3, "partial", 3)
    assert "3 users could not be read" in report.findings[0].message
    assert report.failures[0]["users"] == 3
    assert await stage.rows_of(*failed) == kept
    stage.sandbox.clear_faults()
    stage.sandbox.counters.reset()
    assert (await stage.run()).exit_code == 0
    assert set(list(stage.sandbox.counters.channel_lists)[:3]) == set(failed)
    assert await stage.value("SELECT count(*) FROM worker.failures WHERE resolved_at IS NULL") == 0
    assert set(stage.sandbox.counters.channel_lists.values()) <= {1, 3}  # nobody was read twice
    await stage.assert_equal()


async def test_half_of_the_users_fail(stage: Stage) -> None:
    """Coverage below the limit: exit 8, nothing is deleted, what was missing waits."""
    await stage.run()
    ids = stage.ids
    gone = [min(stage.channels_of(ids[n])) for n in (20, 24)]
    for channel_id in gone:
        stage.school.retire(channel_id)
    stage.sandbox.add_fault(failing(*[user for n, user in enumerate(ids) if n % 2]))
    report = await stage.run()
    assert (report.exit_code, report.status) == (8, "implausible")
    assert "only 50 of 100 users" in report.findings[0].message
    assert "brake.min_coverage_percent = 95, option --min-coverage" in report.findings[0].message
    assert await stage.tombstones() == set()
    assert await stage.candidates() == dict.fromkeys(gone, report.run_id)
    stage.sandbox.clear_faults()
    assert (await stage.run()).exit_code == 0
    await stage.assert_equal()


async def test_an_outage_of_the_look_ups_stops_the_run_too(database_url: str, tmp_path: Path) -> None:
    """References that meet trouble one after the other: exit 7 and resumable, nobody marked as unknown."""
    async with staged(database_url, options=quick(users=100)) as stage:
        users = tmp_path / "users.txt"
        known = [user.sis_user_id for user in stage.school.users.values() if user.sis_user_id]
        users.write_text("".join(f"sis:{sis_id}\n" for sis_id in known))
        stage.sandbox.add_fault(Fault(route="get_user", status=503))
        with pytest.raises(CanvasUnreachable):
            await stage.run(f"file:{users}")
        assert await stage.value("SELECT status FROM worker.runs ORDER BY id DESC LIMIT 1") == "interrupted"
        stage.sandbox.clear_faults()
        report = await stage.run(f"file:{users}")
        assert report.resumed
        assert report.figures.unresolved == 0


async def test_a_reference_that_works_again_is_resolved(stage: Stage, tmp_path: Path) -> None:
    """What failed once does not stay open for ever."""
    users = tmp_path / "users.txt"
    users.write_text(f"{stage.ids[0]}\nsis:NOBODY\n")
    report = await stage.run(f"file:{users}", min_coverage_percent=10.0)
    assert (report.exit_code, report.figures.unresolved) == (3, 1)
    stage.school.change_sis_id(stage.ids[1], "NOBODY")
    report = await stage.run(f"file:{users}")
    assert (report.exit_code, report.figures.unresolved) == (0, 0)
    assert await stage.value("SELECT count(*) FROM worker.failures WHERE resolved_at IS NULL") == 0


async def test_an_outage_stops_the_run_and_marks_few(database_url: str) -> None:
    """Everybody answers with trouble, the probe too: exit 7, some dozens of failures, and it goes on later."""
    async with staged(database_url, options=quick(users=400), run_table={"batch_size": 200}) as stage:
        stage.sandbox.add_fault(Fault(route="list_channels", first=101, status=502))
        stage.sandbox.add_fault(Fault(route="get_user", status=502))
        with pytest.raises(CanvasUnreachable, match="does not answer as it should"):
            await stage.run()
        run = await stage.last_run()
        assert (run["status"], run["exit_code"], run["users_failed"]) == ("interrupted", 7, 0)
        assert run["users_done"] >= 50
        stage.sandbox.clear_faults()
        stage.sandbox.counters.reset()
        report = await stage.run()
        assert (report.exit_code, report.resumed, report.run_id) == (0, True, run["id"])
        assert len(stage.sandbox.counters.channel_lists) == 400 - run["users_done"]
        await stage.assert_equal()


async def test_trouble_with_some_is_no_outage(stage: Stage) -> None:
    """Thirty users in a row fail, but Canvas answers the probe: they are failures, the others are read."""
    stage.sandbox.add_fault(failing(*stage.ids[10:40]))
    report = await stage.run()
    assert (report.exit_code, report.figures.users_failed, report.figures.users_done) == (8, 30, 70)


async def test_a_revoked_token_stops_the_run_within_one_answer(database_url: str) -> None:
    """Exit 5: only what was in flight is still answered; nobody is missing; the run goes on with a good token."""
    async with staged(database_url, options=quick(users=300)) as stage:
        await stage.run()
        stage.school.retire(min(stage.channels_of(stage.ids[200])))
        stage.sandbox.tokens.expire_after(stage.sandbox.token, 150)
        stage.sandbox.counters.reset()
        with pytest.raises(TokenRefused) as refused:
            await stage.run()
        assert refused.value.exit_code == 5
        assert stage.sandbox.counters.unauthorised <= 64
        asked = stage.sandbox.counters.requests
        await stage.clock.sleep(0.1)  # for what might still come
        assert stage.sandbox.counters.requests == asked
        assert await stage.tombstones() == set()
        run = await stage.last_run()
        assert (run["status"], run["exit_code"], run["users_failed"]) == ("interrupted", 5, 0)
        stage.sandbox.tokens.renew(stage.sandbox.token)
        report = await stage.run()
        assert (report.exit_code, report.resumed) == (0, True)
        await stage.assert_equal()


async def test_a_token_that_was_never_good(stage: Stage) -> None:
    """One request, no run."""
    stage.instance["token"] = "wrong"
    with pytest.raises(TokenRefused):
        await stage.run()
    assert stage.sandbox.counters.requests == 1
    assert await stage.fetch("SELECT * FROM worker.runs") == []


async def test_a_canvas_that_refuses_this_program(stage: Stage) -> None:
    """A 403 that speaks of the User-Agent is a configuration error: exit 2, nothing concluded."""
    await stage.run()
    stage.sandbox.add_fault(
        Fault(
            route="list_channels",
            first=20,
            status=403,
            body="403 Forbidden: User-Agent required",
            content_type="text/plain",
        )
    )
    with pytest.raises(ClientRefused) as refused:
        await stage.run()
    assert refused.value.exit_code == 2
    assert await stage.tombstones() == set()
    await stage.assert_equal()


async def test_unreadable_users_are_a_state(stage: Stage) -> None:
    """The first time exit 3; later runs know them; their rows stay; then they can be read again."""
    await stage.run()
    hidden = stage.ids[50:52]
    kept = await stage.rows_of(*hidden)
    stage.sandbox.add_fault(Fault(kind=UNAUTHORIZED, route="list_channels", user_ids=frozenset(hidden)))
    report = await stage.run()
    assert (report.exit_code, report.figures.users_unreadable, report.figures.newly_unreadable) == (3, 2, 2)
    assert [await stage.state(user) for user in hidden] == ["unreadable", "unreadable"]
    for _ in range(2):
        report = await stage.run()
        assert (report.exit_code, report.figures.users_unreadable, report.figures.newly_unreadable) == (0, 2, 0)
    assert await stage.rows_of(*hidden) == kept
    stage.sandbox.clear_faults()
    assert (await stage.run()).exit_code == 0
    assert [await stage.state(user) for user in hidden] == ["present", "present"]


async def test_one_bad_user_never_stops_the_others(stage: Stage) -> None:
    """Each kind of bad answer costs its user alone, and no row."""
    await stage.run()
    kinds = ["html", "truncated_json", "empty", "close", "cut", "reset_after"]
    bad = stage.ids[60 : 60 + len(kinds) + 2]
    before = await stage.rows_of(*bad)
    for user_id, kind in zip(bad, kinds, strict=False):
        stage.sandbox.add_fault(Fault(kind=kind, route="list_channels", user_ids=frozenset({user_id})))
    wrong, rejected = bad[-2:]
    stage.sandbox.add_fault(
        Fault(kind="wrong_user", route="list_channels", user_ids=frozenset({wrong}), user_id=stage.ids[1])
    )
    stage.sandbox.add_fault(Fault(route="list_channels", user_ids=frozenset({rejected}), status=422, body="{}"))
    others = stage.school.create(stage.ids[70], "email", "other@example.com")
    report = await stage.run(min_coverage_percent=90)
    failed = {row["user_id"] for row in await stage.fetch("SELECT user_id FROM worker.failures")}
    assert failed <= set(bad)
    assert failed >= {user for user in bad if stage.channels_of(user)} - {wrong} | {rejected}
    assert (report.exit_code, report.figures.users_failed) == (3, len(failed))
    assert await stage.rows_of(*bad) == before
    assert others[0].channel_id in await stage.live()
    assert await stage.tombstones() == set()


async def test_a_slow_user_does_not_hold_the_others_back(database_url: str) -> None:
    """While one list hangs, every batch but its own is committed."""
    canvas_clock = PatientClock()
    async with staged(database_url, canvas_clock=canvas_clock) as stage:
        slow = frozenset(stage.ids[5:6])
        stage.sandbox.add_fault(Fault(kind="hang", seconds=1, route="list_channels", user_ids=slow))
        running = asyncio.create_task(stage.run())
        async with deadline(20):
            while await stage.value("SELECT count(*) FROM worker.batches WHERE status = 'done'") < 9:
                await stage.clock.sleep(0.05)
        assert not running.done()
        canvas_clock.let_go.set()
        report = await running
        assert report.exit_code == 0
        await stage.assert_equal()


async def test_an_error_that_nobody_expected(stage: Stage) -> None:
    """The ledger says that it happened, and the run goes on where it stopped when it is mended."""
    address = stage.truth()[min(stage.channels_of(stage.ids[40]))]["address"]
    check = f"address <> '{address}'"
    await stage.fetch(f"ALTER TABLE mirror.communication_channels ADD CONSTRAINT odd CHECK ({check})")
    with pytest.raises(asyncpg.CheckViolationError):
        await stage.run()
    run = await stage.last_run()
    assert (run["status"], run["exit_code"]) == ("interrupted", 1)
    assert run["message"] == "unexpected error: CheckViolationError"
    assert await stage.value("SELECT count(*) FROM worker.batches WHERE status = 'done'") > 0
    await stage.fetch("ALTER TABLE mirror.communication_channels DROP CONSTRAINT odd")
    report = await stage.run()
    assert (report.exit_code, report.resumed) == (0, True)
    await stage.assert_equal()

"""The ledger: enrolment, claims, resumption, the end of a run."""

from datetime import timedelta
from typing import Any

import pytest

from sync_worker.channels import ReadOutcome, User
from sync_worker.errors import ClaimLost, LockLost
from sync_worker.mirror.ledger import Ledger
from sync_worker.mirror.lock import writing
from sync_worker.mirror.merge import Merged, Mirror
from sync_worker.mirror.runs import Reason, Run, RunEnd, RunFigures
from sync_worker.tasks import TaskGroup
from tests.integration.mirror.stage import (
    Stage,
    at,
    channel,
    failure,
    gone,
    kill_backend,
    request,
    snapshot,
    unreadable,
)


def end(status: str, **given: Any) -> RunEnd:
    """How a start of a run ended."""
    return RunEnd(**{"status": status, "exit_code": 0, "message": "", **given})


async def test_each_user_is_enrolled_once(stage: Stage) -> None:
    """In the order of the source, in batches that are full but for the last of a source."""
    async with stage.ledger.enrolment(stage.run, 3) as enrolment:
        assert await enrolment.offer([User(id=number) for number in (7, 5, 5)]) == 1
        assert await enrolment.offer([User(id=number) for number in (5, 7)]) == 0
        assert await enrolment.flush() == 0
        assert await enrolment.offer([User(id=number) for number in (9, 8, 7, 6)], account="1") == 1
        assert await enrolment.flush(account="1") == 1
        assert await enrolment.flush() == 0
        assert enrolment.enrolled == 5
    assert await stage.batches() == [(7, 5), (9, 8), (6,)]


async def test_a_resumed_enrolment_skips_whom_the_run_has(stage: Stage) -> None:
    """Also those of batches that are done."""
    await stage.commit(snapshot(1, 1), snapshot(2, 1))
    await stage.batch(3)
    run = await stage.ledger.open_run(request())
    assert run == Run(id=stage.run.id, resumed=True, listed=False)
    async with stage.ledger.enrolment(run, 10) as enrolment:
        assert enrolment.enrolled == 3
        await enrolment.offer([User(id=number) for number in range(1, 6)])
        await enrolment.flush()
        await enrolment.close([], {})
    assert await stage.batches() == [(1, 2), (3,), (4, 5)]
    assert (await stage.ledger.open_run(request())).listed


async def test_a_run_that_ended_without_a_word_is_interrupted(stage: Stage) -> None:
    """Whoever begins holds the lock, so nobody is at any other; it is resumed as any unfinished run."""
    other = await stage.ledger.begin(request(kind="apply", specs=("plan:1",)))
    rows = await stage.query("SELECT id, status, finished_at, message FROM worker.runs ORDER BY id")
    assert [(row["id"], row["status"]) for row in rows] == [(stage.run.id, "interrupted"), (other.id, "running")]
    assert rows[0]["finished_at"] == at(0)
    assert "ended without a word" in rows[0]["message"]
    assert [await stage.ledger.is_finished(run.id) for run in (stage.run, other)] == [False, False]
    await stage.ledger.finish(other, end("done"))
    assert await stage.ledger.is_finished(other.id)
    assert await stage.ledger.open_run(request()) == Run(id=stage.run.id, resumed=True, listed=False)
    assert [row["status"] for row in await stage.query("SELECT status FROM worker.runs ORDER BY id")] == [
        "running",
        "done",
    ]


async def test_the_list_of_walked_users_is_its_sessions_alone(stage: Stage) -> None:
    """A temporary table: two enrolments at once do not meet, and nothing stays."""
    async with stage.ledger.enrolment(stage.run, 1) as first, stage.ledger.enrolment(stage.run, 1) as second:
        assert await first.offer([User(id=1)]) == 1
        assert await second.offer([User(id=1)]) == 1
    assert await stage.query("SELECT FROM pg_tables WHERE tablename = 'walked_users'") == []


async def test_batches_are_claimed_in_order_each_once(stage: Stage) -> None:
    """Also when many claim at the same moment."""
    await stage.enrol(*[User(id=number) for number in range(1, 9)], size=1)
    async with TaskGroup() as group:
        claims = [group.create_task(stage.ledger.claim(stage.run)) for _ in range(10)]
    batches = [batch for task in claims if (batch := task.result())]
    assert sorted(batch.user_ids for batch in batches) == [(number,) for number in range(1, 9)]
    assert len({batch.claim for batch in batches}) == 8
    assert {batch.reason for batch in batches} == {Reason.SOURCE}


async def test_a_batch_is_done_with_its_data(stage: Stage) -> None:
    """Counts and users of the ledger are those of the reads."""
    await stage.commit(snapshot(1, 1, channel(10), channel(11)))
    outcomes: list[ReadOutcome] = [
        snapshot(1, 2, channel(10, "new"), channel(12)),
        gone(2, 2),
        unreadable(3, 2),
        failure(4, 2),
    ]
    stage.clock.time = at(3)
    await stage.commit(*outcomes, snapshot(5, 2, channel(11, "\0", user_id=5)))
    (row,) = await stage.query("SELECT * FROM worker.batches WHERE number = 2")
    counts = {name: value for name, value in row.items() if name.startswith(("users_", "channels_", "nul_"))}
    assert counts == {
        "users_done": 2,
        "users_gone": 1,
        "users_unreadable": 1,
        "users_unlisted": 0,
        "users_failed": 1,
        "channels_seen": 3,
        "channels_created": 1,
        "channels_changed": 2,
        "channels_revived": 0,
        "channels_moved": 1,
        "nul_replaced": 1,
    }
    assert (row["user_ids"], row["status"]) == ([1, 2, 3, 4, 5], "done")
    assert (row["done_at"], row["attempts"]) == (at(3), 1)


async def test_users_that_were_not_reached_stay_behind(stage: Stage) -> None:
    """As a batch of their own, for the same reason."""
    batch = await stage.batch(1, 2, 3, reason=Reason.FAILED_BEFORE)
    await stage.mirror.commit(stage.run, batch, [snapshot(2, 1)])
    assert await stage.batches() == [(2,), (1, 3)]
    left = await stage.ledger.claim(stage.run)
    assert left is not None
    assert (left.number, left.reason, left.user_ids) == (2, Reason.FAILED_BEFORE, (1, 3))
    assert await stage.ledger.claim(stage.run) is None


async def test_a_lost_claim_commits_nothing(stage: Stage) -> None:
    """Another worker has the batch now: this read is too old."""
    batch = await stage.batch(1)
    async with stage.writer.transaction() as session:
        await session.connection.execute("UPDATE worker.batches SET claim = nextval('worker.claims')")
    with pytest.raises(ClaimLost, match="batch 1 of run"):
        await stage.mirror.commit(stage.run, batch, [snapshot(1, 1, channel(10)), failure(2, 1)])
    assert (await stage.live(), await stage.states(), await stage.open_failures()) == ({}, {}, [])
    assert not stage.writer.lost.is_set()


async def test_a_batch_commits_once(stage: Stage) -> None:
    """A second time its claim is used up."""
    batch = await stage.batch(1)
    await stage.mirror.commit(stage.run, batch, [snapshot(1, 1)])
    with pytest.raises(ClaimLost):
        await stage.mirror.commit(stage.run, batch, [snapshot(1, 2, channel(10))])
    assert await stage.live() == {}


async def test_claims_of_an_earlier_writer_are_void(stage: Stage) -> None:
    """A batch that a killed worker had claimed is claimed again; the late one cannot write."""
    old = await stage.batch(1)
    assert await stage.ledger.claim(stage.run) is None
    await kill_backend(stage.database, stage.writer._backend)
    async with writing(stage.database, "main", "run", stage.clock) as writer:
        ledger = Ledger(stage.database, writer, stage.clock)
        run = await ledger.open_run(request())
        assert run.resumed
        new = await ledger.claim(run)
        assert new is not None
        assert (new.number, new.user_ids, new.claim > old.claim) == (old.number, old.user_ids, True)
        with pytest.raises(ClaimLost):
            await Mirror(writer, stage.clock).commit(run, old, [snapshot(1, 1, channel(10))])
        with pytest.raises(LockLost):
            await stage.mirror.commit(stage.run, old, [snapshot(1, 1, channel(10))])
        assert (await Mirror(writer, stage.clock).commit(run, new, [snapshot(1, 1)])) == Merged()


@pytest.mark.parametrize(
    ("given", "resumed"),
    [
        ({}, True),
        ({"kind": "backfill"}, True),
        ({"specs": ("account:1",)}, False),
        ({"specs": ("account:self", "id:1")}, False),
        ({"fingerprint": "other"}, False),
        ({"fresh": True}, False),
        ({"resume_max_age": timedelta(minutes=59)}, False),
        ({"resume_max_age": timedelta(minutes=60)}, True),
    ],
)
async def test_a_run_that_walks_the_same_and_is_young_goes_on(
    stage: Stage, given: dict[str, Any], *, resumed: bool
) -> None:
    """Otherwise a new one starts; the old one is given up, unless it walks others: that load may still go on."""
    stage.clock.time = at(60)
    run = await stage.ledger.open_run(request(**given))
    assert run.resumed is resumed
    assert (run.id == stage.run.id) is resumed
    row = await stage.run_row()
    if resumed:
        assert (row["status"], row["started_at"], row["resumed_at"]) == ("running", at(0), at(60))
        assert row["kind"] == given.get("kind", "run")
    elif "specs" in given:
        assert row["status"] == "interrupted"
    else:
        assert (row["status"], row["finished_at"]) == ("abandoned", at(60))


@pytest.mark.parametrize("status", ["running", "interrupted", "done", "partial", "withheld", "implausible", "failed"])
async def test_only_an_unfinished_run_goes_on(stage: Stage, status: str) -> None:
    """Killed or interrupted ones; an end is an end."""
    if status != "running":
        await stage.ledger.finish(stage.run, end(status))
    run = await stage.ledger.open_run(request())
    assert run.resumed is (status in {"running", "interrupted"})
    assert (await stage.run_row())["status"] == ("running" if run.resumed else status)


async def test_an_accepted_deletion_leaves_an_unfinished_run_as_it_is(stage: Stage) -> None:
    """It walks nobody of its own; and it is never gone on with."""
    accept = await stage.ledger.begin(request(kind="accept", specs=("pending:1",), fingerprint=""))
    assert (accept.resumed, accept.listed, accept.id != stage.run.id) == (False, True, True)
    run = await stage.ledger.open_run(request())
    assert (run.resumed, run.id) == (True, stage.run.id)


async def test_the_end_of_a_run_adds_up(stage: Stage) -> None:
    """Batches of all starts, references, and what the starts report about themselves."""
    first: list[ReadOutcome] = [snapshot(1, 1, channel(10), channel(11)), gone(2, 1), unreadable(3, 1), failure(4, 1)]
    await stage.commit(*first)
    await stage.batch(8, 9)
    await stage.ledger.finish(stage.run, end("interrupted", exit_code=7, requests=5, throttled=1, seconds=2.5))
    stage.clock.time = at(30)
    stage.run = await stage.ledger.open_run(request())
    await stage.commit(snapshot(5, 2, channel(10, user_id=5)), unreadable(6, 2), snapshot(7, 2), reason=Reason.MISSING)
    expected = {
        "users_total": 9,
        "users_done": 3,
        "users_gone": 1,
        "users_unreadable": 1,
        "users_unlisted": 1,
        "users_failed": 1,
        "channels_seen": 3,
        "channels_created": 2,
        "channels_changed": 1,
        "channels_revived": 0,
        "channels_moved": 1,
        "nul_replaced": 0,
    }
    figures = await stage.ledger.figures(stage.run)
    assert figures == RunFigures(**expected, users_missing=3, newly_unreadable=1)
    message = "one user could not be read"
    last = end("partial", exit_code=3, message=message, requests=7, seconds=1.0, pending=4)
    await stage.ledger.finish(stage.run, last)
    row = await stage.run_row()
    told = {"status": "partial", "exit_code": 3, "message": message, "finished_at": at(30), "deletions_pending": 4}
    summed = {"requests": 12, "throttled": 1, "seconds": 3.5}
    wanted = {**expected, **told, **summed, "resumed_at": at(30)}
    assert {name: row[name] for name in wanted} == wanted


async def test_a_run_without_users_has_figures(stage: Stage) -> None:
    """All zero."""
    assert await stage.ledger.figures(stage.run) == RunFigures()
    await stage.ledger.finish(stage.run, end("implausible", exit_code=8))
    assert (await stage.run_row())["users_total"] == 0


async def test_the_run_says_who_and_what(stage: Stage) -> None:
    """For whoever reads the ledger."""
    row = await stage.run_row()
    process = stage.writer.process
    assert (row["host"], row["pid"], row["started_by"]) == (process.host, process.pid, process.user)
    assert (row["users_spec"], row["source_fingerprint"], row["status"]) == (["account:self"], "f", "running")

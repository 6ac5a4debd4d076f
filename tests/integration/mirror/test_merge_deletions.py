"""Deletions move last, on proof: candidates, second reads, tombstones."""

from dataclasses import replace

import pytest

from sync_worker.channels import ReadOutcome
from sync_worker.mirror.candidates import Weight, pending
from sync_worker.mirror.merge import Merged
from sync_worker.mirror.runs import Reason
from tests.integration.mirror.stage import Stage, at, channel, drawn, failure, gone, snapshot, unreadable


async def test_an_absent_channel_becomes_a_candidate_and_lives_on(stage: Stage) -> None:
    """One complete read is no proof; nothing of the channel changes."""
    await stage.commit(snapshot(1, 1, channel(10), channel(11, "b@example.com")))
    assert await stage.commit(snapshot(1, 2, channel(10))) == Merged(seen=1)
    assert await stage.waiting() == {11: (1, "absent")}
    assert await stage.live() == {10: "a@example.com", 11: "b@example.com"}
    assert await stage.history(11) == []


async def test_a_gone_users_channels_become_candidates(stage: Stage) -> None:
    """With the reason that a person will read."""
    await stage.commit(snapshot(1, 1, channel(10)), snapshot(2, 1, channel(20, "b@example.com")))
    await stage.commit(gone(1, 2), snapshot(2, 2, channel(20, "b@example.com")))
    assert await stage.waiting() == {10: (1, "gone")}


@pytest.mark.parametrize("outcome", [failure(1, 2), unreadable(1, 2)])
async def test_a_user_that_was_not_read_completely_loses_nothing(stage: Stage, outcome: ReadOutcome) -> None:
    """Promise 1, in the first read and in the second."""
    await stage.commit(snapshot(1, 1, channel(10)))
    assert await stage.commit(outcome) == Merged()
    assert await stage.waiting() == {}
    await stage.commit(snapshot(1, 3))
    assert await stage.settle(replace(outcome, read_at=at(4), order=drawn(4))) == Merged()
    assert await stage.waiting() == {10: (1, "absent")}
    assert await stage.live() == {10: "a@example.com"}


@pytest.mark.parametrize("again", [snapshot(1, 3), gone(1, 3)])
async def test_two_complete_reads_make_a_tombstone(stage: Stage, again: ReadOutcome) -> None:
    """The row keeps its last state; its last version of life goes into the history."""
    await stage.commit(snapshot(1, 1, channel(10, position=1)))
    old = await stage.row(10)
    await stage.commit(snapshot(1, 2))
    assert await stage.settle(again) == Merged(deleted=1)
    assert await stage.row(10) == {**old, "deleted_at": at(3), "changed_at": at(3), "read_number": drawn(3).number}
    (version,) = await stage.history(10)
    expected = {"valid_from": at(1), "valid_to": at(3), "deleted_at": None, "run_id": stage.run.id, "origin": "canvas"}
    assert {name: version[name] for name in expected} == expected
    assert await stage.waiting() == {}
    assert (await stage.run_row())["channels_deleted"] == 1


async def test_settling_twice_is_settling_once(stage: Stage) -> None:
    """A run that was killed between commit and next step may do it again."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 2))
    assert (await stage.settle(snapshot(1, 3))).deleted == 1
    assert await stage.settle(snapshot(1, 3)) == Merged()
    assert await stage.settle(snapshot(1, 4)) == Merged()
    assert len(await stage.history(10)) == 1


async def test_a_channel_seen_again_is_no_candidate_any_more(stage: Stage) -> None:
    """Any later read that sees it, with or without a change."""
    await stage.commit(snapshot(1, 1, channel(10), channel(11, "b@example.com")))
    await stage.commit(snapshot(1, 2))
    await stage.commit(snapshot(1, 3, channel(10), channel(11, "c@example.com")))
    assert await stage.waiting() == {}
    assert (await stage.settle(snapshot(1, 4))).deleted == 0


async def test_a_channel_seen_at_the_second_read_lives(stage: Stage) -> None:
    """A page had shifted at the first one."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 2))
    assert await stage.settle(snapshot(1, 3, channel(10))) == Merged(seen=1)
    assert (await stage.live(), await stage.waiting()) == ({10: "a@example.com"}, {})


async def test_an_older_read_that_saw_it_says_nothing(stage: Stage) -> None:
    """It was there before it was not."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 3))
    await stage.commit(snapshot(1, 2, channel(10)))
    assert await stage.waiting() == {10: (1, "absent")}


async def test_a_read_older_than_the_present_version_makes_no_candidate(stage: Stage) -> None:
    """The channel may have come after it."""
    await stage.commit(snapshot(1, 3, channel(10)))
    await stage.commit(snapshot(1, 2))
    assert await stage.waiting() == {}


@pytest.mark.parametrize("minutes", [1, 2])
async def test_the_second_read_must_be_later_than_the_first(stage: Stage, minutes: float) -> None:
    """The same read twice is one read."""
    await stage.commit(snapshot(1, 0, channel(10)))
    await stage.commit(snapshot(1, 2))
    assert (await stage.settle(snapshot(1, minutes))).deleted == 0
    assert await stage.waiting() == {10: (1, "absent")}


async def test_what_only_the_second_read_misses_waits_for_another(stage: Stage) -> None:
    """It is absent from one read so far."""
    await stage.commit(snapshot(1, 1, channel(10), channel(11, "b@example.com")))
    await stage.commit(snapshot(1, 2, channel(11, "b@example.com")))
    assert await stage.settle(snapshot(1, 3)) == Merged(deleted=1)
    assert await stage.waiting() == {11: (1, "absent")}
    assert await stage.live() == {11: "b@example.com"}


async def test_a_channel_that_moved_between_the_reads_is_not_buried(stage: Stage) -> None:
    """It does not belong to this user any more; merging users moves channels."""
    await stage.commit(snapshot(1, 1, channel(10)), snapshot(2, 1))
    await stage.commit(snapshot(1, 2))
    await stage.commit(snapshot(2, 3, channel(10, user_id=2)))
    assert (await stage.settle(gone(1, 4))).deleted == 0
    assert (await stage.row(10))["user_id"] == 2


async def test_a_second_read_also_writes_what_is_new(stage: Stage) -> None:
    """It is a complete read like any other."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 2))
    assert await stage.settle(snapshot(1, 3, channel(12, "new@example.com"))) == Merged(seen=1, created=1, deleted=1)
    assert await stage.live() == {12: "new@example.com"}


async def test_an_empty_list_of_a_user_who_fell_out_of_the_listing_is_a_complete_read(stage: Stage) -> None:
    """Some installations answer so for deleted users: the channels take the way of all others, the user is unlisted."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 2), reason=Reason.MISSING)
    assert await stage.states() == {1: "unlisted"}
    assert await stage.waiting() == {10: (1, "absent")}
    assert await stage.settle(snapshot(1, 3)) == Merged(deleted=1)


async def test_what_a_run_holds_back_waits_for_a_person(stage: Stage) -> None:
    """A later run whose brake agrees does not settle it; a person's word does."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 2))
    await stage.candidates.hold(stage.run, by_brake=True)
    assert [ids async for ids in stage.candidates.covered_users(stage.run)] == []
    assert await stage.settle(snapshot(1, 3)) == Merged()
    assert [ids async for ids in stage.candidates.covered_users(stage.run, held=True)] == [(1,)]
    assert await stage.mirror.settle(stage.run, [snapshot(1, 4)], held=True) == Merged(deleted=1)


async def test_a_list_with_something_in_it_is_an_answer_for_whomever(stage: Stage) -> None:
    """A user outside the listing who can be read is read."""
    await stage.commit(snapshot(1, 1, channel(10), channel(11, "b@example.com")))
    await stage.commit(snapshot(1, 2, channel(11, "b@example.com")), reason=Reason.MISSING)
    assert await stage.states() == {1: "present"}
    assert await stage.waiting() == {10: (1, "absent")}


async def test_the_brake_weighs_the_users_of_the_run(stage: Stage) -> None:
    """Candidates and live channels of whom it has read, not of others."""
    reads = [snapshot(user, 1, channel(user * 10, f"{user}@example.com")) for user in range(1, 6)]
    await stage.commit(*reads)
    await stage.commit(snapshot(5, 2))
    await stage.next_run()
    assert await stage.candidates.weigh(stage.run) == Weight(candidates=0, live=0)
    await stage.commit(*[snapshot(read.user_id, 3) for read in reads[:2]], *reads[2:4])
    await stage.batch(5)  # claimed only
    assert await stage.candidates.weigh(stage.run) == Weight(candidates=2, live=4)
    assert [ids async for ids in stage.candidates.covered_users(stage.run)] == [(1, 2)]


async def test_users_come_in_chunks_each_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a chunk is settled before the next one is asked for."""
    monkeypatch.setattr("sync_worker.mirror.candidates.CHUNK", 2)
    users = range(1, 6)
    await stage.commit(*[snapshot(user, 1, channel(user, f"{user}@x"), channel(user + 10, "b")) for user in users])
    await stage.commit(*[snapshot(user, 2) for user in users])
    chunks = []
    async for chunk in stage.candidates.covered_users(stage.run):
        chunks.append(chunk)
        await stage.settle(*[snapshot(user, 3) for user in chunk[:1]])
    assert chunks == [(1, 2), (3, 4), (5,)]
    assert set(await stage.waiting()) == {2, 12, 4, 14}


async def test_what_the_brake_holds_back_is_pending_until_somebody_decides(stage: Stage) -> None:
    """By run and reason; what an earlier run holds stays with that run."""
    await stage.commit(snapshot(1, 1, channel(10)), snapshot(2, 1, channel(20), channel(21)))
    await stage.commit(gone(1, 2))
    await stage.candidates.hold(stage.run, by_brake=True)
    assert await stage.candidates.pending() == 1
    first = await stage.run_row()
    await stage.next_run()
    await stage.commit(gone(1, 3), snapshot(2, 4))
    assert await stage.candidates.weigh(stage.run) == Weight(candidates=3, live=3, held=1, held_by=(first["id"],))
    await stage.candidates.hold(stage.run, by_brake=True)
    assert await stage.candidates.pending() == 3
    assert await stage.candidates.pending() == 3
    shown = [(p.run_id, p.reason, p.channels, p.users, p.since) for p in await pending(stage.database, ["main", "x"])]
    assert shown == [(first["id"], "gone", 1, 1, at(2)), (stage.run.id, "absent", 2, 1, at(4))]
    assert [users async for users in stage.candidates.held_users(stage.run.id)] == [(2,)]
    assert await stage.candidates.count_held(stage.run.id) == 2
    assert await stage.candidates.dismiss(stage.run.id) == 2
    assert await stage.waiting() == {10: (1, "gone")}
    assert await stage.candidates.pending() == 1


async def test_a_pending_deletion_ends_when_the_channel_is_seen_again(stage: Stage) -> None:
    """Whatever a person would have decided."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 2))
    await stage.candidates.hold(stage.run, by_brake=True)
    await stage.commit(snapshot(1, 3, channel(10)))
    assert await stage.candidates.pending() == 0

"""What a complete read writes into the mirror: what is new or different, and nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from sync_worker.channels import MAX_ID, Channel, ReadOrder
from sync_worker.folding import fold
from sync_worker.mirror.columns import OPTIONAL_FIELDS
from sync_worker.mirror.merge import Merged
from tests.integration.mirror.stage import Stage, at, channel, drawn, gone, snapshot, staged, without

FULL: dict[str, Any] = {
    "position": 1,
    "bounce_count": 2,
    "last_bounce_at": at(-10),
    "last_bounce_summary": "550 no such user",
    "last_transient_bounce_at": at(-20),
    "last_transient_bounce_summary": "451 later",
    "last_suppression_bounce_at": at(-30),
    "created_at": at(-1000),
}
OTHER: dict[str, Any] = {
    name: value.replace(year=2001) if isinstance(value, datetime) else f"{value}9" if isinstance(value, str) else 77
    for name, value in FULL.items()
}
PHYSICAL = "SELECT id, xmin::text, xmax::text, ctid::text FROM mirror.communication_channels ORDER BY id"


async def test_a_new_channel_is_written_as_it_is(stage: Stage) -> None:
    """Every field of the answer has its column; the read's time is the channel's."""
    merged = await stage.commit(snapshot(1, 5, channel(10, **FULL)))
    assert merged == Merged(seen=1, created=1)
    row = await stage.row(10)
    assert without(row, *FULL) == {
        "instance": "main",
        "id": 10,
        "user_id": 1,
        "type": "email",
        "address": "a@example.com",
        "folded_address": "a@example.com",
        "workflow_state": "active",
        "bounce_known": True,
        "first_seen_at": at(5),
        "changed_at": at(5),
        "deleted_at": None,
        "origin": "canvas",
        "creation_id": 1,
        "read_epoch": 1,
        "read_number": drawn(5).number,
    }
    assert {name: row[name] for name in FULL} == FULL
    assert await stage.history(10) == []


async def test_an_unchanged_channel_costs_nothing(stage: Stage) -> None:
    """No row version, not even a lock on the row: promise 8."""
    channels = [channel(10, **FULL), channel(11), channel(12, "b@example.com", position=None)]
    await stage.commit(snapshot(1, 5, *channels))
    before = await stage.query(PHYSICAL)
    assert await stage.commit(snapshot(1, 6, *channels)) == Merged(seen=3)
    assert await stage.settle(snapshot(1, 7, *channels)) == Merged(seen=3)
    assert await stage.query(PHYSICAL) == before
    assert await stage.query("SELECT FROM mirror.channel_history") == []


async def test_an_unchanged_run_writes_next_to_nothing(stage: Stage) -> None:
    """Over all tables: the batch's own row, and the run's."""
    channels = {user: channel(user * 10, f"{user}@example.com", **FULL) for user in range(1, 101)}
    await stage.commit(*[snapshot(user, 5, channels[user]) for user in channels])
    figures = """SELECT pg_stat_force_next_flush(), schemaname || '.' || relname AS name,
        n_tup_ins + n_tup_upd + n_tup_del AS writes FROM pg_stat_user_tables"""

    async def writes() -> dict[str, int]:
        async with stage.writer.transaction() as session:  # the pool's only busy connection flushes its own figures
            await session.connection.fetch("SELECT pg_stat_force_next_flush()")
        return {row["name"]: row["writes"] for row in await stage.query(figures)}

    batch = await stage.batch(*channels)
    before = await writes()
    await stage.mirror.commit(stage.run, batch, [snapshot(user, 6, channels[user]) for user in channels])
    after = await writes()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {"worker.batches": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [("address", "new@example.com"), ("workflow_state", "unconfirmed"), ("type", "sms"), ("address", "A@example.com")],
)
async def test_a_changed_field_makes_a_version(stage: Stage, name: str, value: str) -> None:
    """The superseded version says when it held, which run saw its end, and who caused it."""
    await stage.commit(snapshot(1, 5, channel(10, **FULL)))
    old = await stage.row(10)
    merged = await stage.commit(snapshot(1, 6, channel(10, **{**FULL, name: value})))
    assert merged == Merged(seen=1, changed=1)
    folded = {"folded_address": fold(value)} if name == "address" else {}
    assert await stage.row(10) == {**old, name: value, **folded, "changed_at": at(6), "read_number": drawn(6).number}
    (version,) = await stage.history(10)
    assert without(version, "id") == {
        **without(old, "id", "first_seen_at", "changed_at", "creation_id", "read_epoch", "read_number"),
        "channel_id": 10,
        "valid_from": at(5),
        "valid_to": at(6),
        "run_id": stage.run.id,
        "origin": "canvas",
    }


@pytest.mark.parametrize("name", OPTIONAL_FIELDS)
async def test_missing_is_not_null(stage: Stage, name: str) -> None:
    """A field left out keeps what the mirror knows; null erases it; another value replaces it. One version each."""
    await stage.commit(snapshot(1, 5, channel(10, **FULL)))
    assert await stage.commit(snapshot(1, 6, channel(10, **without(FULL, name)))) == Merged(seen=1)
    assert (await stage.row(10))[name] == FULL[name]

    assert await stage.commit(snapshot(1, 7, channel(10, **{**FULL, name: None}))) == Merged(seen=1, changed=1)
    assert await stage.row(10) == {**await stage.row(10), **FULL, name: None, "changed_at": at(7)}
    assert await stage.commit(snapshot(1, 8, channel(10, **{**FULL, name: None}))) == Merged(seen=1)
    assert await stage.commit(snapshot(1, 8, channel(10, **without(FULL, name)))) == Merged(seen=1)

    other = channel(10, **{**FULL, name: OTHER[name]})
    assert await stage.commit(snapshot(1, 9, other)) == Merged(seen=1, changed=1)
    assert (await stage.row(10))[name] == OTHER[name]
    assert [version[name] for version in await stage.history(10)] == [FULL[name], None]


async def test_a_field_left_out_at_first_is_null(stage: Stage) -> None:
    """Null in the row, whatever another channel of the batch says."""
    await stage.commit(snapshot(1, 5, channel(10), channel(11, **FULL)))
    assert {name: (await stage.row(10))[name] for name in FULL} == dict.fromkeys(FULL)


@pytest.mark.parametrize("name", [name for name in OPTIONAL_FIELDS if name not in {"position", "created_at"}])
async def test_bounce_known_says_whether_a_bounce_field_was_ever_shown(stage: Stage, name: str) -> None:
    """Null counts as shown, and shown stays shown."""
    await stage.commit(snapshot(1, 5, channel(10, position=1, created_at=at(-5))))
    assert not (await stage.row(10))["bounce_known"]
    assert await stage.commit(snapshot(1, 6, channel(10).model_copy(update={name: None}))) == Merged(seen=1, changed=1)
    assert (await stage.row(10))["bounce_known"]
    assert await stage.commit(snapshot(1, 7, channel(10))) == Merged(seen=1)
    assert (await stage.row(10))["bounce_known"]
    assert [version["bounce_known"] for version in await stage.history(10)] == [False]


async def test_an_older_read_writes_nothing_over_a_newer_one(stage: Stage) -> None:
    """Not even one of the same instant."""
    await stage.commit(snapshot(1, 7, channel(10, "new@example.com")))
    for minutes in (5, 7):
        assert await stage.commit(snapshot(1, minutes, channel(10, "old@example.com"))) == Merged(seen=1, older=1)
    assert (await stage.run_row())["rows_older"] == 2
    assert await stage.live() == {10: "new@example.com"}
    assert await stage.history(10) == []


async def test_an_older_read_does_not_revive(stage: Stage) -> None:
    """A tombstone is a version like any other."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 5))
    await stage.settle(snapshot(1, 6))
    assert await stage.commit(snapshot(1, 4, channel(10))) == Merged(seen=1, older=1)
    assert await stage.live() == {}


async def test_a_tombstone_can_come_back_to_life(stage: Stage) -> None:
    """Canvas brings a retired channel back under its old id, with the new casing."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 2))
    await stage.settle(snapshot(1, 3))
    merged = await stage.commit(snapshot(1, 4, channel(10, "A@example.com")))
    assert merged == Merged(seen=1, changed=1, revived=1)
    row = await stage.row(10)
    assert (row["deleted_at"], row["first_seen_at"], row["changed_at"]) == (None, at(1), at(4))
    versions = [(v["address"], v["deleted_at"], v["valid_from"], v["valid_to"]) for v in await stage.history(10)]
    assert versions == [("a@example.com", None, at(1), at(3)), ("a@example.com", at(3), at(3), at(4))]


async def test_a_revived_channel_may_look_as_it_did(stage: Stage) -> None:
    """Life itself is the difference."""
    await stage.commit(snapshot(1, 1, channel(10)))
    await stage.commit(snapshot(1, 2))
    await stage.settle(snapshot(1, 3))
    assert await stage.commit(snapshot(1, 4, channel(10))) == Merged(seen=1, changed=1, revived=1)


async def test_a_channel_moves_within_one_batch(stage: Stage) -> None:
    """Read of the old user without it and of the new one with it: one move, no candidate."""
    await stage.commit(snapshot(1, 1, channel(10)), snapshot(2, 1))
    merged = await stage.commit(snapshot(1, 3), snapshot(2, 2, channel(10, user_id=2)))
    assert merged == Merged(seen=1, changed=1, moved=1)
    assert (await stage.row(10))["user_id"] == 2
    assert [version["user_id"] for version in await stage.history(10)] == [1]
    assert await stage.waiting() == {}


@pytest.mark.parametrize("new_first", [True, False])
@pytest.mark.parametrize(("old_at", "new_at"), [(2, 3), (3, 2)])
async def test_a_channel_moves_across_batches(stage: Stage, *, new_first: bool, old_at: int, new_at: int) -> None:
    """In whatever order the two users are read and written, it moves, and no deletion stays."""
    await stage.commit(snapshot(1, 1, channel(10)), snapshot(2, 1))
    reads = [snapshot(1, old_at), snapshot(2, new_at, channel(10, user_id=2))]
    for read in reversed(reads) if new_first else reads:
        await stage.commit(read)
    assert (await stage.row(10))["user_id"] == 2
    assert await stage.waiting() == {}
    assert (await stage.settle(snapshot(1, 9))).deleted == 0
    assert await stage.live() == {10: "a@example.com"}


async def test_one_channel_seen_with_two_users_belongs_to_the_later_read(stage: Stage) -> None:
    """It moved between the two reads of one batch."""
    reads = [snapshot(1, 3, channel(10, "old@example.com")), snapshot(2, 4, channel(10, "new@example.com", user_id=2))]
    assert await stage.commit(*reversed(reads)) == Merged(seen=1, created=1)
    row = await stage.row(10)
    assert (row["user_id"], row["address"], row["changed_at"]) == (2, "new@example.com", at(4))


async def test_nul_is_replaced_and_counted(stage: Stage) -> None:
    """PostgreSQL cannot store it; the run says how often. The next read finds no difference."""
    odd = channel(10, "a\0b@example.com", type="e\0", last_bounce_summary="\0\0", workflow_state="active")
    assert await stage.commit(snapshot(1, 5, odd)) == Merged(seen=1, created=1, nul_replaced=3)
    row = await stage.row(10)
    assert (row["address"], row["type"], row["last_bounce_summary"]) == (
        "a\ufffdb@example.com",
        "e\ufffd",
        "\ufffd\ufffd",
    )
    assert await stage.commit(snapshot(1, 6, odd)) == Merged(seen=1, nul_replaced=3)


@pytest.mark.parametrize(
    "odd",
    [
        channel(MAX_ID, user_id=MAX_ID),
        channel(1, "日本語@例え.jp", workflow_state="übrig"),
        channel(1, "Ünïcode \U0001f4e7 \u202e e\u0301"),
        channel(1, "x" * 200_000),
        channel(1, ""),
        channel(1, "'; DROP TABLE mirror.users; -- $1 %s {} \\"),
        channel(1, type="yo"),
        channel(1, "For All Devices", type="push", position=None),
        channel(1, position=-(2**31), bounce_count=2**31 - 1),
    ],
    ids=range(9),
)
async def test_odd_channels_survive(stage: Stage, odd: Channel) -> None:
    """Big ids, other scripts, long addresses, unknown types: as they are, and no difference the second time."""
    assert await stage.commit(snapshot(odd.user_id, 5, odd)) == Merged(seen=1, created=1)
    row = await stage.row(odd.id)
    assert {name: row[name] for name in odd.model_fields_set} == odd.model_dump(exclude_unset=True)
    assert await stage.commit(snapshot(odd.user_id, 6, odd)) == Merged(seen=1)


async def test_the_user_is_the_one_that_was_asked_for(stage: Stage) -> None:
    """A local id in the answer to a global one does not make two users."""
    await stage.commit(snapshot(20_000_000_000_007, 5, channel(10, user_id=7)))
    assert (await stage.row(10))["user_id"] == 20_000_000_000_007


async def test_instances_do_not_meet(stage: Stage) -> None:
    """The same ids in two installations are two channels and two users."""
    async with staged(stage.database, "other") as other:
        await stage.commit(snapshot(1, 5, channel(10)))
        await other.commit(snapshot(1, 6, channel(10, "other@example.com")))
        await other.commit(gone(1, 7))
        await other.settle(gone(1, 8))
        assert (await stage.live(), await other.live()) == ({10: "a@example.com"}, {})
        assert (await stage.waiting(), await stage.history(10)) == ({}, [])


@pytest.mark.parametrize(("order", "written"), [((2, 1), True), ((1, 9), True), ((1, 5), False), ((0, 99), False)])
async def test_the_epoch_decides_first_then_the_number(stage: Stage, order: tuple[int, int], *, written: bool) -> None:
    """What a writer read before it lost its lock never overwrites what a later one has read, whatever the times say."""
    row = ReadOrder(epoch=1, number=5)
    await stage.commit(replace(snapshot(1, 0, channel(10, "first@example.com")), order=row))
    read = replace(
        snapshot(1, -999 if written else 999, channel(10, "x@example.com")),
        order=ReadOrder(epoch=order[0], number=order[1]),
    )
    assert await stage.commit(read) == Merged(seen=1, changed=written, older=not written)
    assert await stage.live() == {10: "x@example.com" if written else "first@example.com"}


async def test_a_read_without_an_order_is_never_written(stage: Stage) -> None:
    """Nobody can say what it is newer than."""
    with pytest.raises(ValueError, match="the read of user 1 has no order"):
        await stage.commit(replace(snapshot(1, 5, channel(10)), order=None))
    assert await stage.live() == {}


async def test_a_batch_and_every_other_read_have_their_number_before_they_begin(stage: Stage) -> None:
    """Out of one sequence, within the writer's epoch."""
    first = (await stage.batch(1)).order
    second = await stage.mirror.read_order()
    third = (await stage.batch(2)).order
    assert first < second < third
    assert {first.epoch, second.epoch, third.epoch} == {stage.writer.epoch}


async def test_a_version_after_a_step_back_begins_a_microsecond_later(stage: Stage) -> None:
    """No interval is empty or turned round, and the next one begins where it ends."""
    await stage.commit(snapshot(1, 5, channel(10)))
    await stage.commit(replace(snapshot(1, -1000, channel(10, "b@example.com")), order=drawn(6)))
    await stage.commit(replace(snapshot(1, -999), order=drawn(7)))
    await stage.settle(replace(snapshot(1, -998), order=drawn(8)))
    tick = timedelta(microseconds=1)
    edges = [(version["valid_from"], version["valid_to"]) for version in await stage.history(10)]
    assert edges == [(at(5), at(5) + tick), (at(5) + tick, at(5) + 2 * tick)]
    row = await stage.row(10)
    assert row["changed_at"] == row["deleted_at"] == at(5) + 2 * tick

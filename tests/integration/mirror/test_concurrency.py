"""Batches of one run are written while others are read: their transactions come one after the other."""

from sync_worker.channels import User
from sync_worker.tasks import TaskGroup
from tests.integration.mirror.stage import Stage, channel, snapshot


async def test_a_newer_read_wins_whichever_commits_first(stage: Stage) -> None:
    """A new channel seen with two users, in two batches that commit at the same moment."""
    for number in range(1, 21):
        older = await stage.batch(number)
        newer = await stage.batch(number + 100)
        reads = [
            (older, snapshot(number, 1, channel(number, "old@example.com"))),
            (newer, snapshot(number + 100, 2, channel(number, "new@example.com"))),
        ]
        async with TaskGroup() as group:
            for batch, read in reads if number % 2 else reversed(reads):
                group.create_task(stage.mirror.commit(stage.run, batch, [read]))
    assert set((await stage.live()).values()) == {"new@example.com"}
    holes = """SELECT FROM mirror.channel_history h JOIN mirror.communication_channels m
        ON m.instance = h.instance AND m.id = h.channel_id WHERE h.valid_to <> m.changed_at OR h.address = m.address"""
    assert await stage.query(holes) == []


async def test_many_at_once_neither_deadlock_nor_disturb_each_other(stage: Stage) -> None:
    """Enrolment, claims and commits that touch the same users and channels in opposite orders."""
    people = list(range(1, 31))
    shared = [channel(number, f"{number}@example.com") for number in range(1, 201)]
    batches = [await stage.batch(number) for number in people]

    async def commit(number: int) -> None:
        channels = shared if number % 2 else shared[::-1]
        await stage.mirror.commit(stage.run, batches[number - 1], [snapshot(number, number, *channels)])

    async with TaskGroup() as group:
        for number in people:
            group.create_task(commit(number))
        for order in (people, people[::-1]):
            group.create_task(stage.enrol(*[User(id=number, login_id=f"{order[0]}") for number in order], size=7))
    owners = await stage.query("SELECT DISTINCT user_id FROM mirror.communication_channels")
    assert [row["user_id"] for row in owners] == [30]
    overlaps = """SELECT FROM (
        SELECT valid_to, lead(valid_from) OVER (PARTITION BY channel_id ORDER BY valid_from) AS next
        FROM mirror.channel_history) v WHERE next <> valid_to"""
    assert await stage.query(overlaps) == []

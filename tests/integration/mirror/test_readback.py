"""Reading the mirror back."""

import pytest

from sync_worker.channels import RefKind, User, UserRef, by_id
from sync_worker.mirror.readback import all_channels, channels_of_user, find_users, instance_status
from sync_worker.mirror.runs import FailedUser, Reason, RunEnd
from tests.integration.mirror.stage import Stage, at, channel, failure, gone, ids, snapshot, staged, unreadable


async def test_a_users_channels_come_in_their_order(stage: Stage) -> None:
    """By position, those without one last; only live ones, only of this user."""
    channels = [channel(number, f"{number}@x", position=position) for number, position in ((1, None), (2, 7), (3, 2))]
    await stage.commit(snapshot(1, 1, *channels, channel(4)), snapshot(2, 1, channel(5, user_id=2)))
    await stage.commit(snapshot(1, 2, *channels))
    await stage.settle(snapshot(1, 3, *channels))
    assert ids(await channels_of_user(stage.database, "main", 1)) == [3, 2, 1]
    assert await channels_of_user(stage.database, "other", 1) == []


async def test_everybodys_channels_come_in_pages(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order of user and channel, each once, also where a page ends within a user."""
    monkeypatch.setattr("sync_worker.mirror.readback.PAGE", 2)
    owners = {1: 9, 2: 8, 3: 9, 4: 9, 5: 8, 6: 1, 7: 9}
    reads = [
        snapshot(user, 1, *[channel(number, f"{number}@x") for number, owner in owners.items() if owner == user])
        for user in (9, 8, 1)
    ]
    await stage.commit(*reads)
    async with staged(stage.database, "other") as other:
        await other.commit(snapshot(1, 1, channel(1)))
    found = [(row["user_id"], row["id"]) async for row in all_channels(stage.database, "main")]
    assert found == sorted((user, number) for number, user in owners.items())


async def test_users_are_found_by_each_identifier(stage: Stage) -> None:
    """A SIS id that two rows have is both of them."""
    people = [User(id=1, sis_user_id="S1", login_id="ann", integration_id="I1"), User(id=2, sis_user_id="S1")]
    await stage.enrol(*people)

    async def found(reference: UserRef) -> list[int]:
        return ids(await find_users(stage.database, "main", reference))

    assert await found(by_id(2)) == [2]
    assert await found(UserRef(kind=RefKind.SIS, value="S1")) == [1, 2]
    assert await found(UserRef(kind=RefKind.LOGIN, value="ann")) == [1]
    assert await found(UserRef(kind=RefKind.INTEGRATION, value="I1")) == [1]
    assert await found(UserRef(kind=RefKind.LOGIN, value="nobody")) == []
    assert await found(UserRef(kind=RefKind.SELF)) == []


async def test_the_status_of_an_instance(stage: Stage) -> None:
    """Figures of the mirror, of the last run, and of what waits."""
    await stage.commit(snapshot(1, 1, channel(10), channel(11)), gone(2, 1), unreadable(3, 1), failure(4, 1))
    await stage.commit(snapshot(1, 2, channel(10)))
    await stage.candidates.hold(stage.run, by_brake=True)
    stage.clock.time = at(5)
    await stage.ledger.finish(stage.run, RunEnd(status="partial", exit_code=3, message=""))
    status = await instance_status(stage.database, stage.clock, "main", ["account:self"])
    assert status.origin == "https://school.example.com"
    users = (status.users_present, status.users_unreadable, status.users_unlisted, status.users_gone)
    assert users == (1, 1, 0, 1)
    assert (status.channels_live, status.deletions_pending, status.open_failures) == (2, 1, 2)
    assert (status.last_success_at, ids(list(status.runs))) == (at(5), [stage.run.id])
    other = await instance_status(stage.database, stage.clock, "main", ["account:self", "file:all.csv"])
    assert other.last_success_at is None  # a run over some of the users makes nothing fresh


async def test_the_latest_runs_come_first(stage: Stage) -> None:
    """A few of each instance."""
    for _ in range(3):
        await stage.next_run()
    status = await instance_status(stage.database, stage.clock, "main", ["account:self"], runs=2)
    assert ids(list(status.runs)) == [stage.run.id, stage.run.id - 1]


async def test_an_unfinished_run_counts_its_batches(stage: Stage) -> None:
    """Nobody sums up a killed one; not while it says that it runs, nor when the next command finds it."""
    await stage.commit(snapshot(1, 1, channel(10), channel(11)), gone(2, 1), failure(3, 1))
    await stage.batch(4, 5)
    unknown = FailedUser(
        reference="sis_user_id:S9",
        user_id=None,
        kind="not_found",
        status=404,
        message="nobody",
        reason=Reason.SOURCE,
        failed_at=at(1),
    )
    await stage.ledger.note_failures(stage.run, [unknown])

    async def figures() -> tuple[str, list[int]]:
        (run,) = (await instance_status(stage.database, stage.clock, "main", ["account:self"], runs=1)).runs
        names = ("users_total", "users_done", "users_gone", "users_failed", "channels_created")
        return run["status"], [run[name] for name in names]

    so_far = [6, 1, 1, 2, 2]  # the reference that nobody knows is one of those who failed
    assert await figures() == ("running", so_far)
    async with stage.writer.transaction() as session:
        await session.execute("interrupt_runs", "main", at(2))
    assert await figures() == ("interrupted", so_far)
    await stage.ledger.finish(stage.run, RunEnd(status="partial", exit_code=3, message=""))
    assert await figures() == ("partial", so_far)


async def test_an_instance_that_never_ran_has_a_status(stage: Stage) -> None:
    """Nothing, rather than an error."""
    never = await instance_status(stage.database, stage.clock, "never", ["account:self"])
    assert (never.origin, never.holder, never.runs, never.channels_live, never.last_success_at) == (
        None,
        None,
        (),
        0,
        None,
    )

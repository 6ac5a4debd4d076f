"""Users that vanish from the listing: what each kind of answer proves."""

import pytest

from sync_worker.sandbox import Fault
from tests.integration.flows.harness import Stage, quick, staged


@pytest.mark.parametrize(("answer", "state"), [("404", "gone"), ("401", "unlisted"), ("empty", "unlisted")])
async def test_a_user_that_fell_out_of_the_listing(database_url: str, answer: str, state: str) -> None:
    """404 and an empty list end in tombstones after the second read; 401 proves nothing: the rows stay, shown apart."""
    async with staged(database_url, options=quick(deleted_user_answer=answer)) as stage:
        await stage.run()
        deleted, merged, into = stage.ids[20], stage.ids[21], stage.ids[22]
        kept = await stage.rows_of(deleted)
        doomed, moving = stage.channels_of(deleted), stage.channels_of(merged)
        stage.school.delete_user(deleted)
        stage.school.merge_users(merged, into)
        report = await stage.run()
        assert report.exit_code == 0, report.findings
        assert report.figures.users_missing == 2
        assert (await stage.state(deleted), await stage.state(merged)) == (state, state)
        assert await stage.rows_of(deleted, merged) == (kept if answer == "401" else {})
        assert await stage.tombstones() == (set() if answer == "401" else doomed)
        assert set(await stage.rows_of(into)) >= moving
        stage.sandbox.counters.reset()
        again = await stage.run()
        assert (again.exit_code, again.figures.users_missing) == (0, 0)
        assert deleted not in stage.sandbox.counters.channel_lists


async def test_a_restored_user_lives_again(stage: Stage) -> None:
    """Back in the listing, present again; new channels come, old ones stay tombstones."""
    await stage.run()
    user = stage.ids[20]
    doomed = stage.channels_of(user)
    stage.school.delete_user(user)
    await stage.run()
    stage.school.restore_user(user)
    stage.school.create(user, "email", "again@example.com")
    report = await stage.run()
    assert (report.exit_code, await stage.state(user)) == (0, "present")
    await stage.assert_equal()
    assert await stage.tombstones() == doomed - set(stage.truth())


async def test_a_listed_user_that_says_404_is_gone(stage: Stage) -> None:
    """By number 404 means deleted, whoever named the user."""
    await stage.run()
    user = stage.ids[30]
    stage.school.delete_user(user)
    report = await stage.run(f"id:{user},{stage.ids[31]}")
    assert (report.exit_code, report.figures.users_gone, await stage.state(user)) == (0, 1, "gone")
    assert await stage.rows_of(user) == {}


async def test_gone_at_the_first_read_and_there_at_the_second(stage: Stage) -> None:
    """One 404 that was wrong: nothing is deleted, and the user is present."""
    await stage.run()
    user = stage.ids[20]
    fault = Fault(route="list_channels", user_ids=frozenset({user}), times=1, status=404, body='{"errors":[]}')
    stage.sandbox.add_fault(fault)
    report = await stage.run()
    assert (report.exit_code, report.figures.users_gone) == (0, 1)
    assert await stage.state(user) == "present"
    await stage.assert_equal()


async def test_there_at_the_first_read_and_gone_at_the_second(stage: Stage) -> None:
    """A user who was deleted during the run is gone, not present without channels."""
    await stage.run()
    user = stage.ids[20]
    stage.school.retire(min(stage.channels_of(user)))
    fault = Fault(route="list_channels", user_ids=frozenset({user}), first=2, status=404, body='{"errors":[]}')
    stage.sandbox.add_fault(fault)
    assert (await stage.run()).exit_code == 0
    assert await stage.state(user) == "gone"

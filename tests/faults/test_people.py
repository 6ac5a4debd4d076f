"""Users and tokens that go away while a run is at it."""

import pytest

from sync_worker.errors import QuotaExhausted
from sync_worker.sandbox import Fault
from tests.faults.scene import IMPATIENT, INSTANCE, HurriedClock
from tests.integration.flows.harness import quick, staged

GONE = [("404", "gone", True), ("401", "unlisted", False), ("empty", "unlisted", True)]
"""What Canvas answers for a deleted user; the user's state; whether the rows are buried."""


@pytest.mark.parametrize(("answer", "state", "buried"), [("404", "gone", True), ("401", "unreadable", False)])
async def test_a_user_who_goes_between_listing_and_fetching(
    database_url: str, answer: str, state: str, *, buried: bool
) -> None:
    """Listed once more, and then not there: gone by a 404, kept by anything less; nobody else loses anything."""
    async with staged(database_url, options=quick(users=12, deleted_user_answer=answer)) as stage:
        await stage.run()
        user = stage.ids[5]
        before = await stage.rows_of(user)
        body = f'[{", ".join(f"""{{"id": {each}}}""" for each in stage.ids)}]'
        stage.school.delete_user(user)
        stage.sandbox.add_fault(Fault(route="list_users", status=200, body=body))
        report = await stage.run(min_coverage_percent=0.0)
        assert report.exit_code == (0 if buried else 3)
        assert await stage.state(user) == state
        assert await stage.rows_of(user) == ({} if buried else before)
        assert {i for i in await stage.tombstones() if stage.school.channels[i].live} == set()


@pytest.mark.parametrize(("answer", "state", "buried"), GONE)
async def test_a_deleted_user(database_url: str, answer: str, state: str, *, buried: bool) -> None:
    """Not listed any more, and asked for singly: a 404 and twice an empty list are proof, a 401 is none."""
    async with staged(database_url, options=quick(users=40, deleted_user_answer=answer)) as stage:
        await stage.run()
        user = stage.ids[5]
        before = await stage.rows_of(user)
        stage.school.delete_user(user)
        report = await stage.run()
        assert (report.exit_code, await stage.state(user)) == (0, state)
        assert await stage.rows_of(user) == ({} if buried else before)


async def test_a_token_that_is_blocked_on_the_way(database_url: str) -> None:
    """The run waits as long as its patience, stops with exit 7, deletes nobody, and goes on when the block is over."""
    async with staged(database_url, options=quick(users=40), clock=HurriedClock()) as stage:
        await stage.run()
        stage.instance = {**INSTANCE, **IMPATIENT, "max_attempts": 5}
        for user in stage.ids[10:12]:
            stage.school.retire(min(stage.channels_of(user)))
        stage.sandbox.add_fault(Fault(route="list_channels", first=15, status=403, body="Rate Limit Exceeded"))
        stage.sandbox.add_fault(Fault(route="get_user", status=403, body="Rate Limit Exceeded"))  # the neutral question
        with pytest.raises(QuotaExhausted):
            await stage.run()
        stage.sandbox.clear_faults()
        stage.sandbox.tokens.block(stage.sandbox.token)
        with pytest.raises(QuotaExhausted) as stopped:
            await stage.run()
        assert stopped.value.exit_code == 7
        assert await stage.tombstones() == set()
        stage.sandbox.tokens.block(stage.sandbox.token, blocked=False)
        report = await stage.run()
        assert (report.exit_code, report.resumed) == (0, True)
        await stage.assert_equal()

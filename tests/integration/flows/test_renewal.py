"""Access tokens that end while a run or an apply is at work, with what renews them and without."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

import pytest

from sync_worker.errors import CanvasUnreachable, TokenRefused
from sync_worker.sandbox import Fault, Role, SandboxOptions
from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.harness import Stage, quick, staged

OAUTH = {
    "client_id": SandboxOptions().client_id,
    "client_secret": SandboxOptions().client_secret,
    "refresh_token": SandboxOptions().refresh_token,
}


@asynccontextmanager
async def renewing(database_url: str, **options: Any) -> AsyncIterator[Stage]:
    """A school of three hundred, and a worker that renews its tokens."""
    async with staged(database_url, options=quick(users=300, **options)) as stage:
        stage.instance |= {"token": None, "oauth": OAUTH}
        yield stage


async def test_tokens_that_end_during_a_run(database_url: str) -> None:
    """Several times, whatever is in flight: the run ends well, and the mirror is the school."""
    async with renewing(database_url, access_token_requests=150) as stage:
        report = await stage.run()
        assert (report.exit_code, report.findings, report.figures.users_done) == (0, (), 300)
        assert len(stage.sandbox.renewals.given) >= 3
        assert stage.sandbox.counters.unauthorised > 0
        assert report.requests == stage.sandbox.counters.requests
        await stage.assert_equal()
        again = await stage.run()
        assert (again.exit_code, again.figures.channels_changed, again.pending) == (0, 0, 0)


async def test_tokens_that_end_during_an_apply(applying: Applying) -> None:
    """Each create and each delete is carried out once, and the journal knows it."""
    stage = applying.stage
    users = list(islice(applying.desire.plain(), 12))
    for user in users:
        stage.school.create(user, "email", f"extra{user}@x.example")
    creates = [f"{user},email,n{user}@x.example,present" for user in users]
    deletes = [f"{user},email,extra{user}@x.example,absent" for user in users]
    stage.instance["guards"] = {"max_delete_percent": 100.0, "max_deletes": 100}
    number = await applying.planned(*creates, *deletes)
    stage.instance["oauth"] = OAUTH
    async with stage.rooms() as rooms:
        report = await _ending_tokens(applying, rooms, number)
    assert (report.exit_code, report.left) == (0, 0)
    assert await applying.statuses(number) == {"done": 24}
    routes = stage.sandbox.counters.by_route
    assert stage.sandbox.counters.unauthorised > 0
    assert routes["renew"] > 3
    for user in users:
        live = Counter(address for _, address, _ in applying.live(user))
        assert (live[f"n{user}@x.example"], live[f"extra{user}@x.example"]) == (1, 0)
    await applying.assert_equal(users)


async def _ending_tokens(applying: Applying, rooms: Any, number: int) -> Any:
    """Apply while Canvas ends the token at each thirteenth request."""
    for first in range(13, 200, 13):
        applying.stage.sandbox.add_fault(
            Fault(first=first, last=first, status=401, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'})
        )
    return await applying.apply_in(rooms, number)


async def test_an_authorisation_that_is_withdrawn_during_a_run(database_url: str) -> None:
    """Exit 5, with what to do; nobody is concluded to be missing, and the run goes on when there is another one."""
    async with renewing(database_url) as stage:
        await stage.run()
        stage.school.retire(min(stage.channels_of(stage.ids[200])))
        stage.sandbox.add_fault(Fault(route="list_channels", first=100, times=1, status=401, headers=REFUSED))
        stage.sandbox.add_fault(Fault(route="renew", first=2, status=400, body='{"error": "invalid_request"}'))
        stage.sandbox.counters.reset()
        with pytest.raises(TokenRefused, match="Authorise the program in Canvas again") as refused:
            await stage.run()
        assert refused.value.exit_code == 5
        assert stage.sandbox.counters.by_route["renew"] == 2
        run = await stage.last_run()
        assert (run["status"], run["exit_code"], run["users_failed"]) == ("interrupted", 5, 0)
        assert await stage.tombstones() == set()
        stage.sandbox.clear_faults()
        report = await stage.run()
        assert (report.exit_code, report.resumed) == (0, True)
        await stage.assert_equal()


async def test_nobody_there_to_renew(database_url: str) -> None:
    """An outage of the renewal is an outage of Canvas: exit 7, resumable; users are not failures."""
    async with renewing(database_url, access_token_requests=150) as stage:
        stage.run_table["batch_size"] = 300
        stage.sandbox.add_fault(Fault(route="renew", first=2, status=503))
        with pytest.raises(CanvasUnreachable, match="POST /login/oauth2/token") as unreachable:
            await stage.run()
        assert unreachable.value.exit_code == 7
        assert (await stage.last_run())["status"] == "interrupted"
        stage.sandbox.clear_faults()
        report = await stage.run()
        assert (report.exit_code, report.resumed) == (0, True)
        await stage.assert_equal()


REFUSED = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}


async def test_a_lasting_token_that_ends_during_a_run(database_url: str) -> None:
    """Without anything to renew it: exit 5, nothing is lost, and a new token goes on where the old one stopped."""
    async with staged(database_url, options=quick(users=300)) as stage:
        stage.sandbox.tokens.expire_after(stage.sandbox.token, 150)
        with pytest.raises(TokenRefused) as refused:
            await stage.run()
        assert refused.value.exit_code == 5
        read = (await stage.last_run())["users_done"]
        assert 0 < read < 300
        stage.sandbox.add_token("the-next-one", role=Role.SITE_ADMIN)
        stage.sandbox.counters.reset()
        stage.instance["token"] = "the-next-one"
        report = await stage.run()
        assert (report.exit_code, report.resumed) == (0, True)
        assert len(stage.sandbox.counters.channel_lists) == 300 - read
        await stage.assert_equal()

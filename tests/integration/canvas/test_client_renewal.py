"""Access tokens that end, against the sandbox: one renewal for all, no request lost, no create sent twice."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest
from typing_extensions import override

from sync_worker import logs
from sync_worker.canvas.client import CanvasClient
from sync_worker.canvas.options import RefreshGrant
from sync_worker.channels import by_id
from sync_worker.clock import Clock
from sync_worker.errors import ClientRefused, TokenRefused, Trouble
from sync_worker.sandbox import Fault, FaultKind, Sandbox, SandboxOptions
from sync_worker.tasks import TaskGroup
from tests.integration.canvas.harness import EagerClock, connected, raw_server

GRANT = RefreshGrant(
    client_id=SandboxOptions().client_id,
    client_secret=SandboxOptions().client_secret,
    refresh_token=SandboxOptions().refresh_token,
)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    """Leave the secrets that logs hide as they were."""
    before = set(logs._secrets)
    yield
    logs._secrets.clear()
    logs._secrets.update(before)


class Standing(EagerClock):
    """Time that only moves when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1000.0

    @override
    def monotonic(self) -> float:
        return self.time


@asynccontextmanager
async def school(**given: Any) -> AsyncIterator[Sandbox]:
    """Forty users, no throttle."""
    options = {"users": 40, "throttle": False, "mean_server_time": 0.0, **given}
    async with Sandbox(SandboxOptions(**options)) as sandbox:
        yield sandbox


@asynccontextmanager
async def renewing(sandbox: Sandbox, clock: EagerClock | None = None, **given: Any) -> AsyncIterator[CanvasClient]:
    """A client that renews its tokens."""
    async with connected(sandbox.base_url, clock=clock, **{"grant": GRANT, **given}) as client:
        yield client


async def test_the_first_token_is_asked_for_when_it_is_needed() -> None:
    """Once, however many requests begin together; logs hide it."""
    async with school() as sandbox, renewing(sandbox) as client:
        assert sandbox.counters.requests == 0
        async with TaskGroup() as group:
            for user_id in sandbox.school.users:
                group.create_task(client.list_channels(by_id(user_id)))
        assert sandbox.counters.by_route["renew"] == 1
        assert sandbox.counters.unauthorised == 0
        (given,) = sandbox.renewals.given
    assert given not in logs.redact(f"it was {given}.")


async def test_a_token_that_is_refused_is_renewed_once_for_all() -> None:
    """Every list is read, whatever was refused meanwhile; nobody waits between two attempts."""
    clock = EagerClock()
    async with school(access_token_requests=25) as sandbox, renewing(sandbox, clock) as client:
        async with TaskGroup() as group:
            lists = [group.create_task(client.list_channels(by_id(user_id))) for user_id in sandbox.school.users]
        live = {channel.id for user in sandbox.school.users.values() for channel in user.live_channels()}
        assert {channel.id for each in lists for channel in each.result()} == live
        asked = sandbox.counters.by_route["list_channels"] - sandbox.counters.unauthorised
        assert sandbox.counters.by_route["renew"] == -(-asked // 25)
        assert sandbox.counters.unauthorised > 0
        assert (client.traffic.retries, clock.slept) == (0, [])


async def test_a_token_is_renewed_before_it_ends() -> None:
    """A minute before: no request is ever refused."""
    clock = Standing()
    async with school() as sandbox, renewing(sandbox, clock) as client:
        for step in (0.0, 3539.0, 1.0, 3539.0, 1.0):
            clock.time += step
            await client.get_user(by_id(next(iter(sandbox.school.users))))
        assert len(sandbox.renewals.given) == 3
        assert sandbox.counters.unauthorised == 0


async def test_a_life_too_short_for_any_margin() -> None:
    """A token that ends at once is used at once: one renewal for each request, and no end of the world."""
    clock = Standing()
    async with (
        raw_server(OK, b'{"access_token": "short-lived", "expires_in": 0, "id": 1}') as server,
        connected(server.base_url, clock=clock, grant=GRANT) as client,
    ):
        for _ in range(2):
            assert (await client.get_user(by_id(1))).id == 1
    assert [request.split()[0] for request in server.requests] == [b"POST", b"GET"] * 2


OK = "HTTP/1.1 200 OK\nContent-Type: application/json\nConnection: close"


async def test_a_create_that_was_refused_for_its_token_is_sent_again() -> None:
    """It was surely not carried out: one channel comes of it."""
    async with school() as sandbox, renewing(sandbox) as client:
        user_id = list(sandbox.school.users)[5]
        await client.get_user(by_id(user_id))
        sandbox.tokens.revoke(sandbox.renewals.given[-1])
        made = await client.create_channel(by_id(user_id), type="email", address="a@x.example", skip_confirmation=True)
        assert sandbox.counters.by_route["create"] == 2
        assert [c.id for c in sandbox.school.users[user_id].live_channels() if c.address == "a@x.example"] == [made.id]


async def test_a_delete_that_was_refused_for_its_token_is_sent_again() -> None:
    """Also where its form has to be sent again."""
    async with school() as sandbox, renewing(sandbox) as client:
        user_id = list(sandbox.school.users)[5]
        await client.get_user(by_id(user_id))
        sandbox.tokens.revoke(sandbox.renewals.given[-1])
        gone = await client.delete_channel(by_id(user_id), sandbox.school.users[user_id].live_channels()[0].id)
        assert gone is not None
        assert gone.workflow_state == "retired"


async def test_a_request_that_is_always_refused_stops_the_run() -> None:
    """After three new tokens and one probe, not never."""
    async with school() as sandbox, renewing(sandbox) as client:
        sandbox.add_fault(Fault(route="get_user", status=401, headers={"WWW-Authenticate": "Bearer"}))
        with pytest.raises(TokenRefused, match="GET /users/1: Canvas refused the access token"):
            await client.get_user(by_id(1))
        assert (sandbox.counters.by_route["get_user"], len(sandbox.renewals.given)) == (5, 4)


@pytest.mark.parametrize(
    ("grant", "message"),
    [
        ({"client_id": "7"}, "invalid_client: unknown client. Check client_id"),
        ({"client_secret": "wrong"}, "invalid_client: invalid client. Check client_id"),
        ({"refresh_token": "wrong"}, "invalid_request: refresh_token not found. Authorise the program"),
    ],
)
async def test_a_refused_renewal_stops_the_run(grant: dict[str, str], message: str) -> None:
    """Within one answer, for all who wait; it says what to do."""
    fields = {"client_id": GRANT.client_id, "client_secret": GRANT.client_secret, "refresh_token": GRANT.refresh_token}
    async with school() as sandbox, renewing(sandbox, grant=RefreshGrant(**{**fields, **grant})) as client:
        errors = await _all(client, 5)
        assert sandbox.counters.requests == 1
    assert all(isinstance(error, TokenRefused) and message in str(error) for error in errors)
    assert len({id(error) for error in errors}) == 5  # each its own: an error that is raised twice grows


async def _all(client: CanvasClient, number: int) -> list[BaseException]:
    """What comes of so many requests at once that fail."""
    errors: list[BaseException] = []

    async def one(user_id: int) -> None:
        try:
            await client.get_user(by_id(user_id))
        except Exception as error:  # noqa: BLE001  (each is looked at)
            errors.append(error)

    async with TaskGroup() as group:
        for user_id in range(1, number + 1):
            group.create_task(one(user_id))
    return errors


@pytest.mark.parametrize(
    "fault",
    [
        Fault(route="renew", status=503, times=2),
        Fault(route="renew", status=429, times=2),
        Fault(route="renew", status=401, body="<html>", times=2),
        Fault(route="renew", status=200, body="{}", times=2),
        Fault(route="renew", kind=FaultKind.CLOSE, times=2),
        Fault(route="renew", kind=FaultKind.HTML, times=2),
        Fault(route="renew", kind=FaultKind.RESET_AFTER, times=2),
    ],
    ids=["503", "429", "401 HTML", "no token", "closed", "login page", "answer lost"],
)
async def test_trouble_with_a_renewal_is_retried(fault: Fault) -> None:
    """As any other trouble, with backoff; a create goes too, for it was never sent."""
    clock = EagerClock()
    async with school() as sandbox, renewing(sandbox, clock) as client:
        sandbox.add_fault(fault)
        user_id = list(sandbox.school.users)[5]
        await client.create_channel(by_id(user_id), type="email", address="a@x.example", skip_confirmation=True)
        assert (sandbox.counters.by_route["renew"], sandbox.counters.by_route["create"]) == (3, 1)
        assert clock.slept == [0.5, 1.0]


async def test_lasting_trouble_with_a_renewal() -> None:
    """It is trouble in the end, and says with what; a create was surely not sent."""
    async with school() as sandbox, renewing(sandbox) as client:
        sandbox.add_fault(Fault(route="renew", status=503))
        with pytest.raises(Trouble) as caught:
            await client.create_channel(by_id(1), type="email", address="a@x.example", skip_confirmation=True)
        words = "POST /login/oauth2/token: no usable answer: status 503 (attempt 3, the last one)"
        assert str(caught.value) == words
        assert (sandbox.counters.requests, sandbox.counters.by_route["renew"]) == (3, 3)


async def test_who_waits_together_shares_a_renewal() -> None:
    """Also one that fails: the errors are equal, and each its own, for an error that is raised twice grows."""
    async with school() as sandbox, renewing(sandbox) as client:
        await _warmed_up(client)
        sandbox.tokens.revoke(sandbox.renewals.given[-1])
        sandbox.add_fault(Fault(route="renew", status=503))
        errors = await _all(client, 5)
        assert len({id(error) for error in errors}) == 5
        assert {str(error) for error in errors} == {
            "POST /login/oauth2/token: no usable answer: status 503 (attempt 3, the last one)"
        }
        assert sandbox.counters.by_route["renew"] == 1 + 3


async def _warmed_up(client: CanvasClient) -> None:
    """So many answers that the gate lets a handful in at once."""
    for _ in range(10):
        await client.get_user(by_id(1000))


async def test_a_refused_program_is_no_refused_token() -> None:
    """A 403 that speaks of the User-Agent."""
    async with school() as sandbox, renewing(sandbox) as client:
        sandbox.add_fault(Fault(route="renew", status=403, body="User-Agent required", content_type="text/plain"))
        with pytest.raises(ClientRefused, match="user_agent_contact"):
            await client.get_user(by_id(1))


async def test_the_secrets_go_nowhere_else() -> None:
    """A redirect of the renewal is not followed: the other port hears nothing."""
    async with raw_server(OK, b"{}") as elsewhere, school() as sandbox, renewing(sandbox) as client:
        sandbox.add_fault(Fault(route="renew", kind=FaultKind.REDIRECT, link=f"{elsewhere.base_url}/"))
        with pytest.raises(Trouble, match="set base_url to the address it moved to"):
            await client.get_user(by_id(1))
    assert elsewhere.requests == []


async def test_whoever_asked_is_cancelled() -> None:
    """Another one who waited asks in its place."""
    async with school() as sandbox, renewing(sandbox) as client:
        await _warmed_up(client)
        sandbox.tokens.revoke(sandbox.renewals.given[-1])
        sandbox.add_fault(Fault(route="renew", kind=FaultKind.HANG, seconds=60, times=1))
        async with TaskGroup() as group:
            first = group.create_task(client.get_user(by_id(1001)))
            while sandbox.counters.faults == 0:
                await Clock().sleep(0.01)
            second = group.create_task(client.get_user(by_id(1002)))
            while sandbox.counters.unauthorised < 2:
                await Clock().sleep(0.01)
            first.cancel()
        assert (first.cancelled(), second.result().id) == (True, 1002)
        assert sandbox.counters.by_route["renew"] == 3


async def test_two_programs_with_one_grant() -> None:
    """Each ends the other's token, and both get on."""
    async with school() as sandbox, renewing(sandbox) as one, renewing(sandbox) as other:
        users = list(sandbox.school.users)
        for here, there in pairwise(users):
            assert (await one.get_user(by_id(here))).id == here
            assert (await other.get_user(by_id(there))).id == there
        assert sandbox.counters.unauthorised == 2 * (len(users) - 2)

"""Access tokens that end, as the sandbox gives them."""

import pytest
from typing_extensions import override

from sync_worker.sandbox.clock import Clock
from tests.integration.sandbox.visitor import Reply, Visitor, visiting

GRANT = {
    "grant_type": "refresh_token",
    "client_id": "10000000000001",
    "client_secret": "sandbox-client-secret",
    "refresh_token": "sandbox-refresh-token",
}


class Standing(Clock):
    """Time that only moves when it is told to."""

    time = 1000.0

    @override
    def monotonic(self) -> float:
        return self.time


async def renewed(visitor: Visitor, **fields: str) -> Reply:
    """Ask for an access token; `fields` are written over the right ones."""
    return await visitor.ask("POST", "/login/oauth2/token", token=None, data={**GRANT, **fields})


async def test_a_token_for_an_hour() -> None:
    """It is the administrator's, and ends when it was said to."""
    clock = Standing()
    async with visiting(clock) as visitor:
        reply = await renewed(visitor)
        token = reply.json["access_token"]
        assert (reply.status, reply.json["expires_in"], reply.json["token_type"]) == (200, 3600.0, "Bearer")
        me = await visitor.get("/api/v1/users/self", token=token)
        assert me.json["id"] == visitor.sandbox.admin_id == reply.json["user"]["id"]
        clock.time += 3599
        assert (await visitor.get("/api/v1/users/self", token=token)).status == 200
        clock.time += 1
        refused = await visitor.get("/api/v1/users/self", token=token)
        assert (refused.status, "www-authenticate" in refused.headers) == (401, True)


async def test_the_next_token_ends_the_one_before() -> None:
    """As Canvas's `regenerate_access_token`; a token made by hand lives on."""
    async with visiting() as visitor:
        first, second = [(await renewed(visitor)).json["access_token"] for _ in range(2)]
        statuses = [(await visitor.get("/api/v1/users/self", token=token)).status for token in (first, second)]
        assert statuses == [401, 200]
        assert (await visitor.get("/api/v1/users/self")).status == 200


async def test_a_token_that_ends_early() -> None:
    """After so many requests."""
    async with visiting(access_token_requests=2) as visitor:
        token = (await renewed(visitor)).json["access_token"]
        statuses = [(await visitor.get("/api/v1/users/self", token=token)).status for _ in range(3)]
        assert statuses == [200, 200, 401]


@pytest.mark.parametrize(
    ("fields", "status", "error"),
    [
        ({"client_id": "7"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"refresh_token": "wrong"}, 400, "invalid_request"),
    ],
)
async def test_refusals(fields: dict[str, str], status: int, error: str) -> None:
    """In Canvas's words; the present token lives on."""
    async with visiting() as visitor:
        token = (await renewed(visitor)).json["access_token"]
        reply = await renewed(visitor, **fields)
        assert (reply.status, reply.json["error"]) == (status, error)
        assert (await visitor.get("/api/v1/users/self", token=token)).status == 200


async def test_an_authorisation_that_was_withdrawn() -> None:
    """The refresh token is not found any more."""
    async with visiting() as visitor:
        visitor.sandbox.renewals.withdrawn = True
        reply = await renewed(visitor)
        assert (reply.status, reply.json["error_description"]) == (400, "refresh_token not found")


async def test_only_a_post_renews() -> None:
    """Secrets have no place in an address."""
    async with visiting() as visitor:
        assert (await visitor.get("/login/oauth2/token", token=None)).status == 401

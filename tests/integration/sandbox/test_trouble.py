"""Faults over HTTP: the wire is broken on purpose."""

import asyncio
import json
from time import perf_counter

import aiohttp
import pytest

from sync_worker.sandbox import Fault
from tests.integration.sandbox.visitor import TOKEN, visiting


async def test_a_status_with_body_and_headers() -> None:
    """Twice, for one user; then all is well."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        visitor.sandbox.add_fault(
            Fault(
                route="list_channels",
                user_ids=frozenset({user.id}),
                times=2,
                status=502,
                body="<h1>Bad Gateway</h1>",
                content_type="text/html",
                headers={"Retry-After": "1"},
            )
        )
        assert (await visitor.channels("self")).status == 200
        replies = [await visitor.channels(user.id) for _ in range(3)]
        assert [reply.status for reply in replies] == [502, 502, 200]
        assert (replies[0].text, replies[0].headers["Retry-After"]) == ("<h1>Bad Gateway</h1>", "1")
        assert visitor.sandbox.counters.faults == 2


async def test_a_scripted_refusal_looks_like_a_real_one() -> None:
    """No cost, a rate limit header, counted as a refusal."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="throttle", times=1))
        reply = await visitor.channels("self")
        assert (reply.status, "X-Request-Cost" in reply.headers) == (403, False)
        assert "X-Rate-Limit-Remaining" in reply.headers
        assert "Rate Limit Exceeded" in reply.text
        assert visitor.sandbox.counters.refusals == 1
        assert (await visitor.channels("self")).status == 200


async def test_a_hanging_request_goes_on_later() -> None:
    """It holds its reservation meanwhile."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="hang", seconds=0.2, times=1))
        begin = perf_counter()
        assert (await visitor.channels("self")).status == 200
        assert perf_counter() - begin >= 0.2


async def test_a_closed_connection_did_nothing() -> None:
    """No header came; the create had no effect."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="close", route="create"))
        before = list(visitor.sandbox.school.live_channels())
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await visitor.create("self", "new@example.com", skip=True)
        assert list(visitor.sandbox.school.live_channels()) == before


async def test_a_reset_after_the_effect_did_it() -> None:
    """The outcome is unknown to the client: it has to look again."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="reset_after", route="create"))
        visitor.sandbox.add_fault(Fault(kind="reset_after", route="delete"))
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await visitor.create("self", "new@example.com", skip=True)
        created = (await visitor.channels("self")).json[-1]
        assert created["address"] == "new@example.com"
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await visitor.delete("self", created["id"])
        assert created not in (await visitor.channels("self")).json


async def test_a_gateway_gives_up_and_the_request_is_carried_out_later() -> None:
    """504 before the effect: nothing is there until the test says so, or until the time has come."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="late", route="create", status=504, seconds=3600, times=1))
        assert (await visitor.create("self", "new@example.com", skip=True)).status == 504
        before = (await visitor.channels("self")).json
        assert "new@example.com" not in {each["address"] for each in before}
        await visitor.ask("POST", "/_control/late")
        (created,) = [each for each in (await visitor.channels("self")).json if each not in before]
        visitor.sandbox.add_fault(Fault(kind="late", route="delete", status=504, seconds=0, times=1))
        assert (await visitor.delete("self", created["id"])).status == 504
        assert (await visitor.channels("self")).json == before


async def test_a_replica_lags() -> None:
    """A list shows what was there before the writes since, also after several of them."""
    async with visiting() as visitor:
        before = (await visitor.channels("self")).json
        created = (await visitor.create("self", "new@example.com", skip=True)).json
        await visitor.delete("self", created["id"])
        await visitor.create("self", "new@example.com", skip=True)
        visitor.sandbox.add_fault(Fault(kind="stale", route="list_channels", seconds=3600, times=1))
        assert (await visitor.channels("self")).json == before
        assert created["id"] in {each["id"] for each in (await visitor.channels("self")).json}
        visitor.sandbox.add_fault(Fault(kind="stale", route="list_channels", seconds=0))
        assert created["id"] in {each["id"] for each in (await visitor.channels("self")).json}


async def test_a_body_can_be_cut() -> None:
    """Less came than was announced."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="cut", times=1))
        with pytest.raises(aiohttp.ClientPayloadError):
            await visitor.channels("self")
        assert (await visitor.channels("self")).status == 200


@pytest.mark.parametrize("kind", ["truncated_json", "html", "empty"])
async def test_a_body_can_be_no_json(kind: str) -> None:
    """With status 200."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind=kind))
        reply = await visitor.channels("self")
        assert reply.status == 200
        with pytest.raises(json.JSONDecodeError):
            _ = reply.json


async def test_suddenly_nobody_has_anything() -> None:
    """A well-formed empty list for everyone, of users too."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="empty_list"))
        assert (await visitor.channels(visitor.user_with(3).id)).json == []
        assert (await visitor.get("/api/v1/accounts/1/users")).json == []


async def test_a_redirect() -> None:
    """To wherever the fault says."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="redirect", link="{base}/login"))
        reply = await visitor.channels("self")
        assert (reply.status, reply.headers["Location"]) == (302, f"{visitor.sandbox.base_url}/login")


async def test_next_can_lead_astray() -> None:
    """To another port, or in a circle."""
    async with visiting() as visitor:
        user = visitor.user_with(250)
        visitor.sandbox.add_fault(Fault(kind="link", times=1, link='<http://127.0.0.1:9/steal>; rel="next"'))
        visitor.sandbox.add_fault(Fault(kind="link", link='<{url}>; rel="next"'))
        assert (await visitor.channels(user.id)).links == {"next": "http://127.0.0.1:9/steal"}
        loop = (await visitor.channels(user.id, "?page=2")).links["next"]
        assert loop == f"{visitor.sandbox.base_url}/api/v1/users/{user.id}/communication_channels?page=2"


async def test_a_flood() -> None:
    """As many bytes as asked."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="flood", size=300_001))
        assert len((await visitor.channels("self")).text) == 300_001


async def test_a_drip() -> None:
    """Piece by piece, but complete."""
    async with visiting() as visitor:
        whole = (await visitor.channels("self")).text
        visitor.sandbox.add_fault(Fault(kind="drip", seconds=0.05, size=len(whole.encode()) // 4 + 1))
        begin = perf_counter()
        assert (await visitor.channels("self")).text == whole
        assert perf_counter() - begin >= 0.15


async def test_items_of_somebody_else() -> None:
    """Every item names another user."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="wrong_user", user_id=4711))
        items = (await visitor.channels(visitor.user_with(3).id)).json
        assert [item["user_id"] for item in items] == [4711] * 3


async def test_a_fault_can_wait_for_a_page() -> None:
    """The second page of the channels, and of the users, by number or by bookmark."""
    for bookmarks in (True, False):
        async with visiting(bookmark_links=bookmarks) as visitor:
            visitor.sandbox.add_fault(Fault(page=2, status=503))
            for path in (
                f"/api/v1/users/{visitor.user_with(250).id}/communication_channels",
                "/api/v1/accounts/1/users",
            ):
                first = await visitor.get(path)
                assert first.status == 200
                assert (await visitor.get(first.links["next"])).status == 503


async def test_no_right_to_some_users() -> None:
    """A share of all users, always the same."""
    async with visiting(users=300, throttle=False) as visitor:
        visitor.sandbox.add_fault(Fault(kind="unauthorized", user_share=0.2, route="list_channels"))
        rounds = []
        for _ in range(2):
            statuses = [(await visitor.channels(user)).status for user in visitor.sandbox.school.listed(1)]
            rounds.append(statuses)
        assert rounds[0] == rounds[1]
        assert 30 < rounds[0].count(401) < 90


async def test_a_client_that_gives_up_does_not_stop_the_server() -> None:
    """What was asked is done nevertheless; the reservation is given back."""
    async with visiting(mean_server_time=0.5, sigma=0.0) as visitor:
        giving_up = asyncio.create_task(visitor.create("self", "late@example.com", skip=True))
        while not visitor.sandbox.counters.in_flight:  # noqa: ASYNC110  (the server counts, it does not notify)
            await asyncio.sleep(0.01)  # noqa: TID251  (waits for the server in this process)
        giving_up.cancel()
        items = (await visitor.channels("self")).json
        assert items[-1]["address"] == "late@example.com"
        assert visitor.sandbox.counters.in_flight == 0


async def test_faults_can_be_cleared() -> None:
    """All at once."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault())
        assert (await visitor.channels("self")).status == 500
        visitor.sandbox.clear_faults()
        assert (await visitor.channels("self")).status == 200


async def test_a_reset_connection_is_another_error_than_a_closed_one() -> None:
    """A TCP reset: the client's system says so."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="close", abrupt=True, route="create"))
        with pytest.raises(aiohttp.ClientOSError, match="reset"):
            await visitor.create("self", "new@example.com")


async def test_an_endless_body_ends_when_the_client_has_enough() -> None:
    """No length, no end; the server goes on serving others."""
    async with visiting() as visitor:
        visitor.sandbox.add_fault(Fault(kind="endless", times=1))
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"{visitor.sandbox.base_url}/api/v1/users/self/communication_channels"
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as response:
            assert response.content_length is None
            assert len(await response.content.readexactly(10**6)) == 10**6
        assert (await visitor.channels("self")).status == 200


async def test_nobody_gets_in_after_a_shut_until_it_reopens() -> None:
    """The request itself is answered; new connections are refused, kept ones are closed; the address stays."""
    async with visiting() as visitor:
        assert (await visitor.channels("self")).status == 200
        visitor.sandbox.add_fault(Fault(kind="shut", times=1))
        assert (await visitor.channels("self")).status == 200
        for _ in range(2):
            with pytest.raises(aiohttp.ClientConnectorError):
                await visitor.channels("self")
        await visitor.sandbox.reopen()
        await visitor.sandbox.reopen()
        assert (await visitor.channels("self")).status == 200


async def test_writes_are_counted_by_user() -> None:
    """Also those that fail."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        await visitor.create(user.id, "new@example.com")
        await visitor.create(user.id, "new@example.com")
        await visitor.delete(user.id, 1)
        await visitor.channels(user.id)
        assert visitor.sandbox.counters.writes == {user.id: 3}

"""The control routes, the counters, and the life of a sandbox."""

import asyncio
import json
from time import perf_counter
from typing import Any

import aiohttp
import pytest
import uvloop

from sync_worker.clock import deadline
from sync_worker.sandbox import Fault, Sandbox, SandboxOptions, serve
from tests.integration.sandbox.visitor import Reply, Visitor, visiting


def lines(reply: Reply) -> list[Any]:
    """The objects of an NDJSON answer."""
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in reply.text.splitlines()]


async def post(visitor: Visitor, what: str, body: dict[str, Any]) -> Reply:
    """A control request; no token, no User-Agent needed."""
    return await visitor.ask("POST", f"/_control/{what}", token=None, json=body)


async def test_the_dump_is_the_state() -> None:
    """All live channels, all users."""
    async with visiting(users=700) as visitor:
        school = visitor.sandbox.school
        school.delete_user(visitor.user_with(2).id)
        channels = lines(await visitor.get("/_control/channels", token=None, skip_auto_headers=["User-Agent"]))
        assert channels == list(school.live_channels())
        assert len(channels) > 1000
        assert lines(await visitor.get("/_control/users", token=None)) == list(school.user_states())


async def test_the_counters_tell_what_was_asked() -> None:
    """By route, by status, by user; control requests do not count."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        for _ in range(2):
            await visitor.channels(user.id)
        await visitor.channels("self", token="wrong")
        await visitor.get("/api/v1/accounts/1", token=None)
        body = (await visitor.get("/_control/counters")).json
        assert (body["requests"], body["unauthorised"], body["authorization_seen"]) == (4, 2, False)
        assert body["by_route"] == {"list_channels": 3, "get_account": 1}
        assert body["by_status"] == {"200": 2, "401": 2}
        assert body["users_read"] == 1
        assert (await visitor.get("/_control/counters/channel_lists")).json == {str(user.id): 2}
        await visitor.ask("DELETE", "/_control/counters")
        assert (await visitor.get("/_control/counters")).json["requests"] == 0


async def test_a_cookie_is_set_and_its_return_is_seen() -> None:
    """A client that keeps cookies betrays itself."""
    async with visiting() as visitor:
        assert "_csrf_token" in (await visitor.channels("self")).headers["Set-Cookie"]
        assert visitor.sandbox.counters.cookies_returned == 0
        await visitor.channels("self", cookies={"_csrf_token": "x"})
        assert visitor.sandbox.counters.cookies_returned == 1


async def test_every_operation_works_over_http() -> None:
    """The answer says what was changed."""
    async with visiting() as visitor:
        user, other = visitor.user_with(1), visitor.user_with(2)
        new = lines(await post(visitor, "mutate", {"do": "create", "user_id": user.id, "kind": "sms", "address": "+1"}))
        channel = new[0]["channel_id"]
        steps: list[dict[str, Any]] = [
            {"do": "readdress", "channel_id": channel, "address": "+2"},
            {"do": "bounce", "channel_id": channel},
            {"do": "confirm", "channel_id": channel},
            {"do": "retire", "channel_id": channel},
            {"do": "revive", "channel_id": channel},
            {"do": "change_sis_id", "user_id": user.id, "sis_user_id": "NEW"},
            {"do": "merge_users", "user_id": user.id, "into": other.id},
            {"do": "delete_user", "user_id": other.id, "answer": "empty"},
            {"do": "restore_user", "user_id": other.id},
            {"do": "add_user", "name": "New User"},
        ]
        kinds = [lines(await post(visitor, "mutate", step))[0]["kind"] for step in steps]
        assert kinds == [
            "readdressed",
            "bounced",
            "confirmed",
            "retired",
            "revived",
            "user_renamed",
            "user_merged",
            "user_deleted",
            "user_restored",
            "user_added",
        ]
        assert visitor.sandbox.school.channels[channel].address == "+2"


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("mutate", {"do": "explode"}),
        ("mutate", {"do": "retire", "channel_id": 1}),
        ("mutate", {"do": "retire"}),
        ("mutate", {}),
        ("churn", {"fraction": "much", "seed": 1}),
        ("faults", {"kind": "explode"}),
        ("faults", {"colour": "red"}),
        ("tokens", {"do": "revoke", "token": "unknown"}),
        ("tokens", {"do": "polish", "token": "sandbox-token"}),
    ],
)
async def test_a_wrong_control_request_is_400(what: str, body: dict[str, Any]) -> None:
    """With the reason, and without an effect."""
    async with visiting() as visitor:
        before = list(visitor.sandbox.school.live_channels())
        reply = await post(visitor, what, body)
        assert (reply.status, bool(reply.json["error"])) == (400, True)
        assert list(visitor.sandbox.school.live_channels()) == before
        assert (await visitor.channels("self")).status == 200


async def test_an_unknown_control_route_is_404() -> None:
    """It names those that there are."""
    async with visiting() as visitor:
        reply = await visitor.get("/_control/nothing")
        assert (reply.status, "GET channels" in reply.json["routes"]) == (404, True)


async def test_churn_over_http_is_churn() -> None:
    """The changes are what the dump shows; the owner of the token is spared."""
    async with visiting() as visitor:
        before = {channel["id"] for channel in visitor.sandbox.school.live_channels()}
        changes = lines(await post(visitor, "churn", {"fraction": 0.5, "seed": 7}))
        after = {channel["id"] for channel in visitor.sandbox.school.live_channels()}
        born = {change["channel_id"] for change in changes if change["kind"] in {"created", "revived"}}
        assert after - before == born
        assert before - after == {change["channel_id"] for change in changes if change["kind"] == "retired"}
        assert visitor.sandbox.admin_id not in {change["user_id"] for change in changes}


async def test_faults_and_tokens_over_http() -> None:
    """Added, used, cleared."""
    async with visiting() as visitor:
        await post(visitor, "faults", {"route": "list_channels", "status": 503, "user_ids": [1000]})
        assert (await visitor.channels("self")).status == 503
        counters = (await visitor.get("/_control/counters")).json
        assert (counters["faults"], counters["by_fault"]) == (1, {"status": 1})
        await visitor.ask("DELETE", "/_control/faults")
        await post(visitor, "tokens", {"do": "add", "token": "t2", "role": "user", "user_id": 1001})
        assert (await visitor.get("/api/v1/users/self", token="t2")).json["id"] == 1001
        await post(visitor, "tokens", {"do": "expire_after", "token": "t2", "requests": 1})
        assert [(await visitor.channels("self", token="t2")).status for _ in range(2)] == [200, 401]
        await post(visitor, "tokens", {"do": "renew", "token": "t2"})
        assert (await visitor.channels("self", token="t2")).status == 200
        await post(visitor, "tokens", {"do": "block", "token": "t2"})
        assert (await visitor.channels("self", token="t2")).status == 403
        await post(visitor, "tokens", {"do": "revoke", "token": "sandbox-token"})
        assert (await visitor.channels("self")).status == 401


async def test_the_sandbox_introduces_itself() -> None:
    """The token is no secret."""
    async with visiting(users=5) as visitor:
        assert (await visitor.get("/_control/info")).json == {
            "token": "sandbox-token",
            "seed": 1,
            "users": 5,
            "throttle": True,
        }


# --- life


async def test_hanging_handlers_do_not_delay_the_end() -> None:
    """Neither those whose client waits nor those whose client has left."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with Sandbox(SandboxOptions(users=5)) as sandbox:
            sandbox.add_fault(Fault(kind="hang", seconds=3600))
            visitor = Visitor(sandbox, session)
            tasks = [asyncio.create_task(visitor.channels("self")) for _ in range(6)]
            async with deadline(30):
                while sandbox.counters.in_flight < 6:  # noqa: ASYNC110  (the server counts, it does not notify)
                    await asyncio.sleep(0.01)  # noqa: TID251  (waits for the server in this process)
            for task in tasks[:3]:
                task.cancel()
            begin = perf_counter()
        assert perf_counter() - begin < 10  # aiohttp alone would wait a minute for them
        results = await asyncio.wait(tasks)
        assert not results[1]
        assert all(task.cancelled() or task.exception() for task in tasks)


async def test_a_closed_sandbox_listens_no_more() -> None:
    """Its port is free."""
    async with Sandbox(SandboxOptions(users=1)) as sandbox:
        port = int(sandbox.base_url.rsplit(":", 1)[1])
    async with Sandbox(SandboxOptions(users=1, port=port)) as again:
        assert again.base_url == sandbox.base_url


async def test_serve_runs_until_it_is_cancelled() -> None:
    """`ready` is called with the running sandbox."""
    running: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(SandboxOptions(users=2), ready=running.set_result))
    sandbox = await running
    async with aiohttp.ClientSession() as session:
        assert (await Visitor(sandbox, session).channels("self")).status == 200
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(aiohttp.ClientConnectionError):
            await Visitor(sandbox, session).channels("self")


async def test_an_empty_school_has_nobody() -> None:
    """`self` is nobody then."""
    async with visiting(users=0) as visitor:
        assert (await visitor.get("/api/v1/accounts/self/users")).json == []
        assert (await visitor.channels("self")).status == 404


def test_it_runs_on_uvloop() -> None:
    """And breaks connections there too."""

    async def visit() -> None:
        async with visiting() as visitor:
            assert (await visitor.channels("self")).status == 200
            visitor.sandbox.add_fault(Fault(kind="cut", times=1))
            with pytest.raises(aiohttp.ClientPayloadError):
                await visitor.channels("self")
            visitor.sandbox.add_fault(Fault(kind="close", route="create"))
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await visitor.create("self", "a@example.com")

    uvloop.run(visit())

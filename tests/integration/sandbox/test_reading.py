"""Listing channels and users, over HTTP."""

import json

import pytest

from sync_worker.sandbox import Role
from tests.integration.sandbox.visitor import Visitor, visiting


async def test_channels_are_what_the_school_has() -> None:
    """The same objects as in the dump, in the order of position."""
    async with visiting() as visitor:
        user = visitor.user_with(3)
        reply = await visitor.channels(user.id)
        expected = [c for c in visitor.sandbox.school.live_channels() if c["user_id"] == user.id]
        assert (reply.status, reply.json) == (200, expected)
        assert reply.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_a_user_without_channels_has_an_empty_list() -> None:
    """200 and `[]`."""
    async with visiting() as visitor:
        reply = await visitor.channels(visitor.user_with(0).id)
        assert (reply.status, reply.text) == (200, "[]")


async def test_pages_are_ten_unless_asked_and_capped() -> None:
    """100 by default, 50 on older installations; the links name the size that counts."""
    async with visiting(per_page_cap=50) as visitor:
        user = visitor.user_with(250)
        sizes = [len((await visitor.channels(user.id, query)).json) for query in ("", "?per_page=100")]
        assert sizes == [10, 50]
        assert "per_page=50" in (await visitor.channels(user.id, "?per_page=100")).links["next"]


async def test_following_next_gives_all_250() -> None:
    """Absolute links on the sandbox's own origin."""
    async with visiting() as visitor:
        user = visitor.user_with(250)
        path = f"/api/v1/users/{user.id}/communication_channels?per_page=100"
        items = await visitor.all_pages(path)
        assert [item["id"] for item in items] == [channel.id for channel in user.live_channels()]
        link = (await visitor.get(path)).links["next"]
        assert link == f"{visitor.sandbox.base_url}/api/v1/users/{user.id}/communication_channels?page=2&per_page=100"


async def test_the_rels_of_a_middle_page() -> None:
    """The raw header, in Canvas's order."""
    async with visiting(last_link_share=1.0) as visitor:
        user = visitor.user_with(250)
        header = (await visitor.channels(user.id, "?page=2&per_page=100")).headers["Link"]
        assert [part.split("rel=")[1] for part in header.split(",")] == [
            '"current"',
            '"next"',
            '"prev"',
            '"first"',
            '"last"',
        ]


@pytest.mark.parametrize(("share", "there"), [(0.0, False), (1.0, True)])
async def test_last_may_be_missing(share: float, there: bool) -> None:  # noqa: FBT001  (a parameter set)
    """Too expensive to count."""
    async with visiting(last_link_share=share) as visitor:
        reply = await visitor.channels(visitor.user_with(250).id)
        assert ("last" in reply.links) is there


async def test_a_page_beyond_the_end_is_empty() -> None:
    """200 and `[]`."""
    async with visiting() as visitor:
        reply = await visitor.channels(visitor.user_with(1).id, "?page=7")
        assert (reply.status, reply.json, "next" in reply.links) == (200, [], False)


async def test_pages_are_queries_on_the_live_state() -> None:
    """A deletion between two pages shifts an item out of sight."""
    async with visiting() as visitor:
        user = visitor.user_with(250)
        first = (await visitor.channels(user.id)).json
        hidden = user.live_channels()[10].id
        visitor.sandbox.school.retire(first[0]["id"])
        second = (await visitor.channels(user.id, "?page=2")).json
        assert hidden not in {item["id"] for item in first + second}


async def test_ids_come_as_strings_on_demand() -> None:
    """Accept: application/json+canvas-string-ids."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        accept = {"Accept": "application/json+canvas-string-ids"}
        item = (await visitor.channels(user.id, headers=accept)).json[0]
        assert (item["id"], item["user_id"]) == (str(user.channels[0].id), str(user.id))
        assert item["position"] == 1
        account = (await visitor.get("/api/v1/accounts/2", headers=accept)).json
        assert (account["id"], account["root_account_id"]) == ("2", "1")


async def test_every_form_of_a_user_id_works() -> None:
    """Number, self, SIS forms, hex, both global forms."""
    async with visiting() as visitor:
        user = visitor.user_with(2)
        user.integration_id = "INT/ü"
        visitor.sandbox.school.point_identifiers(user, at=user)
        forms = [
            f"{user.id}",
            f"1~{user.id}",
            f"{10**13 + user.id}",
            f"sis_user_id:{user.sis_user_id}",
            f"sis_login_id:{user.login_id}",
            "sis_integration_id:INT%2F%C3%BC",
            f"hex:sis_integration_id:{'INT/ü'.encode().hex()}",
        ]
        for form in forms:
            assert (await visitor.get(f"/api/v1/users/{form}")).json["id"] == user.id, form
            assert len((await visitor.channels(form)).json) == 2, form
        assert (await visitor.get("/api/v1/users/self")).json["id"] == visitor.sandbox.admin_id


@pytest.mark.parametrize("form", ["999999", "sis_user_id:nobody", "2~1000", "20000000001000", "nonsense"])
async def test_nobody_is_404(form: str) -> None:
    """Canvas's own JSON."""
    async with visiting() as visitor:
        reply = await visitor.channels(form)
        assert reply.status == 404
        assert reply.json == {"errors": [{"message": "The specified resource does not exist."}]}


# --- who sees what


async def test_bounce_fields_are_for_site_administrators() -> None:
    """An account administrator's answer leaves them out; so does an installation that hides them."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        visitor.sandbox.add_token("account", role=Role.ACCOUNT_ADMIN)
        assert "last_bounce_at" in (await visitor.channels(user.id)).json[0]
        assert "bounce_count" in (await visitor.channels(user.id)).json[0]
        seen = (await visitor.channels(user.id, token="account")).json[0]
        assert set(seen) == {"id", "created_at", "position", "user_id", "workflow_state", "address", "type"}
    async with visiting(bounce_visible=False) as visitor:
        assert "last_bounce_at" not in (await visitor.channels(user.id)).json[0]
    async with visiting(bounce_count_visible=False) as visitor:
        item = (await visitor.channels(user.id)).json[0]
        assert "bounce_count" not in item
        assert "last_bounce_at" in item


async def test_a_user_sees_only_itself() -> None:
    """401 without WWW-Authenticate for all others and for the listing."""
    async with visiting() as visitor:
        me, other = visitor.user_with(1), visitor.user_with(2)
        visitor.sandbox.add_token("mine", role=Role.USER, user_id=me.id)
        assert (await visitor.channels("self", token="mine")).json[0]["user_id"] == me.id
        assert (await visitor.channels(me.id, token="mine")).status == 200
        for path in (f"/api/v1/users/{other.id}/communication_channels", "/api/v1/accounts/self/users"):
            reply = await visitor.get(path, token="mine")
            assert (reply.status, reply.json["status"]) == (401, "unauthorized")
            assert reply.json["errors"] == [{"message": "user not authorized to perform that action"}]
            assert "WWW-Authenticate" not in reply.headers
        assert "sis_user_id" not in (await visitor.get("/api/v1/users/self", token="mine")).json


@pytest.mark.parametrize("condition", ["unknown", "revoked", "expired"])
async def test_a_bad_token_is_401_with_www_authenticate(condition: str) -> None:
    """The same answer for all three."""
    async with visiting() as visitor:
        tokens = visitor.sandbox.tokens
        if condition == "revoked":
            tokens.revoke("sandbox-token")
        if condition == "expired":
            tokens.expire_after("sandbox-token", 1)
            assert (await visitor.channels("self")).status == 200
        reply = await visitor.channels("self", token="wrong" if condition == "unknown" else "sandbox-token")
        assert reply.status == 401
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="canvas-lms"'
        assert reply.json == {"errors": [{"message": "Invalid access token."}]}


async def test_no_token_is_401_too() -> None:
    """With WWW-Authenticate."""
    async with visiting() as visitor:
        reply = await visitor.channels(1000, token=None)
        assert (reply.status, "WWW-Authenticate" in reply.headers) == (401, True)


@pytest.mark.parametrize("agent", ["missing", "empty"])
async def test_no_user_agent_is_403(agent: str) -> None:
    """A body that speaks of the user agent; an option allows it."""
    more = {"skip_auto_headers": ["User-Agent"]} if agent == "missing" else {"headers": {"User-Agent": ""}}
    async with visiting() as visitor:
        reply = await visitor.channels("self", **more)
        assert reply.status == 403
        assert "User-Agent" in reply.text
        assert "Rate Limit" not in reply.text
    async with visiting(require_user_agent=False) as visitor:
        assert (await visitor.channels("self", **more)).status == 200


# --- the user listing


@pytest.mark.parametrize("bookmarks", [True, False])
async def test_the_listing_gives_every_user_once(bookmarks: bool) -> None:  # noqa: FBT001  (a parameter set)
    """Sorted by id, by bookmarks or by numbers."""
    async with visiting(bookmark_links=bookmarks, last_link_share=0.0) as visitor:
        school = visitor.sandbox.school
        users = await visitor.all_pages("/api/v1/accounts/self/users?per_page=7")
        assert [user["id"] for user in users] == sorted(school.users)
        assert {"id", "name", "sortable_name", "short_name", "created_at", "login_id", "integration_id"} <= set(
            users[0]
        )
        assert [user["sis_user_id"] for user in users] == [school.users[u["id"]].sis_user_id for u in users]
        reply = await visitor.get("/api/v1/accounts/1/users?per_page=7")
        assert ("page=bookmark:" in reply.links["next"]) is bookmarks
        assert "last" not in reply.links


async def test_a_sub_account_lists_its_own_and_its_descendants() -> None:
    """Account 2 has 4 and 5 below it."""
    async with visiting() as visitor:
        users = await visitor.all_pages("/api/v1/accounts/2/users?per_page=100")
        by_id = visitor.sandbox.school.users
        assert {by_id[user["id"]].account_id for user in users} == {2, 4, 5}
        assert (await visitor.get("/api/v1/accounts/99/users")).status == 404


async def test_the_listing_can_be_searched() -> None:
    """By name, login or SIS id; the links keep the term."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        reply = await visitor.get(f"/api/v1/accounts/1/users?search_term={user.sis_user_id}&per_page=1")
        assert user.id in {found["id"] for found in reply.json}
        assert f"search_term={user.sis_user_id}" in reply.links["current"]
        assert (await visitor.get("/api/v1/accounts/1/users?search_term=nobody-at-all")).json == []
        assert (await visitor.get("/api/v1/accounts/1/users?search_term=a")).status == 400


async def test_the_listing_gives_addresses_on_demand() -> None:
    """include[]=email: the default address."""
    async with visiting() as visitor:
        listed = (await visitor.get("/api/v1/accounts/1/users?include%5B%5D=email&per_page=1")).json[0]
        assert listed["email"] == visitor.sandbox.school.users[listed["id"]].channels[0].address
        assert "email" not in (await visitor.get("/api/v1/accounts/1/users?per_page=1")).json[0]


async def test_accounts_know_their_root() -> None:
    """Null for the root itself."""
    async with visiting() as visitor:
        root, sub = [(await visitor.get(f"/api/v1/accounts/{which}")).json for which in ("self", "4")]
        assert (root["id"], root["root_account_id"]) == (1, None)
        assert (sub["id"], sub["root_account_id"], sub["parent_account_id"]) == (4, 1, 2)
        assert root["uuid"] != sub["uuid"]
        assert root["name"]


# --- deleted and merged users


@pytest.mark.parametrize(("answer", "status"), [("404", 404), ("401", 401), ("empty", 200)])
async def test_a_deleted_user_answers_as_the_installation_does(answer: str, status: int) -> None:
    """And has vanished from the listing."""
    async with visiting(deleted_user_answer=answer) as visitor:
        gone, merged, into = visitor.user_with(3), visitor.user_with(1), visitor.user_with(2)
        visitor.sandbox.school.delete_user(gone.id)
        visitor.sandbox.school.merge_users(merged.id, into.id)
        for user in (gone, merged):
            reply = await visitor.channels(user.id)
            assert reply.status == status
            assert "WWW-Authenticate" not in reply.headers
            if answer == "empty":
                assert reply.json == []
        listed = {user["id"] for user in await visitor.all_pages("/api/v1/accounts/1/users?per_page=50")}
        assert listed == set(visitor.sandbox.school.users) - {gone.id, merged.id}


async def test_a_single_user_may_answer_otherwise() -> None:
    """An option of the deletion."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        visitor.sandbox.school.delete_user(user.id, answer="401")
        assert (await visitor.channels(user.id)).status == 401


async def test_merged_channels_say_their_new_owner() -> None:
    """With the old id; the old user's SIS id finds the new one."""
    async with visiting() as visitor:
        user, into = visitor.user_with(1), visitor.user_with(2)
        moved = user.live_channels()[0].id
        visitor.sandbox.school.merge_users(user.id, into.id)
        items = (await visitor.channels(into.id)).json
        assert items[-1]["id"] == moved
        assert {item["user_id"] for item in items} == {into.id}
        assert (await visitor.get(f"/api/v1/users/sis_user_id:{user.sis_user_id}")).json["id"] == into.id


async def test_a_restored_user_is_back_without_channels() -> None:
    """Restoring the user does not bring private addresses back."""
    async with visiting() as visitor:
        user = visitor.user_with(2)
        visitor.sandbox.school.delete_user(user.id)
        visitor.sandbox.school.restore_user(user.id)
        reply = await visitor.channels(user.id)
        assert (reply.status, reply.json) == (200, [])


async def test_unknown_paths_are_404() -> None:
    """Also what Canvas has and the sandbox has not."""
    async with visiting() as visitor:
        assert (await visitor.get("/api/v1/courses/1")).status == 404
        assert (await visitor.ask("PUT", "/api/v1/users/1000")).status == 404


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_unknown_users_and_accounts_are_404_everywhere(method: str) -> None:
    """Canvas's own JSON, also for the details and for a delete."""
    paths = {
        "GET": ("/api/v1/users/999999", "/api/v1/accounts/99", "/api/v1/accounts/x/users"),
        "DELETE": (
            "/api/v1/users/999999/communication_channels/5",
            "/api/v1/users/999999/communication_channels/email/a@example.com",
        ),
    }
    async with visiting() as visitor:
        for path in paths[method]:
            reply = await visitor.ask(method, path)
            assert (reply.status, "errors" in reply.json) == (404, True), path


async def test_accounts_are_for_administrators() -> None:
    """401 for a normal user."""
    async with visiting() as visitor:
        visitor.sandbox.add_token("mine", role=Role.USER)
        assert (await visitor.get("/api/v1/accounts/self", token="mine")).status == 401


async def test_a_token_may_come_as_a_parameter() -> None:
    """It is not repeated in links."""
    async with visiting() as visitor:
        reply = await visitor.channels("self", "?access_token=sandbox-token", token=None)
        assert reply.status == 200
        assert "access_token" not in reply.headers["Link"]


async def test_the_lists_add_up_to_the_dump() -> None:
    """Walking everybody gives exactly the live channels."""
    async with visiting(throttle=False, users=200) as visitor:
        seen = [item for user_id in visitor.sandbox.school.listed(1) for item in await walk(visitor, user_id)]
        assert json.dumps(seen) == json.dumps(list(visitor.sandbox.school.live_channels()))


async def walk(visitor: Visitor, user_id: int) -> list[object]:
    """All channels of a user."""
    return await visitor.all_pages(f"/api/v1/users/{user_id}/communication_channels?per_page=100")

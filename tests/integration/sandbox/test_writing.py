"""Creating and deleting channels, over HTTP."""

from urllib.parse import quote

import pytest

from sync_worker.sandbox import Role
from tests.integration.sandbox.visitor import visiting


async def test_a_create_is_seen_by_the_next_list() -> None:
    """Active where the confirmation was skipped; the answer is the channel."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        reply = await visitor.create(user.id, "Új+cím@example.com", skip=True)
        assert reply.status == 200
        assert (reply.json["address"], reply.json["workflow_state"]) == ("Új+cím@example.com", "active")
        assert (reply.json["user_id"], reply.json["type"], reply.json["position"]) == (user.id, "email", 2)
        assert (await visitor.channels(user.id)).json[-1] == reply.json
        assert visitor.sandbox.counters.messages == 0


@pytest.mark.parametrize(
    ("role", "state", "messages"),
    [(Role.SITE_ADMIN, "active", 0), (Role.ACCOUNT_ADMIN, "active", 0), (Role.USER, "unconfirmed", 1)],
)
async def test_skip_confirmation_counts_only_for_administrators(role: Role, state: str, messages: int) -> None:
    """From anyone else it is silently ignored, and a message goes to a real person."""
    async with visiting() as visitor:
        visitor.sandbox.add_token("t", role=role)
        reply = await visitor.create("self", "new@example.com", skip=True, token="t")
        assert (reply.status, reply.json["workflow_state"]) == (200, state)
        assert visitor.sandbox.counters.messages == messages


async def test_without_the_flag_a_message_goes_out() -> None:
    """Three at most, however often it is created."""
    async with visiting() as visitor:
        for _ in range(5):
            reply = await visitor.create("self", "new@example.com")
            assert reply.json["workflow_state"] == "unconfirmed"
            await visitor.delete("self", reply.json["id"])
        assert visitor.sandbox.counters.messages == 3


async def test_an_existing_address_is_400() -> None:
    """In any casing, with an errors object for `path`."""
    async with visiting() as visitor:
        user = visitor.user_with(1)
        reply = await visitor.create(user.id, user.channels[0].address.upper(), skip=True)
        assert reply.status == 400
        assert reply.json["errors"]["path"][0]["message"] == "unique!"


async def test_a_retired_address_comes_back_with_its_id() -> None:
    """The address takes the new casing."""
    async with visiting() as visitor:
        user = visitor.user_with(3)
        old = user.live_channels()[0]
        visitor.sandbox.school.bounce(old.id)
        address = old.address.upper()
        await visitor.delete(user.id, old.id)
        reply = await visitor.create(user.id, address, kind=old.type, skip=True)
        assert (reply.json["id"], reply.json["address"], reply.json["bounce_count"]) == (old.id, address, 0)
        assert (await visitor.channels(user.id)).json[-1]["id"] == old.id


@pytest.mark.parametrize("address", ["", "nope", "a b@example.com"])
async def test_an_invalid_address_is_400(address: str) -> None:
    """An errors object for `path`."""
    async with visiting() as visitor:
        reply = await visitor.create("self", address, skip=True)
        assert (reply.status, list(reply.json["errors"])) == (400, ["path"])


async def test_push_needs_the_developer_keys_configuration() -> None:
    """400 with `errors.type`, unless it is there."""
    form = {"communication_channel[token]": "device-1"}
    async with visiting() as visitor:
        reply = await visitor.create("self", "", kind="push", form=form)
        assert (reply.status, "SNS" in reply.json["errors"]["type"]) == (400, True)
    async with visiting(push_allowed=True) as visitor:
        reply = await visitor.create("self", "", kind="push", form=form)
        assert (reply.status, reply.json["address"]) == (200, "For All Devices")
        assert visitor.sandbox.school.users[1000].push_tokens == {"device-1"}


async def test_a_device_can_be_forgotten() -> None:
    """Only for `self`; the push channel stays."""
    form = {"communication_channel[token]": "device-1"}
    async with visiting(push_allowed=True) as visitor:
        await visitor.create("self", "", kind="push", form=form)
        missing = await visitor.delete("self", "push")
        assert missing.status == 400
        reply = await visitor.delete("self", "push", data={"push_token": "DEVICE-1"})
        assert (reply.status, reply.json) == (200, {"success": True})
        assert visitor.sandbox.school.users[1000].push_tokens == set()
        assert (await visitor.channels("self")).json[-1]["type"] == "push"
        assert (await visitor.delete(visitor.user_with(1).id, "push", data={"push_token": "x"})).status == 404


async def test_a_user_has_a_hundred_channels_at_most() -> None:
    """Those with more keep them and get no more."""
    async with visiting() as visitor:
        reply = await visitor.create(visitor.user_with(250).id, "new@example.com", skip=True)
        assert reply.status == 400
        assert "Maximum number" in reply.json["errors"]["type"]


async def test_the_account_setting_counts_recent_retirements() -> None:
    """Create-and-delete churn hits it."""
    async with visiting(max_recent_channels=5) as visitor:
        statuses = []
        for number in range(6):
            reply = await visitor.create("self", f"new{number}@example.com", skip=True)
            statuses.append(reply.status)
            if reply.status == 200:
                await visitor.delete("self", reply.json["id"])
        assert statuses[0] == 200
        assert statuses[-1] == 400


async def test_parameters_may_come_as_json() -> None:
    """As Rails takes them."""
    async with visiting() as visitor:
        body = {"communication_channel": {"type": "email", "address": "j@example.com"}, "skip_confirmation": True}
        path = "/api/v1/users/self/communication_channels"
        reply = await visitor.ask("POST", path, json=body)
        assert (reply.status, reply.json["workflow_state"]) == (200, "active")
        broken = await visitor.ask("POST", path, data="{", headers={"Content-Type": "application/json"})
        assert broken.status == 400


# --- deleting


async def test_a_delete_retires() -> None:
    """200 with the channel; the second one is 404."""
    async with visiting() as visitor:
        user = visitor.user_with(2)
        channel = user.live_channels()[1]
        reply = await visitor.delete(user.id, channel.id)
        assert (reply.status, reply.json["id"], reply.json["workflow_state"]) == (200, channel.id, "retired")
        assert (await visitor.delete(user.id, channel.id)).status == 404
        assert len((await visitor.channels(user.id)).json) == 1


async def test_a_channel_of_another_user_is_404() -> None:
    """An id alone is not enough."""
    async with visiting() as visitor:
        other = visitor.user_with(2).live_channels()[0]
        assert (await visitor.delete(visitor.user_with(1).id, other.id)).status == 404
        assert other.live


@pytest.mark.parametrize("address", ["a/b+c%d?e#f@example.com", "ZOË.Müller@bücher.example.com", "plain@example.com"])
async def test_a_delete_by_address_takes_one_encoded_segment(address: str) -> None:
    """Matched case-insensitively, whatever is in it."""
    async with visiting() as visitor:
        created = await visitor.create("self", address, skip=True)
        segment = quote(address.lower(), safe="")
        assert (await visitor.delete("self", f"sms/{segment}")).status == 404
        reply = await visitor.delete("self", f"email/{segment}")
        assert (reply.status, reply.json["id"]) == (200, created.json["id"])
        assert (await visitor.delete("self", f"email/{segment}")).status == 404


async def test_a_sis_channel_cannot_be_deleted() -> None:
    """401 without WWW-Authenticate, unless the account allows editing institution e-mail."""
    for allowed in (False, True):
        async with visiting(edit_institution_email=allowed) as visitor:
            channel = next(c for c in visitor.sandbox.school.channels.values() if c.sis_locked and c.live)
            reply = await visitor.delete(channel.user_id, channel.id)
            assert reply.status == (200 if allowed else 401)
            assert channel.live is not allowed
            assert "WWW-Authenticate" not in reply.headers


async def test_a_one_time_password_channel_cannot_be_deleted() -> None:
    """400."""
    async with visiting() as visitor:
        channel = next(c for c in visitor.sandbox.school.channels.values() if c.otp)
        assert (await visitor.delete(channel.user_id, channel.id)).status == 400
        assert channel.live


async def test_nobody_writes_to_others_without_the_right() -> None:
    """401, and nothing has changed."""
    async with visiting() as visitor:
        other = visitor.user_with(1)
        visitor.sandbox.add_token("mine", role=Role.USER)
        before = list(visitor.sandbox.school.live_channels())
        assert (await visitor.create(other.id, "x@example.com", token="mine")).status == 401
        assert (await visitor.delete(other.id, other.channels[0].id, token="mine")).status == 401
        assert list(visitor.sandbox.school.live_channels()) == before
        assert visitor.sandbox.counters.unauthorised == 2


@pytest.mark.parametrize("answer", ["404", "empty"])
async def test_nothing_can_be_written_to_a_deleted_user(answer: str) -> None:
    """Also where its list would be empty."""
    async with visiting(deleted_user_answer=answer) as visitor:
        user = visitor.user_with(1)
        visitor.sandbox.school.delete_user(user.id)
        assert (await visitor.create(user.id, "x@example.com", skip=True)).status == 404
        assert user.live_channels() == []

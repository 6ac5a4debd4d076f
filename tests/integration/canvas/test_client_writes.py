"""Writing over the wire: done once, or known to be unknown."""

import pytest

from sync_worker.channels import RefKind, UserRef, by_id
from sync_worker.errors import Forbidden, Rejected, Trouble
from sync_worker.sandbox import Fault, FaultKind, Role, Sandbox, SandboxOptions
from tests.integration.canvas.harness import client_of, connected

AWKWARD = "a/b+c%@ü.example.com"


def somebody(sandbox: Sandbox) -> UserRef:
    """A user who is not the token's owner."""
    return by_id(next(user_id for user_id in sandbox.school.users if user_id != sandbox.admin_id))


async def test_a_channel_is_created_deleted_and_brought_back(sandbox: Sandbox) -> None:
    """Deleting says `retired`; creating again revives the same id."""
    user = somebody(sandbox)
    async with client_of(sandbox) as client:
        made = await client.create_channel(user, type="email", address="new@example.com", skip_confirmation=True)
        assert made.workflow_state == "active"
        gone = await client.delete_channel(user, made.id)
        assert gone is not None
        assert gone.workflow_state == "retired"
        assert await client.delete_channel(user, made.id) is None
        again = await client.create_channel(user, type="email", address="NEW@example.com", skip_confirmation=True)
        assert (again.id, again.address) == (made.id, "NEW@example.com")
    assert sandbox.counters.messages == 0


@pytest.mark.parametrize("address", [AWKWARD, "?x=1&y#z@example.com", "%2F@example.com", "ÄÖ@example.com"])
async def test_any_address_is_one_path_segment(sandbox: Sandbox, address: str) -> None:
    """Slash, question mark, plus, percent and non-ASCII arrive as they are."""
    user = somebody(sandbox)
    sandbox.school.create(int(user.value), "email", address)
    async with client_of(sandbox) as client:
        gone = await client.delete_channel_by_address(user, "email", address)
        assert gone is not None
        assert gone.address == address
        assert await client.delete_channel_by_address(user, "email", address) is None


async def test_what_exists_is_rejected_in_canvas_words(sandbox: Sandbox) -> None:
    """400 with `errors`; never sent again."""
    user = somebody(sandbox)
    sandbox.school.create(int(user.value), "email", "there@example.com")
    async with client_of(sandbox) as client:
        with pytest.raises(Rejected) as caught:
            await client.create_channel(user, type="email", address="There@example.com", skip_confirmation=True)
    assert caught.value.status == 400
    assert "path" in str(caught.value)
    assert "there@" not in str(caught.value).lower()
    assert sandbox.counters.requests == 1


async def test_an_ordinary_user_cannot_skip_confirmation() -> None:
    """What the answer says counts, not what was asked."""
    async with Sandbox(SandboxOptions(users=5, mean_server_time=0.0, token_role=Role.USER)) as sandbox:
        me = UserRef(kind=RefKind.SELF)
        async with client_of(sandbox) as client:
            made = await client.create_channel(me, type="email", address="me2@example.com", skip_confirmation=True)
    assert made.workflow_state == "unconfirmed"
    assert sandbox.counters.messages == 1


async def test_push_is_created_with_a_token_and_deleted_by_it() -> None:
    """For `self` alone, with form fields."""
    async with Sandbox(SandboxOptions(users=5, mean_server_time=0.0, push_allowed=True)) as sandbox:
        me = UserRef(kind=RefKind.SELF)
        async with client_of(sandbox) as client:
            made = await client.create_channel(me, type="push", address="", skip_confirmation=False, token="device-1")
            assert made.type == "push"
            assert await client.delete_push("device-1") is True


async def test_a_post_that_left_is_not_sent_again(sandbox: Sandbox) -> None:
    """The connection broke after the work was done: the outcome is unknown, and the error says so."""
    sandbox.add_fault(Fault(kind=FaultKind.RESET_AFTER, route="create", times=1))
    user = somebody(sandbox)
    async with client_of(sandbox) as client:
        with pytest.raises(Trouble, match="unknown: look before"):
            await client.create_channel(user, type="email", address="once@example.com", skip_confirmation=True)
        assert sandbox.counters.by_route["create"] == 1
        assert "once@example.com" in {channel.address for channel in await client.list_channels(user)}


async def test_a_throttled_post_is_sent_again(sandbox: Sandbox) -> None:
    """A refusal happened before anything was done."""
    sandbox.add_fault(Fault(kind=FaultKind.STATUS, status=429, headers={"Retry-After": "0"}, route="create", times=2))
    async with client_of(sandbox) as client:
        made = await client.create_channel(
            somebody(sandbox), type="email", address="x@example.com", skip_confirmation=True
        )
        assert made.address == "x@example.com"
        assert client.traffic.refusals == 2
        assert client.traffic.retries == 1  # the probe was admitted meanwhile


async def test_a_delete_whose_answer_was_lost_is_success(sandbox: Sandbox) -> None:
    """Repeated, and then already gone."""
    user = somebody(sandbox)
    [change] = sandbox.school.create(int(user.value), "email", "bye@example.com")
    sandbox.add_fault(Fault(kind=FaultKind.RESET_AFTER, route="delete", times=2))
    async with client_of(sandbox) as client:
        assert await client.delete_channel(user, change.channel_id or 0) is None


async def test_a_post_that_never_left_is_sent_again() -> None:
    """Nobody listens there."""
    async with connected("http://127.0.0.1:9", "t") as client:
        with pytest.raises(Trouble, match="no connection"):
            await client.create_channel(by_id(1), type="sms", address="1", skip_confirmation=True)
        assert client.traffic.requests == 3


async def test_a_locked_channel_is_forbidden(sandbox: Sandbox) -> None:
    """Out of a SIS import: 401 for this channel, no reason to stop."""
    sandbox.add_fault(Fault(kind=FaultKind.UNAUTHORIZED, route="delete"))
    async with client_of(sandbox) as client:
        with pytest.raises(Forbidden):
            await client.delete_channel(somebody(sandbox), 1)

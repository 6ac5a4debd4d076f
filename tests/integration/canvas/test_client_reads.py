"""Reading over the wire: everything, or an error."""

import pytest

from sync_worker.channels import RefKind, UserRef, by_id
from sync_worker.errors import Forbidden, Incomplete, NotFound
from sync_worker.sandbox import Fault, FaultKind, Sandbox, SandboxOptions
from tests.integration.canvas.harness import client_of

SELF = UserRef(kind=RefKind.SELF)


async def test_all_channels_of_every_user_are_read(sandbox: Sandbox) -> None:
    """What the client reads is what the school has."""
    truth = {int(str(channel["id"])) for channel in sandbox.school.live_channels()}
    async with client_of(sandbox) as client:
        read = {
            channel.id for user_id in sandbox.school.users for channel in await client.list_channels(by_id(user_id))
        }
        assert read == truth
        assert client.traffic.requests == sandbox.counters.requests == 20
        assert client.traffic.bytes_received > 0


async def test_a_long_list_is_followed_to_its_end() -> None:
    """250 channels where the server gives 50 a page, whatever was asked for."""
    async with Sandbox(SandboxOptions(users=3, mean_server_time=0.0, per_page_cap=50)) as sandbox:
        user_id = next(iter(sandbox.school.users))
        for n in range(250):
            sandbox.school.create(user_id, "email", f"many{n}@example.com")
        async with client_of(sandbox) as client:
            channels = await client.list_channels(by_id(user_id))
        assert len(channels) == sum(1 for _ in sandbox.school.users[user_id].live_channels())
        assert [c.position for c in channels] == sorted(c.position or 0 for c in channels)
        assert sandbox.counters.channel_lists[user_id] >= 5


@pytest.mark.parametrize("bookmarks", [True, False])
async def test_the_users_of_an_account_come_page_by_page(*, bookmarks: bool) -> None:
    """Bookmarks or numbers: links are opaque."""
    options = SandboxOptions(users=25, mean_server_time=0.0, per_page_cap=10, bookmark_links=bookmarks)
    async with Sandbox(options) as sandbox, client_of(sandbox) as client:
        pages = [page async for page in client.list_users("self")]
        assert [len(page) for page in pages] == [10, 10, 5]
        assert {user.id for page in pages for user in page} == set(sandbox.school.users)


async def test_a_listing_whose_later_page_fails_raises(sandbox: Sandbox) -> None:
    """The consumer never takes it for complete."""
    sandbox.add_fault(Fault(kind=FaultKind.STATUS, status=404, body='{"errors":[]}', route="list_users", page=2))
    seen = 0
    async with client_of(sandbox, per_page=10) as client:
        with pytest.raises(Incomplete, match="page 2"):  # noqa: PT012  (the loop is the statement)
            async for page in client.list_users("self"):
                seen += len(page)
    assert seen == 10


async def test_users_are_found_by_every_reference(sandbox: Sandbox) -> None:
    """Number, both SIS forms (also awkward ones, in hex), login, `self`."""
    user = next(user for user in sandbox.school.users.values() if user.sis_user_id)
    sandbox.school.change_sis_id(user.id, "Ä/7 ?&%")
    async with client_of(sandbox) as client:
        assert (await client.get_user(UserRef(kind=RefKind.SIS, value="Ä/7 ?&%"))).id == user.id
        assert (await client.get_user(by_id(user.id))).sis_user_id == "Ä/7 ?&%"
        assert (await client.get_user(SELF)).id == sandbox.admin_id
        assert await client.list_channels(SELF) == await client.list_channels(by_id(sandbox.admin_id or 0))
        with pytest.raises(NotFound, match="nobody by this reference"):
            await client.get_user(UserRef(kind=RefKind.SIS, value="nobody"))


async def test_an_account_says_whether_it_is_the_root(sandbox: Sandbox) -> None:
    """An instance is bound to it."""
    async with client_of(sandbox) as client:
        root = await client.get_account("self")
        assert root.root_account_id is None
        assert (await client.get_account(str(root.id))).id == root.id
        with pytest.raises(NotFound):
            await client.get_account("999999")


async def test_who_may_not_is_told_so_at_once(sandbox: Sandbox) -> None:
    """401 without WWW-Authenticate: never repeated."""
    sandbox.add_fault(Fault(kind=FaultKind.UNAUTHORIZED))
    async with client_of(sandbox) as client:
        with pytest.raises(Forbidden):
            await client.list_channels(by_id(next(iter(sandbox.school.users))))
    assert sandbox.counters.requests == 1


async def test_the_global_form_is_the_same_user(sandbox: Sandbox) -> None:
    """Asked as 1~N, Canvas answers with whichever form it likes."""
    user_id = next(iter(sandbox.school.users))
    async with client_of(sandbox) as client:
        local = await client.list_channels(by_id(user_id))
        assert await client.list_channels(by_id(10**13 + user_id)) == local
        assert await client.list_channels(UserRef(kind=RefKind.ID, value=f"1~{user_id}")) == local


async def test_no_cookie_goes_back_and_the_client_names_itself(sandbox: Sandbox) -> None:
    """A session cookie beside a token may change who the caller is; without a User-Agent hosted Canvas refuses."""
    async with client_of(sandbox) as client:
        await client.get_account("self")
        await client.get_account("self")
    assert sandbox.counters.cookies_returned == 0
    assert sandbox.counters.by_status[200] == 2

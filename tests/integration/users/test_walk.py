"""Walking real sources through the real client."""

from pathlib import Path

import pytest

from sync_worker.errors import SourceError, TokenRefused, Trouble
from sync_worker.sandbox import Fault, FaultKind, Role, Sandbox, SandboxOptions
from sync_worker.users.resolve import Chunk
from sync_worker.users.specs import FileSpec, Spec, parse_spec
from sync_worker.users.walk import walk
from tests.integration.canvas.harness import client_of

QUICK = SandboxOptions(users=30, mean_server_time=0.0)


async def walked(sandbox: Sandbox, spec: Spec) -> list[Chunk]:
    """All chunks of a spec."""
    async with client_of(sandbox) as client:
        return [chunk async for chunk in walk(spec, client)]


async def test_an_account_is_walked_with_its_identifiers() -> None:
    """Administrators see SIS and login ids; the mirror keeps them."""
    async with Sandbox(QUICK) as sandbox:
        users = {user.id: user for chunk in await walked(sandbox, parse_spec("account:self")) for user in chunk.users}
        assert set(users) == set(sandbox.school.users)
        assert {user.sis_user_id for user in users.values()} == {u.sis_user_id for u in sandbox.school.users.values()}


async def test_a_file_of_all_kinds_of_references_is_resolved(tmp_path: Path) -> None:
    """Numbers, SIS and login ids; what leads to nobody says where it stands."""
    async with Sandbox(QUICK) as sandbox:
        first, second, third = [user for user in sandbox.school.users.values() if user.sis_user_id][:3]
        path = tmp_path / "users.csv"
        path.write_text(
            f"user,comment\n{first.id},x\nsis:{second.sis_user_id},y\nsis:nobody,z\nlogin:{third.login_id},\n"
        )
        [chunk] = await walked(sandbox, FileSpec(path=path))
        assert [user.id for user in chunk.users] == [first.id, second.id, third.id]
        [failure] = chunk.failures
        assert (failure.where, failure.kind, failure.status) == ("users.csv:4", "not_found", 404)
        assert sandbox.counters.by_route["get_user"] == 3


async def test_self_is_the_owner_of_the_token() -> None:
    """One user, looked up."""
    async with Sandbox(QUICK) as sandbox:
        [chunk] = await walked(sandbox, parse_spec("self"))
        assert [user.id for user in chunk.users] == [sandbox.admin_id]


async def test_who_may_not_list_an_account_is_told_before_the_run() -> None:
    """A mistake of the configuration: exit 2, with the spec."""
    async with Sandbox(SandboxOptions(users=5, mean_server_time=0.0, token_role=Role.USER)) as sandbox:
        with pytest.raises(SourceError, match="account:self: the account cannot be listed"):
            await walked(sandbox, parse_spec("account:self"))
        with pytest.raises(SourceError, match="account:77"):
            await walked(sandbox, parse_spec("account:77"))


async def test_a_listing_that_breaks_off_raises_after_what_was_seen() -> None:
    """Never a quiet end."""
    options = SandboxOptions(users=30, mean_server_time=0.0, per_page_cap=10)
    async with Sandbox(options) as sandbox:
        sandbox.add_fault(Fault(kind=FaultKind.TRUNCATED_JSON, route="list_users", page=3))
        with pytest.raises(Trouble):
            await walked(sandbox, parse_spec("account:self"))
        assert sandbox.counters.by_route["list_users"] == 2 + 3


async def test_a_revoked_token_stops_resolving() -> None:
    """Nothing may be concluded about any reference."""
    async with Sandbox(QUICK) as sandbox:
        sandbox.tokens.revoke(sandbox.token)
        with pytest.raises(TokenRefused):
            await walked(sandbox, parse_spec("sis:a,b,c"))

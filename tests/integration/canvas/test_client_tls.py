"""Certificates are verified: the system's authorities, or a file's in their place."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from sync_worker.canvas.retry import RetryPolicy
from sync_worker.channels import by_id
from sync_worker.errors import Trouble
from sync_worker.sandbox import Sandbox, SandboxOptions
from sync_worker.settings.trust import trusting
from tests.integration.canvas.harness import client_of

ONCE = RetryPolicy(max_attempts=1)


@dataclass(kw_only=True)
class School:
    """A sandbox behind TLS."""

    sandbox: Sandbox
    authority: Path  # PEM of who signed its certificate


@asynccontextmanager
async def secure(folder: Path, host: str = "127.0.0.1") -> AsyncIterator[School]:
    """A sandbox with a certificate for `host` by an authority of its own."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(host).configure_cert(tls)
    options = SandboxOptions(users=20, throttle=False, mean_server_time=0.0, per_page_cap=2)
    async with Sandbox(options, tls=tls) as sandbox:
        yield School(sandbox=sandbox, authority=folder / "ca.pem")


async def test_the_authority_of_the_file_is_believed(tmp_path: Path) -> None:
    """Also on the second page, whose link is https."""
    async with secure(tmp_path) as school:
        tls = trusting(school.authority, setting="ca_file")
        user = max(school.sandbox.school.users.values(), key=lambda user: len(user.live_channels()))
        async with client_of(school.sandbox, tls=tls) as client:
            assert len(await client.list_channels(by_id(user.id))) == len(user.live_channels()) > 2
    assert school.sandbox.base_url.startswith("https://127.0.0.1:")


async def test_an_unknown_authority_is_not_believed(tmp_path: Path) -> None:
    """The message says what is wrong and what to set; Canvas hears nothing, the token least of all."""
    async with secure(tmp_path) as school, client_of(school.sandbox, retry=ONCE) as client:
        with pytest.raises(Trouble, match=r"the certificate of the server is not trusted \(unable to get.*ca_file"):
            await client.get_user(by_id(1))
        assert school.sandbox.counters.requests == 0


async def test_the_file_takes_the_place_of_other_authorities(tmp_path: Path) -> None:
    """Another one's certificate is refused."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    tls = trusting(other, setting="ca_file")
    async with secure(tmp_path) as school, client_of(school.sandbox, tls=tls, retry=ONCE) as client:
        with pytest.raises(Trouble, match="not trusted"):
            await client.get_user(by_id(1))
        assert school.sandbox.counters.requests == 0


async def test_the_name_is_checked(tmp_path: Path) -> None:
    """A good certificate of another host is refused."""
    async with secure(tmp_path, "canvas.example.com") as school:
        tls = trusting(school.authority, setting="ca_file")
        async with client_of(school.sandbox, tls=tls, retry=ONCE) as client:
            with pytest.raises(Trouble, match=r"not trusted \(IP address mismatch"):
                await client.get_user(by_id(1))
        assert school.sandbox.counters.requests == 0

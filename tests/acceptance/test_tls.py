"""A Canvas behind TLS, as people see it."""

import asyncio
import ssl
from pathlib import Path

import pytest
import trustme

from sync_worker.sandbox import Sandbox
from tests.integration.flows.harness import expected, live, quick
from tests.integration.flows.processes import TOKEN, configured


@pytest.mark.long
async def test_an_authority_of_ones_own(tmp_path: Path, database_url: str) -> None:
    """Exit 7 and what to set; with the authority's file all goes well; exit 2 where that file is none."""
    authority, tls = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with Sandbox(quick(users=20, token=TOKEN), tls=tls) as canvas:
        program = configured(tmp_path, database_url, canvas.base_url)
        refused = await asyncio.to_thread(program.run, "run")
        assert refused.returncode == 7
        assert f"{canvas.base_url}: Canvas does not answer as it should" in refused.stderr
        assert "the certificate of the server is not trusted (unable to get local issuer certificate)" in refused.stderr
        assert "set ca_file to the PEM file of that authority" in refused.stderr
        assert canvas.counters.requests == 0
        program = configured(tmp_path, database_url, canvas.base_url, instance="ca_file = 'ca.pem'")
        done = await asyncio.to_thread(program.run, "run")
        assert done.returncode == 0, done.stderr
        assert await live(database_url) == expected(canvas.school.live_channels())
    (tmp_path / "ca.pem").write_text("garbage")
    for command in ("run", "validate"):
        wrong = await asyncio.to_thread(program.run, command)
        assert wrong.returncode == 2
        assert f"instances.main.ca_file: {tmp_path}/ca.pem holds no certificates in PEM form" in wrong.stderr

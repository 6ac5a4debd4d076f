"""A server to shut down, one for all tests of a process."""

from collections.abc import AsyncIterator

import pytest

from tests.outages.server import Server, serving


@pytest.fixture(scope="session")
async def server() -> AsyncIterator[Server]:
    """Up."""
    async with serving() as server:
        yield server

"""A sandbox for each test, quick and without a throttle unless the test wants one."""

from collections.abc import AsyncIterator

import pytest

from sync_worker.sandbox import Sandbox, SandboxOptions


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """Twenty users, no pauses."""
    async with Sandbox(SandboxOptions(users=20, mean_server_time=0.0)) as running:
        yield running

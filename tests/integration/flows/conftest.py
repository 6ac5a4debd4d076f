"""A school and its empty mirror for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.flows.harness import Stage, staged


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """A hundred users, no throttle."""
    async with staged(database_url) as stage:
        yield stage

"""A writer on a fresh database."""

from collections.abc import AsyncIterator

import pytest

from sync_worker.mirror.database import Database
from tests.integration.mirror.stage import Stage, staged


@pytest.fixture
async def stage(database: Database) -> AsyncIterator[Stage]:
    """An instance, its lock, and a run that is under way."""
    async with staged(database) as stage:
        yield stage

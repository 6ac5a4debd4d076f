"""A school and its empty mirror for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage, staged


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """A hundred users, no throttle."""
    async with staged(database_url) as stage:
        yield stage


@pytest.fixture
async def desire(stage: Stage, tmp_path: Path) -> Desire:
    """The same school, mirrored and read by nobody since."""
    await stage.run()
    stage.sandbox.counters.reset()
    return Desire(stage=stage, folder=tmp_path)


@pytest.fixture
def applying(desire: Desire) -> Applying:
    """The same, to carry plans out."""
    return Applying(stage=desire.stage, desire=desire)

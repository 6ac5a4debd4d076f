"""A school whose job is watched."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.flows.harness import Stage, staged
from tests.integration.service.office import Monitor, Office, monitoring


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    """A hundred users, no throttle."""
    async with staged(database_url) as stage:
        yield stage


@pytest.fixture
def office(stage: Stage, tmp_path: Path) -> Office:
    """The job on it, and a command that is told."""
    return Office(stage=stage, folder=tmp_path)


@pytest.fixture
async def monitor() -> AsyncIterator[Monitor]:
    """Somebody who expects heartbeats."""
    async with monitoring() as monitor:
        yield monitor

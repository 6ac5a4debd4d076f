"""The scenes of the matrix, each made once for all cells that this process plays."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.faults.scene import Scenes

if TYPE_CHECKING:
    from tests.conftest import Cluster


@pytest.fixture(scope="session")
async def scenes(cluster: "Cluster", migrated: str) -> AsyncIterator[Scenes]:
    """On the server of all tests."""

    async def database() -> str:
        return cluster.server.dsn(await cluster.create(migrated))

    async with Scenes(database) as scenes:
        yield scenes

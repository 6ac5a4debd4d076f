"""One theatre for all that this process plays."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.crash.scene import Theatre, theatre

if TYPE_CHECKING:
    from tests.conftest import Cluster


@pytest.fixture(scope="session")
async def acts(cluster: "Cluster", tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    """On the server of all tests."""
    async with theatre(cluster, tmp_path_factory.mktemp("crash")) as made:
        yield made

"""A school and its mirror for each test: empty, or read before."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage, staged
from tests.integration.flows.seeds import Seeds

if TYPE_CHECKING:
    from tests.conftest import Cluster

MIRRORED: Final = "mirrored"


def _is_seeded(request: pytest.FixtureRequest) -> bool:
    """Whether the test begins with the school that is made once; `own_school`: it has a stage or a database itself."""
    return "desire" in request.fixturenames and request.node.get_closest_marker("own_school") is None


@pytest.fixture(scope="session")
async def seeds(cluster: "Cluster", migrated: str) -> AsyncIterator[Seeds]:
    """Made when the first test needs them."""
    seeds = Seeds(cluster, migrated)
    yield seeds
    await seeds.close()


async def _mirror(stage: Stage) -> None:
    await stage.run()


@pytest.fixture
async def database_url(
    request: pytest.FixtureRequest, cluster: "Cluster", migrated: str, seeds: Seeds
) -> AsyncIterator[str]:
    """The URL of a database with the schema; nothing is in it, but with `desire` the school as it is."""
    name = await cluster.create(await seeds.template(MIRRORED, _mirror) if _is_seeded(request) else migrated)
    yield cluster.server.dsn(name)
    await cluster.drop(name)


@pytest.fixture
async def stage(request: pytest.FixtureRequest, database_url: str, seeds: Seeds) -> AsyncIterator[Stage]:
    """A hundred users, no throttle."""
    if _is_seeded(request):
        yield await seeds.put_back(MIRRORED, database_url)
        return
    async with staged(database_url) as stage:
        yield stage


@pytest.fixture
async def desire(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> Desire:
    """The same school, mirrored and read by nobody since."""
    if not _is_seeded(request):
        await stage.run()
        stage.sandbox.counters.reset()
    return Desire(stage=stage, folder=tmp_path)


@pytest.fixture
def applying(desire: Desire) -> Applying:
    """The same, to carry plans out."""
    return Applying(stage=desire.stage, desire=desire)

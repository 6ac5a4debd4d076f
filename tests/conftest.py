"""A throwaway PostgreSQL for the whole session, and a database of its own for each test that asks for one."""

import itertools
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer, ServerOptions
from sync_worker.mirror.database import Database, connect
from sync_worker.mirror.migrations import migrate
from tests import leftovers

_MIGRATED = "migrated"

# Several tests run at a time, so a pause says nothing about a test; pytest's time limit catches what hangs.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("torture", settings.get_profile("unhurried"), max_examples=2000)
settings.register_profile("short", settings.get_profile("unhurried"), max_examples=10)
settings.load_profile("short")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a suite begun in the background: its tests press Ctrl-C, too
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Leave no process behind."""
    leftovers.watch(config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is sampled is long but for its sample; `make torture` runs the laws too, and whatever stretches."""
    for item in items:
        sample = item.get_closest_marker("sampled")
        if sample and not any(word in item.name.partition("[")[2] for word in sample.args):
            item.add_marker(pytest.mark.long)
    for item in items if config.getoption("hypothesis_profile") == "torture" else ():
        law = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
        if law or item.get_closest_marker("stretches"):
            item.add_marker(pytest.mark.torture)


@dataclass
class Cluster:
    """The server, and a connection for making and dropping databases."""

    server: EmbeddedServer
    admin: "asyncpg.Connection[asyncpg.Record]"
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def create(self, template: str) -> str:
        """A fresh database; returns its name."""
        name = f"test_{next(self.numbers)}"
        await self.admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    async def drop(self, name: str) -> None:
        await self.admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def clock() -> Clock:
    """Real time."""
    return Clock()


@pytest.fixture(scope="session")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """One server for all tests; a power cut may destroy it."""
    folder = tmp_path_factory.mktemp("postgresql") / "home"
    options = ServerOptions(idle_seconds=0.1, durable=False)
    async with EmbeddedServer(folder, Clock(), options) as server:
        admin = await asyncpg.connect(server.dsn("postgres"))
        yield Cluster(server, admin)
        await admin.close()
    await _stopped(folder)
    shutil.rmtree(folder, ignore_errors=True)


async def _stopped(folder: Path) -> None:
    clock = Clock()
    deadline = clock.monotonic() + 10
    while (folder / "data" / "postmaster.pid").exists() and clock.monotonic() < deadline:
        await clock.sleep(0.05)


@pytest.fixture(scope="session")
async def migrated(cluster: Cluster) -> str:
    """The name of a database with the schema, for cloning: that takes a tenth of migrating."""
    await cluster.admin.execute(f"CREATE DATABASE {_MIGRATED}")
    async with connect(cluster.server.dsn(_MIGRATED), size=1) as database:
        await migrate(database, Clock())
    return _MIGRATED


@pytest.fixture
async def empty_database_url(cluster: Cluster) -> AsyncIterator[str]:
    """The URL of a database in which nothing was ever migrated."""
    name = await cluster.create("template1")
    yield cluster.server.dsn(name)
    await cluster.drop(name)


@pytest.fixture
async def database_url(cluster: Cluster, migrated: str) -> AsyncIterator[str]:
    """The URL of a database with the schema and nothing in it."""
    name = await cluster.create(migrated)
    yield cluster.server.dsn(name)
    await cluster.drop(name)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database with the schema and nothing in it, open."""
    async with connect(database_url) as database:
        yield database

"""Databases for scenes outside of pytest: a server of its own in a folder of its own."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer, ServerOptions
from sync_worker.mirror.database import connect
from sync_worker.mirror.migrations import migrate
from tests.faults.scene import Databases


@asynccontextmanager
async def databases(folder: Path) -> AsyncIterator[Databases]:
    """Migrated databases, as many as are asked for."""
    numbers = itertools.count(1)
    async with EmbeddedServer(folder / "home", Clock(), ServerOptions(idle_seconds=0.1, durable=False)) as server:
        admin = await asyncpg.connect(server.dsn("postgres"))

        async def one() -> str:
            name = f"faults_{next(numbers)}"
            await admin.execute(f"CREATE DATABASE {name}")
            async with connect(server.dsn(name), size=1) as database:
                await migrate(database, Clock())
            return server.dsn(name)

        yield one
        await admin.close()

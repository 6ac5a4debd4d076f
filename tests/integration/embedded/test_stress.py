"""Many processes that come and go at the same moments."""

import asyncio

import pytest

from tests.integration.embedded.place import Place, ask

PROCESSES = 6
ROUNDS = 5
PROGRAM = """
import asyncio, random, sys
from pathlib import Path
import asyncpg
from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer, ServerOptions

async def main(folder, who, rounds):
    options = ServerOptions(idle_seconds=0, durable=False)
    moments = random.Random(who)
    for number in range(rounds):
        async with EmbeddedServer(Path(folder), Clock(), options) as server:
            await server.ensure_database("shared")
            connection = await asyncpg.connect(server.dsn("shared"))
            await connection.execute("INSERT INTO seen VALUES ($1, $2)", who, number)
            await connection.close()
        await asyncio.sleep(moments.uniform(0, 0.8))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""


@pytest.mark.long
async def test_nobody_is_ever_left_without_a_server(fresh: Place) -> None:
    """The server stops as soon as it may, so newcomers meet it starting, running and stopping; all get one."""
    async with fresh.server() as server:
        await server.ensure_database("shared")
        await ask(server, "CREATE TABLE seen (who int, number int)", "shared")
    processes = [
        await asyncio.create_subprocess_exec(
            *(fresh.python, "-c", PROGRAM, str(fresh.folder), str(who), str(ROUNDS)), env=fresh.environment
        )
        for who in range(PROCESSES)
    ]
    assert [await process.wait() for process in processes] == [0] * PROCESSES
    async with fresh.server() as server:
        count = await ask(server, "SELECT count(DISTINCT (who, number)) FROM seen", "shared")
        assert count == PROCESSES * ROUNDS
    starts = (fresh.folder / "server.log").read_text().count("starting PostgreSQL")
    assert starts > 2

"""The least that such a program can do: read every user's channels and copy them into a table.

No mirror, no history, no resuming, no model of the throttle: the measure for what all that costs.
Started as a program: BASE_URL TOKEN DATABASE_URL.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import asyncpg
import uvloop

from sync_worker.tasks import TaskGroup

TABLE: Final = """
    DROP TABLE IF EXISTS bare;
    CREATE TABLE bare (id bigint, user_id bigint, type text, address text, position integer, state text)
"""
CONCURRENCY: Final = 64
ROWS: Final = 5_000  # copied at a time


class Loop:
    """One pass over the school."""

    def __init__(self, session: aiohttp.ClientSession, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._session = session
        self._connection = connection
        self._ids: asyncio.Queue[int] = asyncio.Queue(maxsize=1_000)
        self._rows: list[tuple[Any, ...]] = []

    async def run(self) -> None:
        """List, read, copy."""
        async with TaskGroup() as group:
            workers = [group.create_task(self._work()) for _ in range(CONCURRENCY)]
            async for page in self._pages("/api/v1/accounts/self/users?per_page=100"):
                for user in page:
                    await self._ids.put(user["id"])
            await self._ids.join()
            for worker in workers:
                worker.cancel()
        await self._copy()

    async def _work(self) -> None:
        while True:
            user_id = await self._ids.get()
            async for page in self._pages(f"/api/v1/users/{user_id}/communication_channels?per_page=100"):
                self._rows += [_row(channel) for channel in page]
            if len(self._rows) >= ROWS:
                await self._copy()
            self._ids.task_done()

    async def _pages(self, path: str) -> AsyncIterator[list[dict[str, Any]]]:
        url: Any = path
        while url:
            async with self._session.get(url) as response:
                body = await response.read()
                if response.status == 404:  # deleted since it was listed
                    return
                response.raise_for_status()
                url = response.links["next"]["url"] if "next" in response.links else None
            yield json.loads(body)

    async def _copy(self) -> None:
        rows, self._rows = self._rows, []
        await self._connection.copy_records_to_table("bare", records=rows)


def _row(channel: dict[str, Any]) -> tuple[Any, ...]:
    return (
        *(channel["id"], channel["user_id"], channel["type"], channel["address"]),
        *(channel.get("position"), channel["workflow_state"]),
    )


async def main(base_url: str, token: str, database_url: str) -> None:
    """One pass."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(TABLE)
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "bare-loop"}
    connector = aiohttp.TCPConnector(limit=CONCURRENCY)
    async with aiohttp.ClientSession(
        base_url, headers=headers, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        await Loop(session, connection).run()
    await connection.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))

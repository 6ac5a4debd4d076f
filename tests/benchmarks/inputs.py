"""The least that planning can do: read the document's lines, and every live channel of the mirror once.

Nothing is found, compared or kept, and nothing is checked unless asked for: the measure for what all that costs.
Started as a program: plain|checked DOCUMENT INSTANCE DATABASE_URL.
"""

import asyncio
import csv
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import uvloop

sys.path[0] = str(Path(__file__).resolve().parents[2])

from sync_worker.desired.document import read  # noqa: E402  (needs the path)

CHANNELS: Final = "SELECT * FROM mirror.communication_channels WHERE instance = $1 AND deleted_at IS NULL"
ROWS: Final = 5_000  # fetched at a time


async def main(way: str, document: str, instance: str, database_url: str) -> None:
    """Read both, and say how much that was."""
    said = sum(1 for _ in WAYS[way](Path(document)))
    connection = await asyncpg.connect(database_url)
    async with connection.transaction():
        channels = 0
        async for _ in connection.cursor(CHANNELS, instance, prefetch=ROWS):
            channels += 1
    await connection.close()
    print(said, channels)


def _lines(document: Path) -> Iterator[Any]:
    with document.open(encoding="utf-8", newline="") as file:
        yield from csv.reader(file) if document.suffix == ".csv" else map(json.loads, file)


WAYS: Final[dict[str, Callable[[Path], Iterator[Any]]]] = {"plain": _lines, "checked": read}

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*sys.argv[1:]))

"""The crash table of the database, played and printed as Markdown: `python -m tests.outages [COMMAND…]`.

A cell that did not end as it should has a `!`, and is told below. The exit code is 1 where there is any.
"""

import asyncio
import sys
from collections.abc import Collection
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from sync_worker.clock import Clock
from sync_worker.logs import configure
from tests.outages.disk import small
from tests.outages.expected import expected, word, written
from tests.outages.playing import MIDDLE, play, play_full
from tests.outages.server import serving
from tests.outages.table import Cell, cells


async def play_all(commands: Collection[str]) -> dict[Cell, str]:
    """What came of the cells of some commands."""
    words: dict[Cell, str] = {}
    async with serving() as server:
        for cell in (each for each in cells() if each.command in commands):
            with TemporaryDirectory() as folder:
                try:
                    words[cell] = word(*await play(server, Path(folder), cell))
                except AssertionError as error:
                    words[cell] = f"broken: {error}".splitlines()[0]
    return words


async def play_disks(commands: Collection[str]) -> None:
    """Print a line for each full disk."""
    for log in (False, True):
        try:
            async with small(log=log) as (server, disk):
                for command in (each for each in MIDDLE if each in commands):
                    with TemporaryDirectory() as folder:
                        await play_full(server, disk, Path(folder), command)
                    print(f"{command}: disk full ({'log' if log else 'data'}): stops, goes on when there is room")
        except PermissionError as error:
            print(f"disk full: not played: {error}")


def main() -> int:
    """Play, print, count."""
    configure("console", "error", StringIO())
    clock = Clock()
    begin = clock.monotonic()
    commands = sys.argv[1:] or sorted({cell.command for cell in cells()})
    words, meant = asyncio.run(play_all(commands)), expected()
    wrong = [cell for cell in words if words[cell] != meant[cell]]
    print(written({cell: found if cell not in wrong else f"!{meant[cell]}" for cell, found in words.items()}))
    for cell in wrong:
        print(f"! {cell}: {words[cell]}, not {meant[cell]}")
    asyncio.run(play_disks(commands))
    print(f"\n{len(words)} cells, {len(wrong)} not as they should be, {clock.monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""The whole matrix, played and printed: `python -m tests.faults [COLUMN…]`.

Every cell says what came of it, in the words of `expected.py`; one that was to end otherwise has a `!`, and is told
below. The exit code is 1 where there is any.
"""

import asyncio
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from sync_worker.clock import Clock
from sync_worker.logs import configure
from tests.faults.expected import COLUMNS, Cell, cells, written
from tests.faults.playing import groups, word_of
from tests.faults.scene import Scenes
from tests.faults.stand import databases

Words = dict[Cell, str]


async def play(columns: Iterable[str]) -> Words:
    """What came of the cells of some columns."""
    chosen = [cell for cell in cells() if cell.column in columns]
    words: Words = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        async with databases(folder) as make, Scenes(make) as scenes:
            for group in groups(chosen):
                try:
                    came = await group.play(scenes, folder)
                except AssertionError as error:
                    words |= dict.fromkeys(group.cells, f"broken: {error}".splitlines()[0])
                    continue
                words |= {cell: word_of(cell, came[cell.kind]) for cell in group.cells}
    return words


def shown(words: Words, *, once: bool) -> str:
    """One of the two tables, with what did not end as it should after it."""
    mine = {cell: word for cell, word in words.items() if cell.once is once}
    short = {cell: word if word == cell.word else f"!{cell.word}" for cell, word in mine.items()}
    wrong = [
        f"! {cell.column}, {cell.kind}: {word}, not {cell.word}" for cell, word in mine.items() if word != cell.word
    ]
    order = {cell: place for place, cell in enumerate(cells())}
    by_place = {(cell.kind, cell.column): short[cell] for cell in sorted(short, key=order.__getitem__)}
    return "\n".join([written(by_place), *wrong])


def main() -> int:
    """Play, print, count."""
    columns = sys.argv[1:] or list(COLUMNS)
    configure("console", "error", StringIO())
    clock = Clock()
    begin = clock.monotonic()
    words = asyncio.run(play(columns))
    for once, title in ((True, "Once: the first request meets it"), (False, "Always: every request meets it")):
        print(f"\n{title}\n{shown(words, once=once)}")
    real = [cell for cell in words if cell.end is not None]
    wrong = [cell for cell in words if words[cell] != cell.word]
    print(f"\n{len(real)} cells, {len(wrong)} not as they should be, {clock.monotonic() - begin:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

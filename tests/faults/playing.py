"""Cells played: those that should end alike share a run, each with a user of its own."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from tests.faults import reads, writes
from tests.faults.expected import Cell, End, legend
from tests.faults.scene import Scenes
from tests.faults.trouble import ALONE, SLOW

FINISHED = frozenset({0, 3})
"""Exit codes of runs in which one user's trouble stops nobody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Cells of one column that can be played in one run."""

    cells: tuple[Cell, ...]

    @property
    def name(self) -> str:
        """For the list of tests."""
        first = self.cells[0]
        what = first.word if len(self.cells) > 1 else f"{first.kind}-{first.word}"
        return f"{first.column}-{'once' if first.once else 'always'}-{what}"

    @property
    def traits(self) -> set[tuple[str, ...]]:
        """What of the tables it shows: kinds of trouble, and ends of each request."""
        ends = {("end", cell.column, str(cell.once), cell.word) for cell in self.cells}
        return ends | {("kind", cell.kind) for cell in self.cells}

    async def play(self, scenes: Scenes, folder: Path) -> dict[str, End | None]:
        """What came of each kind of trouble."""
        column, once = self.cells[0].column, self.cells[0].once
        kinds = [cell.kind for cell in self.cells]
        if column in reads.LISTS:
            return dict(await reads.read_users(scenes, column, kinds, once=once))
        if column in writes.ACTIONS:
            return dict(await writes.write(scenes, folder, column, kinds, once=once))
        (kind,) = kinds
        if column in reads.LISTINGS:
            return {kind: await reads.read_listing(scenes, column, kind, once=once)}
        return {kind: await writes.call(scenes, kind, once=once)}


def groups(cells: Iterable[Cell]) -> Iterator[Group]:
    """All cells, each in one group."""
    for _, together in groupby(sorted(cells, key=_key), key=_key):
        yield Group(cells=tuple(together))


def _key(cell: Cell) -> tuple[str, ...]:
    return (cell.column, str(cell.once), *_run(cell))


def _run(cell: Cell) -> tuple[str, ...]:
    """What sets the run of a cell apart from others of its column."""
    end = cell.end
    shares = isinstance(end, reads.Read | writes.Write) and end.exit in FINISHED and cell.column not in reads.LISTINGS
    if not shares or cell.kind in ALONE:
        return (cell.word, cell.kind)
    return (cell.word, "", "slow" if cell.kind in SLOW else "")


def word_of(cell: Cell, end: End | None) -> str:
    """What came of a cell in the words of its column."""
    if end is None:
        return "-"
    return next((word for word, meant in legend(cell.column).items() if meant == end), repr(end))

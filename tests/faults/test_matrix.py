"""Every kind of trouble with every request ends as `expected.py` says, once and always."""

from pathlib import Path

import pytest

from tests.faults.expected import ALWAYS, COLUMNS, ONCE, Cell, cells, written
from tests.faults.playing import Group, groups
from tests.faults.scene import Scenes
from tests.faults.trouble import KINDS


@pytest.mark.parametrize("group", list(groups(cells())), ids=lambda group: group.name)
async def test_trouble(scenes: Scenes, tmp_path: Path, group: Group) -> None:
    """Exit code, mirror, journal, number of calls; nobody loses a row, nothing leaks, the next run is good."""
    came = await group.play(scenes, tmp_path)
    assert came == {cell.kind: cell.end for cell in group.cells}


def test_the_tables_are_whole() -> None:
    """Every kind of trouble has a line in both, and they read as they are written."""
    every = list(cells())
    for once, table in ((True, ONCE), (False, ALWAYS)):
        words = {(cell.kind, cell.column): cell.word for cell in every if cell.once is once}
        assert list(words) == [(kind, column) for kind in KINDS for column in COLUMNS]
        assert written(words) == table.strip()


@pytest.mark.torture
@pytest.mark.parametrize("cell", list(cells()), ids=lambda cell: f"{cell.column}-{cell.once}-{cell.kind}")
async def test_a_cell_by_itself(scenes: Scenes, tmp_path: Path, cell: Cell) -> None:
    """Sharing a run with others makes no difference."""
    assert await Group(cells=(cell,)).play(scenes, tmp_path) == {cell.kind: cell.end}

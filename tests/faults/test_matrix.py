"""Every kind of trouble with every request ends as `expected.py` says, once and always."""

from pathlib import Path

import pytest

from tests.faults.expected import ALWAYS, COLUMNS, ONCE, Cell, cells, written
from tests.faults.playing import Group, groups
from tests.faults.scene import Scenes
from tests.faults.trouble import KINDS
from tests.sampling import covering, sampled

GROUPS = list(groups(cells()))
SOME = {group.name for group in covering(GROUPS, lambda group: group.traits)}


def _is_played(group: Group) -> bool:
    """By `make test`."""
    return group.name in SOME


@pytest.mark.parametrize("group", sampled(GROUPS, _is_played), ids=lambda group: group.name)
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


def test_some_are_of_every_kind() -> None:
    """`make test` plays each kind of trouble, each request and each end at least once."""
    some = [cell for group in GROUPS if group.name in SOME for cell in group.cells]
    for trait in ("kind", "column", "word", "once"):
        assert {getattr(cell, trait) for cell in some} == {getattr(cell, trait) for cell in cells()}


@pytest.mark.torture
@pytest.mark.parametrize("cell", list(cells()), ids=lambda cell: f"{cell.column}-{cell.once}-{cell.kind}")
async def test_a_cell_by_itself(scenes: Scenes, tmp_path: Path, cell: Cell) -> None:
    """Sharing a run with others makes no difference."""
    assert await Group(cells=(cell,)).play(scenes, tmp_path) == {cell.kind: cell.end}

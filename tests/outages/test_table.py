"""The database is lost at every moment of every command that writes; it ends as `expected.py` says."""

from itertools import groupby
from pathlib import Path

import pytest

from tests.outages.expected import ENDS, expected, word, written
from tests.outages.playing import play
from tests.outages.server import Server
from tests.outages.table import Cell, cells
from tests.sampling import covering, sampled


def some() -> list[Cell]:
    """One cell of each moment, so that each loss has its turn, with patience and without."""
    groups = [list(group) for _, group in groupby(cells(), key=lambda cell: (cell.command, cell.moment))]
    return [group[number * 3 % len(group)] for number, group in enumerate(groups)]


FEW = set(map(str, covering(some(), lambda cell: [("at", cell.command, cell.moment.at), (cell.loss, cell.patient)])))


@pytest.mark.parametrize("cell", sampled(some(), lambda cell: str(cell) in FEW), ids=str)
async def test_an_outage(server: Server, tmp_path: Path, cell: Cell) -> None:
    """Exit code; a plain run makes the mirror equal; the ledger is consistent; every action is done once."""
    assert word(*await play(server, tmp_path, cell)) == expected()[cell]


@pytest.mark.torture
@pytest.mark.parametrize("cell", [cell for cell in cells() if cell not in some()], ids=str)
async def test_every_other_outage(server: Server, tmp_path: Path, cell: Cell) -> None:
    """The same."""
    assert word(*await play(server, tmp_path, cell)) == expected()[cell]


def test_the_table_is_whole() -> None:
    """Every cell has a word, every loss its turn every day, and it reads as it is written."""
    assert written(expected()) == ENDS.strip()
    assert {(cell.loss, cell.patient) for cell in some()} == {(cell.loss, cell.patient) for cell in cells()}

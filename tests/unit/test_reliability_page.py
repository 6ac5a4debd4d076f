"""The figures of docs/reliability.md are those of the tables that are played."""

import re
from pathlib import Path

from tests.crash.points import DRAWN, points
from tests.faults.expected import cells as faults
from tests.integration.flows.consistency import WRONG
from tests.outages.table import cells as losses
from tests.soak.trouble import PASSING, PERSONAL, REFUSALS

PAGE = (Path(__file__).parents[2] / "docs/reliability.md").read_text(encoding="utf-8")
SIDES = 3  # before, under way, after


def told(part: str) -> int:
    """The number of cases in the row that begins so."""
    (number,) = re.findall(rf"^\| {part}.*? \| ([\d,]+) \| `", PAGE, re.MULTILINE)
    return int(number.replace(",", ""))


def test_the_numbers_of_cases() -> None:
    """As often as it says."""
    assert told("fault matrix") == sum(cell.end is not None for cell in faults())
    assert told("kills \\(SIGKILL\\)") == SIDES * sum(point.number for point in points())
    assert told("kills at drawn moments") == DRAWN
    assert told("losses of the database") == len(list(losses()))
    assert f"{len({(cell.command, str(cell.moment)) for cell in losses()})} moments" in PAGE


def test_the_numbers_in_words() -> None:
    """Kinds of trouble, of commits, of queries."""
    assert (len({cell.kind for cell in faults()}), "Forty-two kinds" in PAGE) == (42, True)
    assert f"at {len(points())} kinds of points" in PAGE
    assert (len(WRONG), "nineteen queries" in PAGE) == (19, True)
    assert f"{len(PASSING)} kinds that another attempt" in PAGE
    assert f"{len(PERSONAL)} that say something" in PAGE
    assert (len(REFUSALS), "four kinds of refusal" in PAGE) == (4, True)

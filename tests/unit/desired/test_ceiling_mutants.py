"""The tests of the ceiling are good enough: none of its rules can be weakened without one of them noticing."""

import ast
import inspect
import re

import pytest

from sync_worker.desired import ceiling
from tests.unit.desired.ceiling_tables import CASES, check
from tests.unit.desired.mutants import Mutant, mutants

SOURCE = inspect.getsource(ceiling)


def killed(mutant: Mutant) -> bool:
    """Whether some case of the tables fails, or the mutant falls over."""
    try:
        names = mutant.load(ceiling.__name__)
        for case in CASES:
            check(names, case)
    except Exception:  # noqa: BLE001 - whatever a mutant does that the ceiling does not
        return True
    return False


def test_the_ceiling_as_it_is_lives() -> None:
    """Loaded as a mutant is, but with nothing wrong: what kills is the sabotage, not the loading."""
    assert not killed(Mutant(name="nothing", tree=ast.parse(SOURCE)))


@pytest.mark.long
def test_every_mutant_is_killed() -> None:
    """Rules that say nothing, compare the other way, or forget half of their condition."""
    found = list(mutants(SOURCE))
    assert [mutant.name for mutant in found if not killed(mutant)] == []
    assert len(found) > 60


def test_every_reason_is_among_the_sabotaged() -> None:
    """Each line that returns one has a mutant in which it does not."""
    silenced = [mutant.name for mutant in mutants(SOURCE) if ": returns None: " in mutant.name]
    assert len(silenced) == len(re.findall(r"^ +return f?\"", SOURCE, re.MULTILINE))

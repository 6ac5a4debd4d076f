"""The tests of the guards are good enough: no guard can be weakened without one of them noticing."""

import ast
import inspect
import re

import pytest

from sync_worker.desired import guards
from tests.unit.desired.guard_cases import Rule, check
from tests.unit.desired.guard_tables import CASES
from tests.unit.desired.mutants import Mutant, mutants

SOURCE = inspect.getsource(guards)


def killed(mutant: Mutant) -> bool:
    """Whether some case of the table fails, or the mutant falls over."""
    try:
        rule = mutant.load(guards.__name__)["rule"]
        _check_all(rule)
    except Exception:  # noqa: BLE001 - whatever a mutant does that the guards do not
        return True
    return False


def _check_all(rule: Rule) -> None:
    for case in CASES:
        check(rule, case)


def test_the_guards_as_they_are_live() -> None:
    """Loaded as a mutant is, but with nothing wrong: what kills is the sabotage, not the loading."""
    assert not killed(Mutant(name="nothing", tree=ast.parse(SOURCE)))


@pytest.mark.long
def test_every_mutant_is_killed() -> None:
    """Guards that say nothing, compare the other way, or miss by one."""
    found = list(mutants(SOURCE))
    assert [mutant.name for mutant in found if not killed(mutant)] == []
    assert len(found) > 80


@pytest.mark.long
def test_every_reason_is_among_the_sabotaged() -> None:
    """Each line that yields or returns one has a mutant in which it does not."""
    silenced = [
        mutant.name for mutant in mutants(SOURCE) if re.search(r": (yields nothing|returns None): ", mutant.name)
    ]
    assert len(silenced) == len(re.findall(r"^ +(?:yield |return f?\")", SOURCE, re.MULTILINE))

"""The guards at their edges."""

from dataclasses import FrozenInstanceError

import pytest

from sync_worker.desired.guards import GuardLimits, rule
from sync_worker.settings.tables import GuardsTable
from tests.unit.desired.builders import LIMITS, NOTHING_ALLOWED, NOTHING_DONE, creating, plan
from tests.unit.desired.guard_cases import Case, check
from tests.unit.desired.guard_tables import CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_guards_say(case: Case) -> None:
    """What the table says."""
    check(rule, case)


def test_the_limits_here_are_the_usual_ones() -> None:
    """The table is about what is in force where nobody has set anything."""
    usual = GuardsTable().model_dump(exclude={"max_failures", "settle_after"})  # of an apply, not of its plan
    assert GuardLimits(**{**usual, "protect": tuple(usual["protect"])}) == LIMITS


def test_rulings_are_frozen() -> None:
    """Nobody talks a guard round afterwards."""
    ruling = rule(plan(creating(1)), LIMITS, NOTHING_ALLOWED, NOTHING_DONE)
    with pytest.raises(FrozenInstanceError):
        ruling.tripped = ()  # type: ignore[misc] # that it is refused is the point

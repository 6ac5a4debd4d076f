"""What the guards must say of a plan: the tests of the guards check it, and the mutants of the guards die of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sync_worker.desired.diff import Kind
from sync_worker.desired.guards import Allowances, Done, GuardLimits, Ruling
from sync_worker.desired.plan import Plan
from tests.unit.desired.builders import LIMITS

Rule = Callable[[Plan, GuardLimits, Allowances, Done], Ruling]

GENEROUS = replace(LIMITS, max_delete_percent=100.0, max_deletes_per_user=1000)
CREATES, DELETES = Kind.CREATE, Kind.DELETE


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A plan, and the ruling on it."""

    name: str
    plan: Plan
    limits: GuardLimits = GENEROUS
    allowances: Allowances = field(default_factory=Allowances)
    done: Done = field(default_factory=Done)
    tripped: tuple[str, ...] = ()  # as `Tripped` writes them
    withheld: Mapping[str, str] = field(default_factory=dict)  # address to reason


def check(rule: Rule, case: Case) -> None:
    """The ruling is the expected one, in every word; and nothing but what it names is withheld."""
    ruling = rule(case.plan, case.limits, case.allowances, case.done)
    assert tuple(map(str, ruling.tripped)) == case.tripped
    assert {change.address: why for change, why in ruling.withheld.items()} == case.withheld
    kinds = {kind for kind in Kind for said in case.tripped if said.startswith(f"all {kind}s")}
    for change in case.plan.changes():
        assert ruling.allows(change) is (change.kind not in kinds and change.address not in case.withheld)


def too_many(kind: Kind, figure: str, limit: str, option: str) -> tuple[str, ...]:
    """One guard has tripped."""
    return (f"all {kind}s are withheld: {figure} (limit {limit}, option {option})",)


C10, D10 = replace(GENEROUS, max_creates=10), replace(GENEROUS, max_deletes=10)
ELEVEN_CREATES = too_many(CREATES, "11 creates", "guards.max_creates = 10", "--expect-creates 11")
ELEVEN_DELETES = too_many(DELETES, "11 deletes", "guards.max_deletes = 10", "--expect-deletes 11")
M2 = replace(GENEROUS, max_messages=2)

"""A sample of a long plan."""

import pytest

from sync_worker.desired.model import Mode
from sync_worker.desired.plan import Plan, PlannedUser, Suspicion, Warn
from sync_worker.desired.render.sample import sample
from tests.unit.desired.builders import channel, creating, plan, user, wanted
from tests.unit.desired.stories import everything


def long(rare: int) -> Plan:
    """A thousand harmless users, and one among them with something to mind."""
    people = [creating(number) for number in range(1, 1001)]
    people[rare] = user(wanted(mode=Mode.EXACT, user_id=rare + 1), [channel(1, "last@x", user_id=rare + 1)])
    return plan(*people)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rare", [0, 500, 999])
def test_a_warning_that_occurs_is_in_the_sample(rare: int, seed: int) -> None:
    """However rare; the rest is chance, and in the order of the plan."""
    whole = long(rare)
    found = sample(whole, 10, seed)
    assert len(found) == 10
    assert {warn for person in found for warn in person.warnings} == {Warn.LOSES_LAST_EMAIL, Warn.CHANGES_DEFAULT}
    ids = [person.diff.desired.user_id for person in found]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("seed", range(20))
def test_every_kind_of_warning_is_in_a_sample_of_one(seed: int) -> None:
    """The sample is larger then; no user is in it that is not needed."""
    whole = everything()[0]
    found = sample(whole, 1, seed)
    assert {warn for person in found for warn in person.warnings} == set(Warn)
    assert len(found) == 4


def test_the_same_seed_gives_the_same_sample() -> None:
    """Two people talk about the same users; another seed gives others."""
    whole = long(7)
    assert sample(whole, 10, 1) == sample(whole, 10, 1)
    assert len({tuple(p.diff.desired.user_id for p in sample(whole, 10, seed)) for seed in range(10)}) == 10


def test_everybody_may_be_in_the_sample() -> None:
    """With many seeds, everybody is once."""
    whole = plan(*(creating(number) for number in range(1, 11)))
    assert {person for seed in range(60) for person in map(_number, sample(whole, 2, seed))} == set(range(1, 11))


@pytest.mark.parametrize(("size", "found"), [(-1, 0), (0, 0), (3, 3), (4, 4), (5, 4)])
def test_no_more_than_there_are(size: int, found: int) -> None:
    """A sample of a short plan is the plan."""
    assert len(sample(plan(*(creating(number) for number in range(1, 5))), size, seed=1)) == found


def test_one_user_may_have_several_warnings() -> None:
    """Then it stands for all of them."""
    both = [Suspicion(channel_id=1, warn=warn) for warn in (Warn.SIS_REFUSED, Warn.SIS_REAPPEARED)]
    whole = plan(creating(2), user(wanted(mode=Mode.EXACT), [channel(1, "a@x")], both))
    assert sample(whole, 0, seed=3) == whole.users[1:]


def _number(person: PlannedUser) -> int:
    return person.diff.desired.user_id

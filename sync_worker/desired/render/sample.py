"""A few users of a long plan, for a person to look at: chance, but every kind of warning is among them. Pure."""

import random

from sync_worker.desired.plan import Plan, PlannedUser, Warn


def sample(plan: Plan, size: int, seed: int) -> tuple[PlannedUser, ...]:
    """Some users of a plan, in its order; the same for the same seed.

    Args:
        plan: whose users.
        size: how many; more where the kinds of warnings that occur need more, fewer where the plan has fewer.
        seed: of the choice.
    """
    dice = random.Random(seed)  # noqa: S311 - a choice that can be repeated, no secret
    order = dice.sample(range(len(plan.users)), len(plan.users))
    chosen = _one_of_each(plan, order)
    chosen |= set([number for number in order if number not in chosen][: max(0, size - len(chosen))])
    return tuple(plan.users[number] for number in sorted(chosen))


def _one_of_each(plan: Plan, order: list[int]) -> set[int]:
    chosen: set[int] = set()
    for warn in Warn:
        having = [number for number in order if warn in plan.users[number].warnings]
        if having and chosen.isdisjoint(having):
            chosen.add(having[0])
    return chosen

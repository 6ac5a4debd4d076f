"""A plan in words: counts, the summary and the warnings. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from sync_worker.desired.diff import Change, UserDiff
from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan, Totals, Warn, totals
from sync_worker.folding import fold

MOST_MOVES: Final = 5
"""How many pairs of domains the summary names."""

WARNINGS: Final[Mapping[Warn, tuple[str, str]]] = {
    Warn.LOSES_LAST_EMAIL: (
        "user loses the last deliverable e-mail",
        "users lose their last deliverable e-mail",
    ),
    Warn.CHANGES_DEFAULT: (
        "user gets another default address",
        "users get another default address",
    ),
    Warn.UNUSABLE_REPLACEMENT: (
        "user loses a good address to one that does not look like an address",
        "users lose a good address to one that does not look like an address",
    ),
    Warn.UNUSABLE_ADDRESS: (
        "user gets what does not look like an address",
        "users get what does not look like an address",
    ),
    Warn.MESSAGES: (
        "user gets a confirmation message",
        "users get confirmation messages",
    ),
    Warn.SIS_REFUSED: (
        "user has a channel whose delete Canvas refused before: probably managed by SIS",
        "users have channels whose delete Canvas refused before: probably managed by SIS",
    ),
    Warn.SIS_REAPPEARED: (
        "user has a channel that came back after a delete of ours: a tug of war, probably with SIS",
        "users have channels that came back after a delete of ours: a tug of war, probably with SIS",
    ),
}
"""What a warning says of one user, and of several."""


def counted(number: int, one: str, many: str) -> str:
    """`1 user`, `1,200 users`."""
    return f"{number:,} {one if number == 1 else many}"


def summary(plan: Plan) -> str:
    """The plan in one line, such as `3 creates, 2 deletes, 1 replaced, 4 messages to people`."""
    return "nothing to do" if plan.empty else ", ".join(_parts(plan, totals(plan)))


def _parts(plan: Plan, counts: Totals) -> Iterator[str]:
    yield counted(counts.creates, "create", "creates")
    yield counted(counts.deletes, "delete", "deletes")
    if counts.replaced:
        yield f"{counts.replaced:,} replaced"
    if counts.messages:
        yield counted(counts.messages, "message to people", "messages to people")
    if counts.default_changes:
        changes = counted(counts.default_changes, "default address changes", "default addresses change")
        yield f"{changes} ({moves(plan)})"
    if counts.last_emails:
        yield counted(counts.last_emails, "last e-mail lost", "last e-mails lost")


def moves(plan: Plan) -> str:
    """Where default addresses go, domain to domain, most frequent first: `gmail.com → school.edu`."""
    pairs = Counter(
        f"{domain(user.diff.default_before)} → {domain(user.diff.default_after)}"
        for user in plan.users
        if Warn.CHANGES_DEFAULT in user.warnings
    )
    ranked = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    said = [pair if len(ranked) == 1 else f"{pair} {number:,}" for pair, number in ranked[:MOST_MOVES]]
    rest = sum(number for _, number in ranked[MOST_MOVES:])
    return ", ".join(said) + (f", others {rest:,}" if rest else "")


def domain(address: str | None) -> str:
    """What comes after the last `@`, folded; `none` without an address."""
    if address is None:
        return "none"
    return fold(address.rpartition("@")[2]) or "no domain"


def warnings(plan: Plan, ruling: Ruling) -> Iterator[str]:
    """What to read before saying yes, gravest first."""
    if ruling.tripped or ruling.withheld:
        yield _objection(plan, ruling)
    counts = Counter(warn for user in plan.users for warn in user.warnings)
    for warn, (one, many) in WARNINGS.items():
        if counts[warn]:
            yield counted(counts[warn], one, many)
    if plan.source.unresolved:
        yield counted(len(plan.source.unresolved), "reference leads to nobody", "references lead to nobody")


def _objection(plan: Plan, ruling: Ruling) -> str:
    allowed = [ruling.allows(change) for change in plan.changes()]
    if all(allowed):
        return "the guards object: see Withheld"
    return f"{allowed.count(False):,} of {counted(len(allowed), 'change is', 'changes are')} withheld: see Withheld"


def default_change(diff: UserDiff) -> str:
    """From where to where a user's mail goes."""
    return f"{Warn.CHANGES_DEFAULT}: {diff.default_before or 'none'} → {diff.default_after or 'none'}"


def why_withheld(change: Change, ruling: Ruling) -> str:
    """Why a change is withheld; empty where it is not."""
    tripped = any(trip.kind is change.kind for trip in ruling.tripped)
    return ruling.withheld.get(change) or (f"as all {change.kind}s" if tripped else "")


def withheld(ruling: Ruling) -> Iterator[str]:
    """All that the guards withhold, and why; single changes are counted by their reason."""
    yield from map(str, ruling.tripped)
    counts = Counter((change.kind, why) for change, why in ruling.withheld.items())
    for (kind, why), number in counts.items():
        yield f"{counted(number, str(kind), f'{kind}s')}: {why}"


def unmanaged(plan: Plan) -> Iterator[str]:
    """Wishes outside `manage`, counted by the reason."""
    counts = Counter(each.why for user in plan.users for each in user.diff.unmanaged)
    for why, number in counts.items():
        yield f"{counted(number, 'wish', 'wishes')}: {why}"

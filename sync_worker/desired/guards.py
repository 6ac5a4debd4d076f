"""Guards: what protects Canvas and its people from a plan. Pure, on by default.

Some withhold single changes (the last e-mail, a protected address), some all deletes or all creates of a plan (too many
of them). Planning is never stopped by a guard; applying is. `--yes` answers questions and switches off none of them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from typing_extensions import override

from sync_worker.desired.addresses import usable
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.model import PUSH, key_of
from sync_worker.desired.plan import Plan, PlannedUser, Totals, Warn, totals
from sync_worker.folding import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardLimits:
    """`[guards]` as it holds for this instance."""

    max_creates: int
    max_deletes: int
    max_delete_percent: float  # of the live channels of managed types of the users in the document
    percent_from: int  # live channels from which percentages apply
    max_deletes_per_user: int
    max_messages: int
    keep_last_email: bool
    protect: tuple[str, ...]  # patterns such as `*@school.edu`
    max_unresolved_percent: float = 5.0
    max_shrink_percent: float = 50.0  # of the users of the document that was applied last


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowances:
    """What a person allows for one apply."""

    expect_creates: int | None = None  # satisfies the numeric guards when exactly right
    expect_deletes: int | None = None
    max_messages: int | None = None
    default_change: bool = False
    unusable_replacement: bool = False
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for one apply."""

    limits: GuardLimits
    allowances: Allowances


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done before, and counts: under this plan, and by unattended applies in the last 24 hours."""

    creates: int = 0
    deletes: int = 0
    messages: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tripped:
    """A guard that withholds all changes of a kind."""

    kind: Kind
    figure: str
    limit: str  # setting and value
    option: str  # how a person can allow it

    @override
    def __str__(self) -> str:
        return f"all {self.kind}s are withheld: {self.figure} (limit {self.limit}, option {self.option})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused(Tripped):
    """A guard that would withhold all changes of a kind, of a plan that has none of it."""

    @override
    def __str__(self) -> str:
        why = f"{self.figure} (limit {self.limit}, option {self.option})"
        return f"there are no {self.kind}s, and all would be withheld: {why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the guards say to a plan."""

    tripped: tuple[Tripped, ...]
    withheld: Mapping[Change, str]  # single changes, and why

    def allows(self, change: Change) -> bool:
        """Whether this change may be carried out."""
        return change not in self.withheld and all(trip.kind is not change.kind for trip in self.tripped)


def rule(plan: Plan, limits: GuardLimits, allowances: Allowances, done: Done) -> Ruling:
    """Weigh a plan; what of it was done before is in `done` and no longer in the plan."""
    counts = totals(plan)
    only_creates = counts.creates > 0 and counts.deletes == 0
    tripped = (
        *(() if only_creates else _document(plan, limits, allowances, Tripped if counts.deletes else Unused)),
        *_creates(counts, limits, allowances, done),
        *_deletes(plan, counts, limits, allowances, done),
    )
    withheld = dict(_orphaned(plan)) if any(trip.kind is Kind.CREATE for trip in tripped) else {}
    withheld |= {change: why for user in plan.users for change, why in objections(user, limits, allowances)}
    return Ruling(tripped=tripped, withheld=withheld)


# --- all changes of a kind ------------------------------------------------------------------------------


def _creates(counts: Totals, limits: GuardLimits, allowances: Allowances, done: Done) -> Iterator[Tripped]:
    number = counts.creates + done.creates
    if counts.creates and number > limits.max_creates and allowances.expect_creates != counts.creates:
        yield Tripped(
            kind=Kind.CREATE,
            figure=_counted(number, "create"),
            limit=f"guards.max_creates = {limits.max_creates}",
            option=f"--expect-creates {counts.creates}",
        )
    most = limits.max_messages if allowances.max_messages is None else allowances.max_messages
    messages = counts.messages + done.messages
    if counts.messages and messages > most:
        yield Tripped(
            kind=Kind.CREATE,
            figure=f"{_counted(messages, 'confirmation message')} to people",
            limit=f"guards.max_messages = {most}",
            option=f"--max-messages {messages}",
        )


def _deletes(plan: Plan, counts: Totals, limits: GuardLimits, allowances: Allowances, done: Done) -> Iterator[Tripped]:
    if not counts.deletes or allowances.expect_deletes == counts.deletes:
        return
    number = counts.deletes + done.deletes
    option = f"--expect-deletes {counts.deletes}"
    if number > limits.max_deletes:
        limit = f"guards.max_deletes = {limits.max_deletes}"
        yield Tripped(kind=Kind.DELETE, figure=_counted(number, "delete"), limit=limit, option=option)
    percent = 100.0 * number / plan.managed_live if plan.managed_live else 0.0
    if plan.managed_live >= limits.percent_from and percent > limits.max_delete_percent:
        figure = f"{_counted(number, 'delete')} of {plan.managed_live:,} live channels ({percent:.1f} %)"
        limit = f"guards.max_delete_percent = {limits.max_delete_percent:g}"
        yield Tripped(kind=Kind.DELETE, figure=figure, limit=limit, option=option)


def _document(plan: Plan, limits: GuardLimits, allowances: Allowances, trip: type[Tripped]) -> Iterator[Tripped]:
    """An empty or shrunken document, and one whose references lead nowhere, delete nothing."""
    source = plan.source
    named = source.users + len(source.unresolved)
    lost = 100.0 * len(source.unresolved) / named if named else 0.0
    if lost > limits.max_unresolved_percent:
        lead = "leads" if len(source.unresolved) == 1 else "lead"
        figure = f"{len(source.unresolved):,} of {_counted(named, 'reference')} {lead} to nobody ({lost:.1f} %)"
        limit = f"{limits.max_unresolved_percent:g} %"
        yield trip(kind=Kind.DELETE, figure=figure, limit=limit, option="a corrected document")
    before = source.users_before or 0
    shrunk = 100.0 * (before - source.users) / before if before else 0.0
    if not allowances.empty and (source.users == 0 or shrunk > limits.max_shrink_percent):
        figure = f"the document has {_counted(source.users, 'user')} where the last applied one had {before:,}"
        limit = f"{limits.max_shrink_percent:g} % fewer"
        yield trip(kind=Kind.DELETE, figure=figure, limit=limit, option="--allow-empty")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# --- single changes -------------------------------------------------------------------------------------


def _orphaned(plan: Plan) -> Iterator[tuple[Change, str]]:
    """Deletes that lean on a create, where creates are withheld: without it, a person may be left with nothing."""
    for change in plan.changes():
        if change.replaced:
            yield change, "the replacement is withheld"


def objections(user: PlannedUser, limits: GuardLimits, allowances: Allowances) -> Iterator[tuple[Change, str]]:
    """The changes of one user that the guards withhold, and why."""
    deletes = [change for change in user.diff.changes if change.kind is Kind.DELETE]
    for change in user.diff.changes:
        if change.type == PUSH:
            yield change, "push channels are never touched"
    for change in deletes:
        why = _why_not(user, change, len(deletes), limits, allowances)
        if why:
            yield change, why


def _protects(pattern: str, change: Change) -> bool:
    """Whether a pattern of `guards.protect` means this address; a number in any spelling."""
    same = key_of(change.type, pattern, change.phone_region) == change.key
    return same or fnmatchcase(fold(change.address), fold(pattern))


def _why_not(
    user: PlannedUser, change: Change, deletes: int, limits: GuardLimits, allowances: Allowances
) -> str | None:
    """Why this delete is withheld, or None."""
    pattern = next((p for p in limits.protect if _protects(p, change)), None)
    if pattern is not None:
        return f"protected by guards.protect = {pattern}"
    if deletes > limits.max_deletes_per_user:
        return f"{deletes} deletes for one user (limit guards.max_deletes_per_user = {limits.max_deletes_per_user})"
    if (
        change.type in user.diff.stranded
        and not allowances.unusable_replacement
        and usable(change.type, change.address)
    ):
        return "its replacement does not look like an address (option --allow-unusable-replacement)"
    if limits.keep_last_email and Warn.LOSES_LAST_EMAIL in user.warnings and change.type == "email":
        return "it would leave the user without a deliverable e-mail (guards.keep_last_email)"
    if Warn.CHANGES_DEFAULT in user.warnings and not allowances.default_change and change.type == "email":
        return "it would change the user's default address (option --allow-default-change)"
    return None

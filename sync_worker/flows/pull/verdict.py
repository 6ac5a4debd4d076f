"""What a run may conclude: pure, from figures and limits to a verdict with its reasons.

"The run that saw nothing does not say success": too few users, a sudden drop, too little coverage and the same empty
answer for everybody end with exit 8; a brake that would make too many tombstones ends with exit 4. Either way what was
read is kept, nothing is deleted, and what would have been deleted waits for a person.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from sync_worker.desired.render.words import counted
from sync_worker.mirror.candidates import Weight
from sync_worker.mirror.runs import ListingCount, RunFigures

IN_PART: Final = 3
WITHHELD: Final = 4
IMPLAUSIBLE: Final = 8

_WAITING: Final = re.compile(r"; nothing was deleted(, [^;]+)?(?=;|$)")
"""What `_waiting` says, in the message of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`[brake]` as it holds for this run."""

    max_tombstones: int
    max_tombstone_percent: float  # of the live channels of the users covered
    percent_from: int  # live channels, or listed users, from which percentages apply
    min_coverage_percent: float
    min_listing_percent: float  # of the users of the previous complete listing
    empty_answers_from: int  # users from which an empty answer for every one of them is implausible; 0: never


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the verdict rests on."""

    figures: RunFigures
    weight: Weight
    listings: tuple[ListingCount, ...]  # of the accounts that the run has listed
    run_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, with the exit code that it means."""

    exit_code: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """May candidates be settled, and what is there to say?"""

    findings: tuple[Finding, ...]

    @property
    def may_settle(self) -> bool:
        """Whether candidates may become tombstones (after their second read)."""
        return all(finding.exit_code not in {WITHHELD, IMPLAUSIBLE} for finding in self.findings)

    @property
    def braked(self) -> bool:
        """Whether it is the brake that forbids it: then only a person releases what it holds."""
        return any(finding.exit_code == WITHHELD for finding in self.findings)


def coverage_percent(figures: RunFigures) -> float:
    """Users read completely or gone, over the users of the run, in percent; 0 where there are none."""
    total = figures.users_total + figures.unresolved
    return 100.0 * (figures.users_done + figures.users_gone) / total if total else 0.0


def judge(evidence: Evidence, limits: Limits) -> Verdict:
    """Weigh a run; the findings come in the order in which a person should read them."""
    checks = (_saw_users, _listing_holds, _covered_enough, _answers_differ, _brake)
    against = [finding for check in checks if (finding := check(evidence, limits)) is not None]
    if against:
        against[-1] = replace(against[-1], message=f"{against[-1].message}; {_waiting(evidence)}")
    in_part = _everybody_read(evidence)
    return Verdict(findings=(*against, *([in_part] if in_part else [])))


def _saw_users(evidence: Evidence, _: Limits) -> Finding | None:
    if evidence.figures.users_total + evidence.figures.unresolved:
        return None
    return Finding(
        exit_code=IMPLAUSIBLE,
        message="the source has no users at all; check `users` of the instance and the rights of the token",
    )


def _listing_holds(evidence: Evidence, limits: Limits) -> Finding | None:
    shrunk = [listing for listing in evidence.listings if _shrank(listing, limits)]
    if not shrunk:
        return None
    worst = min(shrunk, key=_percent)
    return Finding(
        exit_code=IMPLAUSIBLE,
        message=f"Canvas lists {worst.now:,} users in account {worst.account}, and listed {worst.before:,} last time "
        f"({_percent(worst):.1f} %, limit brake.min_listing_percent = {limits.min_listing_percent:g}, "
        "option --min-listing)",
    )


def _shrank(listing: ListingCount, limits: Limits) -> bool:
    """An empty listing is implausible in a small school too."""
    small = listing.before < limits.percent_from and listing.now > 0
    return listing.before > 0 and not small and _percent(listing) < limits.min_listing_percent


def _percent(listing: ListingCount) -> float:
    return 100.0 * listing.now / listing.before


def _covered_enough(evidence: Evidence, limits: Limits) -> Finding | None:
    figures = evidence.figures
    total = figures.users_total + figures.unresolved
    percent = coverage_percent(figures)
    if not total or percent >= limits.min_coverage_percent:
        return None
    read = figures.users_done + figures.users_gone
    return Finding(
        exit_code=IMPLAUSIBLE,
        message=f"only {read:,} of {total:,} users could be read ({percent:.1f} %, limit brake.min_coverage_percent = "
        f"{limits.min_coverage_percent:g}, option --min-coverage)",
    )


def _answers_differ(evidence: Evidence, limits: Limits) -> Finding | None:
    """Where the mirror knows of no channel either, nothing can be lost; only a school without any is implausible."""
    figures, live = evidence.figures, evidence.weight.live
    read = figures.users_done + figures.users_gone
    least = limits.empty_answers_from if live else max(limits.empty_answers_from, limits.percent_from)
    if figures.channels_seen or not limits.empty_answers_from or read < least:
        return None
    known = f", who have {live:,} live channels in the mirror" if live else "; may this token see them?"
    return Finding(
        exit_code=IMPLAUSIBLE,
        message=f"not one channel in the answers for {read:,} users{known} "
        f"(limit brake.empty_answers_from = {limits.empty_answers_from})",
    )


def _brake(evidence: Evidence, limits: Limits) -> Finding | None:
    weight = evidence.weight
    percent = 100.0 * weight.candidates / weight.live if weight.live else 0.0
    deletions = counted(weight.candidates, "deletion", "deletions")
    figure = f"{deletions} of {counted(weight.live, 'live channel', 'live channels')} ({percent:.1f} %)"
    if weight.candidates > limits.max_tombstones:
        limit = f"brake.max_tombstones = {limits.max_tombstones}, option --max-tombstones"
    elif weight.live >= limits.percent_from and percent > limits.max_tombstone_percent:
        limit = f"brake.max_tombstone_percent = {limits.max_tombstone_percent:g}, option --max-tombstone-percent"
    else:
        return None
    return Finding(exit_code=WITHHELD, message=f"the brake stops {figure} (limit {limit})")


def _everybody_read(evidence: Evidence) -> Finding | None:
    figures = evidence.figures
    parts = [
        (figures.users_failed, "users could not be read and kept their rows; the next run tries them first"),
        (figures.unresolved, "references could not be resolved"),
        (figures.newly_unreadable, "users may not be read by this token any more, and kept their rows"),
    ]
    said = [f"{count:,} {what if count > 1 else what.replace('s ', ' ', 1)}" for count, what in parts if count]
    return Finding(exit_code=IN_PART, message="; ".join(said)) if said else None


def older(figures: RunFigures) -> tuple[Finding, ...]:
    """Rows that a later read had written: somebody else was at work, or the order of reads went back."""
    if not figures.rows_older:
        return ()
    rows = counted(figures.rows_older, "row of the mirror was", "rows of the mirror were")
    message = f"{rows} left as they were: what this run read is older than they are; the next run reads them again"
    return (Finding(exit_code=IN_PART, message=message),)


def reasons(message: str) -> str:
    """The message of a run without what it says about waiting deletions, for whoever shows these themselves."""
    return _WAITING.sub("", message)


def _waiting(evidence: Evidence) -> str:
    weight = evidence.weight
    if not weight.candidates:
        return "nothing was deleted"
    holders = [*weight.held_by, *([evidence.run_id] if weight.candidates > weight.held else [])]
    commands = ", ".join(f"`sync-worker pending accept {holder}` or `dismiss {holder}`" for holder in holders)
    wait = counted(weight.candidates, "deletion waits", "deletions wait")
    return f"nothing was deleted, {wait}: look at `sync-worker pending list`, then {commands}"

"""What an apply came to, counted as it goes."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from sync_worker.desired.diff import Change, Kind
from sync_worker.flows.pull.verdict import IN_PART, WITHHELD, Finding
from sync_worker.mirror.actions import Status

EXAMPLES: Final = 5
"""Reasons of one sort that are told."""

_WORDS: Final = {
    Status.WITHHELD: "withheld",
    Status.REFUSED: "refused by Canvas",
    Status.FAILED: "failed",
    Status.UNCERTAIN: "with an unknown outcome",
    Status.STARTED: "with an unknown outcome",
    Status.PLANNED: "not begun",
    Status.SKIPPED: "skipped as stale",
}
_WRONG: Final = (
    Status.REFUSED,
    Status.FAILED,
    Status.UNCERTAIN,
    Status.STARTED,
    Status.PLANNED,
    Status.SKIPPED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    """What became of one action."""

    status: Status
    why: str | None
    messaged: bool
    gone: bool


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one apply; of an action that is noted again the last word counts."""

    counts: Counter[tuple[Kind, Status]] = field(default_factory=Counter)
    reasons: Counter[tuple[Status, str]] = field(default_factory=Counter)
    messages: int = 0  # confirmation messages that went, or may have gone, to people
    gone: int = 0  # skipped deletes of what was gone already
    notes: dict[Change, _Note] = field(default_factory=dict)

    def has(self, change: Change) -> bool:
        """Whether something was noted of it."""
        return change in self.notes

    def note(
        self, change: Change, status: Status, why: str | None = None, *, messaged: bool = False, gone: bool = False
    ) -> None:
        """Count one action.

        Args:
            change: what it was to do.
            status: what became of it.
            why: to be told; None where there is nothing to tell.
            messaged: a message went, or may have gone, to a person.
            gone: it is a delete of what was gone already: as wanted, if not by us.
        """
        if (before := self.notes.pop(change, None)) is not None:
            self._count(change, before, -1)
        note = self.notes[change] = _Note(status=status, why=why, messaged=messaged, gone=gone)
        self._count(change, note, 1)

    def _count(self, change: Change, note: _Note, number: int) -> None:
        self.counts[change.kind, note.status] += number
        self.messages += number * note.messaged
        self.gone += number * note.gone
        if note.why:
            self.reasons[note.status, note.why] += number

    def number(self, status: Status, kind: Kind | None = None) -> int:
        """Actions with this status."""
        return sum(n for (k, s), n in self.counts.items() if s is status and kind in {None, k})

    @property
    def wrong(self) -> int:
        """Actions that did not go as planned."""
        return sum(map(self.number, _WRONG)) - self.gone

    def findings(self) -> tuple[Finding, ...]:
        """What there is to say, the gravest first."""
        held = self._reasons(Status.WITHHELD)
        wrong = [line for status in _WRONG for line in self._reasons(status)]
        return (
            *(Finding(exit_code=WITHHELD, message=line) for line in held),
            *(Finding(exit_code=IN_PART, message=line) for line in wrong),
        )

    def _reasons(self, status: Status) -> list[str]:
        found = [(why, number) for (s, why), number in self.reasons.most_common() if s is status and number]
        lines = [self._line(status, why, number) for why, number in found[:EXAMPLES]]
        rest = sum(number for _, number in found[EXAMPLES:])
        return lines + ([f"{rest:,} more for other reasons: {_WORDS[status]}"] if rest else [])

    def _line(self, status: Status, why: str, number: int) -> str:
        example = next(change for change, note in self.notes.items() if (note.status, note.why) == (status, why))
        who = f"user {example.user_id}" if number == 1 else f"first: user {example.user_id}"
        noun = "action" if number == 1 else "actions"
        return f"{number:,} {noun} {_WORDS[status]}: {why} ({who}, {example.kind} {example.type} {example.address})"

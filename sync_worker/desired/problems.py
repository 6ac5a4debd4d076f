"""What is wrong with a desired state, for people: one line for each problem, all of them at once. Pure.

No problem repeats an address: errors end in logs, and addresses are personal data. File, line and field lead there.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Final, TypeVar

from typing_extensions import override

from sync_worker.errors import DocumentError
from sync_worker.textfiles import NOT_UTF8, advice

SHOWN: Final = 50  # problems of one document that are shown; the rest is counted
NEAR: Final = 0.75  # how alike two words are, from 0 to 1, before one is offered for the other


class Severity(StrEnum):
    """What a problem does."""

    ERROR = "error"  # the document is not used
    WARNING = "warning"  # it is used, and does something else than its author may think


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to put right."""

    where: str  # "desired.yaml:17"
    field: str  # "users[3].channels[0].address", the column of a CSV; empty for the line as a whole
    what: str  # one sentence without a full stop
    hint: str = ""
    severity: Severity = Severity.ERROR

    @override
    def __str__(self) -> str:
        sentence = ": ".join(filter(None, (self.where, self.field, self.what)))
        return sentence + (f". {self.hint}" if self.hint else "")


def undecodable(where: str, field: str = "") -> Problem:
    """What is wrong with a line that is not UTF-8; `where` is file and line."""
    return Problem(where=where, field=field, what=NOT_UTF8, hint=advice(where.rpartition(":")[0]))


_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class Problems:
    """Collects the problems of one document; keeps the first `SHOWN` errors and warnings, and counts the rest."""

    name: str  # of the document
    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    error_count: int = 0
    warning_count: int = 0

    def add(self, problem: Problem) -> None:
        """Take one in."""
        if problem.severity is Severity.ERROR:
            self.error_count += 1
            kept = self.errors
        else:
            self.warning_count += 1
            kept = self.warnings
        if len(kept) < SHOWN:
            kept.append(problem)

    def sift(self, stream: Iterable[_T | Problem]) -> Iterator[_T]:
        """Everything else than problems goes on, problems stay here."""
        for each in stream:
            if isinstance(each, Problem):
                self.add(each)
            else:
                yield each

    def raise_errors(self, *, with_warnings: bool = False) -> None:
        """End here if there is an error.

        Raises:
            DocumentError: with every error, one line each, `SHOWN` at most and the number of the others; then the
                warnings in the same way, where they are asked for.
        """
        if not self.error_count:
            return
        lines = [str(problem) for problem in self.errors]
        if self.error_count > 1:
            lines.insert(0, f"{self.name} has {self.error_count:,} problems:")
        if self.error_count > len(self.errors):
            lines.append(f"and {self.error_count - len(self.errors):,} more")
        if with_warnings:
            lines += map(str.strip, told_warnings(self.warnings, self.warning_count))
        raise DocumentError("\n".join(lines))


def told_warnings(shown: Collection[Problem], count: int) -> Iterator[str]:
    """Lines for warnings.

    Args:
        shown: those that are told in full.
        count: how many there are.
    """
    yield from (f"  warning: {problem}" for problem in shown)
    if count > len(shown):
        more = count - len(shown)
        yield f"  and {more:,} more warning{'' if more == 1 else 's'}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a hint; empty where none is near."""
    nearest = get_close_matches(word.strip().lower(), list(known), n=1, cutoff=NEAR)
    return f"Did you mean {nearest[0]}?" if nearest else ""


def shown(text: object) -> str:
    """Something that a document says, short and printable."""
    return repr(str(text)[:40])

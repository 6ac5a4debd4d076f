"""The end of an apply in words that a person understands; on standard output."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import typer

from sync_worker.desired.diff import Kind
from sync_worker.desired.render.words import counted
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.mirror.actions import Status

_HEADS: Final = {0: "done", 3: "done in part", 4: "done, actions withheld"}
_WORDS: Final = {
    Status.DONE: "done",
    Status.EXISTED: "existed already",
    Status.REFUSED: "refused by Canvas",
    Status.FAILED: "failed",
    Status.UNCERTAIN: "with an unknown outcome",
    Status.STARTED: "with an unknown outcome",
    Status.PLANNED: "not begun",
    Status.UNRESOLVED: "unresolved",
    Status.SKIPPED: "skipped",
    Status.WITHHELD: "withheld",
}


def print_apply(report: ApplyReport) -> None:
    """Print the summary of one apply; that nobody reads it is no failure."""
    with suppress(BrokenPipeError):
        for line in lines(report):
            typer.echo(line)


def lines(report: ApplyReport) -> Iterator[str]:
    """The summary, line by line."""
    of = "" if report.plan_id is None else f" of plan {report.plan_id}"
    yield f"{report.instance}: {report.kind} run {report.run_id}{of} {_HEADS[report.exit_code]} ({report.origin})"
    for kind in Kind:
        if said := _actions(report, kind):
            yield f"  {kind}s   {said}"
    if report.tally.messages:
        yield f"  messages  {counted(report.tally.messages, 'person was', 'people were')} sent one, or may have been"
    if report.left:
        left = counted(report.left, "action", "actions")
        yield f"  left      {left}{_going_on(report)}"
    for number in report.closed:
        yield f"  closed    plan {number}, which was not finished: what is left of it will not be done"
    seconds = report.took.total_seconds()
    yield f"  requests  {report.requests:,} in {seconds:.1f} s, {report.refusals:,} refused by the rate limit"
    for finding in report.findings:
        yield f"  ! {finding.message}"
    if report.tally.number(Status.DONE) and report.plan_id is not None:
        yield f"  to take it back: sync-worker undo {report.run_id}"


def _going_on(report: ApplyReport) -> str:
    """What carries out the rest; the same command does not where all of it is withheld."""
    if report.tally.number(Status.WITHHELD) < report.left:
        return f"; go on with: sync-worker apply {report.plan_id}"
    return f", withheld as said below; where that names an option: sync-worker apply {report.plan_id} OPTION"


def _actions(report: ApplyReport, kind: Kind) -> str:
    gone = report.tally.gone if kind is Kind.DELETE else 0
    numbers = {status: report.tally.number(status, kind) for status in _WORDS}
    numbers[Status.SKIPPED] -= gone
    by_words: Counter[str] = Counter()
    for status, number in numbers.items():
        by_words[_WORDS[status]] += number
    parts = [f"{number:,} {words}" for words, number in by_words.items() if number]
    return ", ".join(parts + ([f"{gone:,} gone already"] if gone else []))

"""The end of a run in words that a person understands; on standard output."""

from collections.abc import Iterator
from contextlib import suppress

import typer

from sync_worker.flows.pull.report import RunReport

HEADS = {0: "done", 3: "done in part", 4: "done, deletions withheld", 8: "implausible: nothing deleted"}


def print_report(report: RunReport) -> None:
    """Print the summary of one run; that nobody reads it is no failure of the run."""
    with suppress(BrokenPipeError):
        for line in lines(report):
            typer.echo(line)


def lines(report: RunReport) -> Iterator[str]:
    """The summary, line by line."""
    resumed = ", resumed" if report.resumed else ""
    yield f"{report.instance}: {report.kind} {report.run_id} {HEADS[report.exit_code]}{resumed} ({report.origin})"
    if report.kind != "accept":
        yield f"  users     {_users(report)}"
        yield f"  channels  {_channels(report)}"
    yield f"  deletions {_deletions(report)}"
    yield f"  requests  {_requests(report)}"
    for finding in report.findings:
        yield f"  ! {finding.message}"
    for failure in report.failures[:5]:
        yield f"    {failure['users']:,} x {failure['message']} (first: {failure['example']})"


def _users(report: RunReport) -> str:
    figures = report.figures
    parts = [f"{figures.users_done:,} read"]
    parts += [f"{figures.users_gone:,} gone"] if figures.users_gone else []
    parts += [f"{figures.users_unreadable:,} unreadable"] if figures.users_unreadable else []
    parts += [f"{figures.users_unlisted:,} unlisted"] if figures.users_unlisted else []
    failed = figures.users_failed + figures.unresolved
    parts += [f"{failed:,} failed"] if failed else []
    total = figures.users_total + figures.unresolved
    return f"{total:,}: {', '.join(parts)} (coverage {report.coverage_percent:.1f} %)"


def _channels(report: RunReport) -> str:
    figures = report.figures
    parts = [f"{figures.channels_created:,} new", f"{figures.channels_changed:,} changed"]
    parts += [f"{figures.channels_revived:,} of them revived"] if figures.channels_revived else []
    parts += [f"{figures.channels_moved:,} of them moved to another user"] if figures.channels_moved else []
    parts += [f"{figures.rows_older:,} rows left alone, newer than what was read"] if figures.rows_older else []
    return f"{figures.channels_seen:,} seen: {', '.join(parts)}"


def _deletions(report: RunReport) -> str:
    parts = [f"{report.settled.merged.deleted:,} confirmed by a second read"]
    parts += [f"{report.pending:,} waiting for a person (sync-worker pending list)"] if report.pending else []
    return ", ".join(parts)


def _requests(report: RunReport) -> str:
    seconds = report.took.total_seconds()
    rate = report.requests / seconds if seconds else 0.0
    return (
        f"{report.requests:,} in {seconds:.1f} s ({rate:.0f} a second), {report.refusals:,} refused by the rate limit"
    )

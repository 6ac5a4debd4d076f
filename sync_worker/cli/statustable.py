"""The status as tables on a terminal."""

import sys
from datetime import datetime, timedelta
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from sync_worker.mirror.readback import InstanceStatus

WIDE: Final = 120  # columns where the output is no terminal


def show(found: tuple[InstanceStatus, ...], now: datetime) -> None:
    """Print one block for each instance."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    for status in found:
        console.print(f"[bold]{status.instance}[/bold]  {status.origin or 'never run'}")
        for name, value in _facts(status, now):
            console.print(f"  {name:<10} {value}")
        if status.runs:
            console.print(_runs(status))


def _facts(status: InstanceStatus, now: datetime) -> list[tuple[str, str]]:
    facts = [
        ("mirror", f"{status.channels_live:,} live channels of {status.users_present:,} users{_others(status)}"),
        ("fresh", _age(status.last_success_at, now)),
        ("lock", f"held by {status.holder}" if status.holder else "free"),
    ]
    facts += [("failures", f"{status.open_failures:,} users of the last run, tried first by the next")] * bool(
        status.open_failures
    )
    facts += [("pending", f"{status.deletions_pending:,} deletions wait: sync-worker pending list")] * bool(
        status.deletions_pending
    )
    return facts


def _others(status: InstanceStatus) -> str:
    kinds = (
        (status.users_unreadable, "unreadable"),
        (status.users_unlisted, "unlisted"),
        (status.users_gone, "gone"),
    )
    return "".join(f", {count:,} {what}" for count, what in kinds if count)


def _age(instant: datetime | None, now: datetime) -> str:
    if instant is None:
        return "no run has come to its end yet"
    return f"last good run ended {instant:%Y-%m-%d %H:%M:%S} UTC, {_ago(now - instant)} ago"


def _ago(age: timedelta) -> str:
    seconds = int(age.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _ending(run: dict[str, Any], *, held: bool) -> str:
    """How a run ended; one that still says "running" while nobody holds the lock was killed."""
    if run["status"] == "running" and not held:
        return "killed, resumable"
    return f"{run['status']}, resumable" if run["status"] == "interrupted" else str(run["status"])


def _runs(status: InstanceStatus) -> Table:
    table = Table(box=None, pad_edge=True, header_style="dim")
    for name in ("run", "kind", "status", "started (UTC)", "users", "failed", "new", "changed", "deleted", "refused"):
        table.add_column(name, justify="left" if name in {"kind", "status", "started (UTC)"} else "right", no_wrap=True)
    for run in status.runs:
        table.add_row(
            str(run["id"]),
            run["kind"],
            _ending(run, held=status.holder is not None),
            f"{run['started_at']:%Y-%m-%d %H:%M}",
            f"{run['users_total']:,}",
            f"{run['users_failed']:,}",
            f"{run['channels_created']:,}",
            f"{run['channels_changed']:,}",
            f"{run['channels_deleted']:,}",
            f"{run['throttled']:,}",
        )
    return table

"""Progress while a run lasts: a bar on a terminal, a plain line every so often in a log."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bar
from rich.table import Column

from sync_worker.cli.context import CliContext
from sync_worker.flows.progress import Progress, Waiting
from sync_worker.flows.push.carryout import Showing
from sync_worker.flows.rooms import Rooms
from sync_worker.logs import get_logger

REFRESH: Final = 0.25  # seconds between two looks of the bar

log = get_logger(__name__)


def shown(context: CliContext) -> Showing:
    """Shows progress as the global options say."""
    return partial(showing, enabled=context.progress)


@asynccontextmanager
async def showing(progress: Progress, rooms: Rooms, *, enabled: bool) -> AsyncIterator[None]:
    """Show progress during the body."""
    terminal = sys.stderr.isatty()
    show = _bar(progress, rooms) if enabled and terminal else _lines(progress, rooms)
    task = asyncio.create_task(show, name="progress")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _lines(progress: Progress, rooms: Rooms) -> None:
    while True:
        await rooms.clock.sleep(rooms.settings.run.progress_interval.total_seconds())
        log.info("progress", **_figures(progress, rooms))


def _figures(progress: Progress, rooms: Rooms) -> dict[str, object]:
    gate = rooms.gate.state()
    waiting = progress.waiting
    why = {"since": waiting.since.isoformat(timespec="seconds"), "reason": waiting.why} if waiting else {}
    return {
        "phase": progress.doing,
        **why,
        "users": progress.users,
        "done": progress.done,
        "failed": progress.failed,
        "changes": progress.changes,
        "in_flight": gate.bucket.in_flight,
        "quota": round(gate.bucket.remaining),
        "refusals": gate.refusals,
    }


async def _bar(progress: Progress, rooms: Rooms) -> None:
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=16),
        TextColumn("{task.fields[count]}", table_column=Column(no_wrap=True)),
        TextColumn("{task.fields[state]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
    )
    with Bar(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task(progress.instance, total=None, count="", state="")
        started = rooms.clock.monotonic()
        while True:
            _update(bar, task, progress, rooms, rooms.clock.monotonic() - started)
            await rooms.clock.sleep(REFRESH)


def _update(bar: Bar, task: TaskID, progress: Progress, rooms: Rooms, seconds: float) -> None:
    bar.update(
        task,
        description=f"{progress.instance}: {progress.doing}",
        completed=progress.done,
        total=progress.users or None,
        count=_count(progress),
        state=_waits(progress.waiting) if progress.waiting else _works(progress, rooms, seconds),
    )


def _waits(waiting: Waiting) -> str:
    return f"[red]since {waiting.since:%H:%M:%S} UTC: {escape(waiting.why)}[/red]"


def _works(progress: Progress, rooms: Rooms, seconds: float) -> str:
    return ", ".join(part for part in (_rate(progress, seconds), _state(progress, rooms)) if part)


def _count(progress: Progress) -> str:
    return f"{progress.done:,}/{progress.users:,}{'' if progress.listed else '+'}" if progress.users else ""


def _rate(progress: Progress, seconds: float) -> str:
    """Users a second since the start, and how long the rest will take once it is known who is to be read."""
    rate = (progress.done - progress.done_before) / seconds if seconds > 1 else 0.0
    if not rate:
        return ""
    left = timedelta(seconds=round((progress.users - progress.done) / rate))
    return f"{rate:.0f}/s" + (f", {left} left" if progress.listed else "")


def _state(progress: Progress, rooms: Rooms) -> str:
    gate = rooms.gate.state()
    parts = [f"{gate.bucket.in_flight} in flight", f"quota {gate.bucket.remaining:.0f}"]
    parts += [f"{gate.refusals} refused"] if gate.refusals else []
    parts += [f"[red]{progress.failed} failed[/red]"] if progress.failed else []
    return ", ".join(parts)

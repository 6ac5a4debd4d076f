"""`[notify] command`: tells events to a program, and never disturbs a run."""

import asyncio
import os
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from sync_worker import __version__
from sync_worker.clock import deadline
from sync_worker.errors import SyncWorkerError
from sync_worker.flows.job import Outcome
from sync_worker.flows.rooms import Opened
from sync_worker.logs import get_logger
from sync_worker.mirror.notices import Notices
from sync_worker.plainjson import as_json
from sync_worker.service.events import (
    FAILED,
    RECOVERED,
    STANDING,
    TOKEN_EXPIRING,
    Event,
    came_to_its_end,
    conclusive,
    events_of,
    recovered,
    token_event,
)
from sync_worker.settings import NotifyTable

AGAIN: Final = timedelta(days=7)
"""After which something that still holds is told again."""

KEPT_UNDER: Final = "run"
"""Under which it is remembered that the token ends soon, whichever job tells it."""

_EARLY: Final = timedelta(hours=1)
"""A nightly run that was a little faster than a week ago tells it again too."""

_OURS: Final = ("SYNC_WORKER_", "NOTIFY_SOCKET", "WATCHDOG_")
"""Variables that are not the command's business."""

log = get_logger(__name__)


class Teller:
    """Tells what is new. Remembers in the database what was told, and failures in itself where there is no database."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {key: value for key, value in environ.items() if not key.startswith(_OURS)}
        self._failed: set[tuple[str, str]] = set()  # instance and job, of failures that could not be written down

    async def tell(self, opened: Opened, outcome: Outcome) -> None:
        """Tell what there is to tell of an outcome."""
        if not opened.settings.notify.command or not conclusive(outcome):
            return
        for event in await self._due(opened, outcome):
            if not await self._call(opened, event):
                with suppress(SyncWorkerError):
                    await self._unheard(opened, event)

    async def _unheard(self, opened: Opened, event: Event) -> None:
        """Nobody has heard it: it is told with the next run."""
        notices, now = _notices(opened, event), opened.clock.now()
        if event.name == RECOVERED:
            await notices.note(FAILED, FAILED, now, now)
        elif event.name != FAILED:
            await notices.drop(event.name)

    async def _due(self, opened: Opened, outcome: Outcome) -> list[Event]:
        """The events that are to be told now; all of them where the database is away."""
        notices = Notices(opened.database, outcome.instance, outcome.kind)
        key = (outcome.instance, outcome.kind)
        now = opened.clock.now()
        ends = opened.settings.instance(outcome.instance).token_expires
        token = token_event(outcome, ends, now.date())
        found = [*events_of(outcome), *([token] if token else [])]
        try:
            due = [event for event in found if await self._is_due(event, opened)]
            await _clear(opened, outcome, found)
            if came_to_its_end(outcome) and (await notices.drop(FAILED) or key in self._failed):
                due.append(recovered(outcome))
        except SyncWorkerError as error:
            log.warning("what was told before is not known", reason=str(error))
            due = found
            self._failed |= {key} if any(event.name == FAILED for event in found) else set()
        self._failed -= {key} if came_to_its_end(outcome) else set()
        return due

    async def _is_due(self, event: Event, opened: Opened) -> bool:
        notices, now = _notices(opened, event), opened.clock.now()
        if event.name == FAILED:
            await notices.note(FAILED, FAILED, now, now)
            return True
        return await notices.note(event.name, event.fingerprint, now, now - AGAIN + _EARLY)

    async def _call(self, opened: Opened, event: Event) -> bool:
        """Run the command; whether it took the event."""
        said = {
            "event": event.name,
            **{name: value for name, value in asdict(event).items() if name not in {"name", "same"}},
            "hostname": socket.gethostname(),
            "time": opened.clock.now(),
            "program": f"sync-worker {__version__}",
        }
        problem = await run_command(opened.settings.notify, as_json(said).encode(), self._environ)
        if problem:
            log.warning("[notify] command failed", told=event.name, reason=problem)
        return not problem


def _notices(opened: Opened, event: Event) -> Notices:
    """Where it is remembered: the token is that of all jobs of the instance."""
    return Notices(opened.database, event.instance, KEPT_UNDER if event.name == TOKEN_EXPIRING else event.job)


async def _clear(opened: Opened, outcome: Outcome, found: list[Event]) -> None:
    """Forget what holds no more; a job that failed does not know."""
    names = [(name, outcome.kind) for name in STANDING if came_to_its_end(outcome)]
    for name, job in [*names, (TOKEN_EXPIRING, KEPT_UNDER)]:
        keep = [event.fingerprint for event in found if event.name == name]
        await Notices(opened.database, outcome.instance, job).drop(name, keep)


async def run_command(table: NotifyTable, said: bytes, environ: Mapping[str, str]) -> str:
    """Give a program something to read; what went wrong, empty when nothing did. It has its time limit."""
    try:
        process = await asyncio.create_subprocess_exec(
            *table.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        return f"it cannot be started: {error.strerror}"
    try:
        async with deadline(table.timeout.total_seconds()):
            await process.communicate(said)
    except TimeoutError:
        return f"it took longer than {table.timeout}"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return f"it ended with {process.returncode}" if process.returncode else ""

"""`[notify] command`: tells events to a program, and never disturbs a run."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from typing import IO, Final

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
    """Tells what is new. Remembers in the database what was told, and failures in itself where there is no database.

    An event counts as told once the command has taken it (exit 0), and is written down only then: whatever happens in
    between (a failing command, a kill), it is told again rather than never.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {key: value for key, value in environ.items() if not key.startswith(_OURS)}
        self._failed: set[tuple[str, str]] = set()  # instance and job, of failures that could not be written down

    async def tell(self, opened: Opened, outcome: Outcome) -> None:
        """Tell what there is to tell of an outcome; what goes wrong with one event does not keep back another."""
        if not opened.settings.notify.command or not conclusive(outcome):
            return
        for event in await self._due(opened, outcome):
            try:
                if await self._call(opened, event):
                    await self._heard(opened, event)
            except SyncWorkerError as error:
                log.warning("told, but not written down: it will be told again", told=event.name, reason=str(error))
            except Exception:
                log.exception("an event could not be told", told=event.name)

    async def _heard(self, opened: Opened, event: Event) -> None:
        """Write down that somebody has heard it."""
        notices = _notices(opened, event)
        if event.name == RECOVERED:
            self._failed.discard((event.instance, event.job))
            await notices.drop(FAILED)
        elif event.name != FAILED:  # that is told each time
            await notices.note(event.name, event.fingerprint, opened.clock.now())

    async def _due(self, opened: Opened, outcome: Outcome) -> list[Event]:
        """The events that are to be told now; all of them where the database is away."""
        key = (outcome.instance, outcome.kind)
        ends = opened.settings.instance(outcome.instance).token_expires
        token = token_event(outcome, ends, opened.clock.now().date())
        found = [*events_of(outcome), *([token] if token else [])]
        failed = any(event.name == FAILED for event in found)
        works_again = came_to_its_end(outcome) and key in self._failed
        try:
            due = [event for event in found if await _is_due(event, opened)]
            await _clear(opened, outcome, found)
            if came_to_its_end(outcome):
                works_again |= await Notices(opened.database, *key).told(FAILED, FAILED, opened.clock.now())
        except SyncWorkerError as error:
            log.warning("what was told before is not known", reason=str(error))
            due = found
            self._failed |= {key} if failed else set()
        return [*due, *([recovered(outcome)] if works_again else [])]

    async def _call(self, opened: Opened, event: Event) -> bool:
        """Run the command; whether it took the event."""
        said = {
            "event": event.name,
            **{name: value for name, value in asdict(event).items() if name not in {"name", "same"}},
            "hostname": socket.gethostname(),
            "time": opened.clock.now(),
            "program": f"sync-worker {__version__}",
        }
        text = as_json(said).encode(errors="backslashreplace")  # half a surrogate pair is an escape of JSON's then
        problem = await run_command(opened.settings.notify, text, self._environ)
        if problem:
            log.warning("[notify] command failed", told=event.name, reason=problem)
        return not problem


def _notices(opened: Opened, event: Event) -> Notices:
    """Where it is remembered: the token is that of all jobs of the instance."""
    return Notices(opened.database, event.instance, KEPT_UNDER if event.name == TOKEN_EXPIRING else event.job)


async def _is_due(event: Event, opened: Opened) -> bool:
    """Whether it is to be told; of a failure it is noted here that it happened, for what is told once it is over."""
    notices, now = _notices(opened, event), opened.clock.now()
    if event.name == FAILED:
        await notices.note(FAILED, FAILED, now)
        return True
    return not await notices.told(event.name, event.fingerprint, now, since=now - AGAIN + _EARLY)


async def _clear(opened: Opened, outcome: Outcome, found: list[Event]) -> None:
    """Forget what holds no more; a job that failed does not know."""
    names = [(name, outcome.kind) for name in STANDING if came_to_its_end(outcome)]
    for name, job in [*names, (TOKEN_EXPIRING, KEPT_UNDER)]:
        keep = [event.fingerprint for event in found if event.name == name]
        await Notices(opened.database, outcome.instance, job).drop(name, keep)


async def run_command(table: NotifyTable, said: bytes, environ: Mapping[str, str]) -> str:
    """Give a program something to read; what went wrong, empty when it ended with 0. It has its time limit.

    It reads from a file and not from a pipe: how much of it the program reads, if anything, is its own business.
    """
    try:
        with _file_with(said) as file:
            process = await asyncio.create_subprocess_exec(
                *table.command,
                stdin=file,
                stdout=asyncio.subprocess.DEVNULL,
                env=dict(environ),
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        return f"it cannot be started: {(isinstance(error, OSError) and error.strerror) or error}"
    try:
        async with deadline(table.timeout.total_seconds()):
            await process.wait()
    except TimeoutError:
        return f"it took longer than {table.timeout}"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    return _ending(process.returncode)


def _file_with(said: bytes) -> IO[bytes]:
    """A file that has no name, at its beginning; in memory where the system can."""
    if sys.platform == "linux":
        file: IO[bytes] = os.fdopen(os.memfd_create("event"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115  (the caller closes it)
    file.write(said)
    file.seek(0)
    return file


def _ending(returncode: int | None) -> str:
    if returncode is not None and returncode < 0:
        return f"it was killed by signal {-returncode}"
    return f"it ended with {returncode}" if returncode else ""

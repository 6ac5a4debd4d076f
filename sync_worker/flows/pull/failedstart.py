"""A job that failed before its run began leaves a row too: a bad token at night is seen in the morning.

Not noted: what says nothing about how things are (a signal, another run that holds the lock, users that are none), and
what cannot be noted because the database is away.
"""

from contextlib import suppress
from datetime import datetime
from typing import Final

from sync_worker.clock import deadline
from sync_worker.errors import DatabaseUnreachable, LockHeld, LockLost, Stopped, SyncWorkerError
from sync_worker.exitcodes import UNEXPECTED
from sync_worker.flows.rooms import Opened
from sync_worker.mirror.ledger import note_failed_start
from sync_worker.mirror.runs import FailedStart
from sync_worker.users.specs import configured

PATIENCE: Final = 3.0  # seconds


async def note_start(
    opened: Opened, name: str, kind: str, users: tuple[str, ...], at: datetime, error: Exception
) -> None:
    """Write down that a run could not begin, as far as the database lets us.

    Args:
        opened: the database.
        name: the instance.
        kind: run, backfill.
        users: specs; none: the configured ones.
        at: when the job was started.
        error: why it failed.
    """
    if isinstance(error, DatabaseUnreachable | LockHeld | LockLost | Stopped):
        return
    exit_code, message = UNEXPECTED, f"unexpected error: {type(error).__name__}"
    if isinstance(error, SyncWorkerError):
        exit_code, message = error.exit_code, str(error)
    with suppress(SyncWorkerError, TimeoutError):  # the error itself is the one to tell
        start = FailedStart(
            instance=name,
            kind=kind,
            specs=tuple(spec.text for spec in configured(opened.settings.instance(name), users)),
            started_at=at,
            exit_code=exit_code,
            message=message,
        )
        async with deadline(PATIENCE):
            await note_failed_start(opened.database, opened.clock, start)

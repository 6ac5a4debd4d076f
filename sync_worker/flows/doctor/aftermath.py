"""The checks of what a job leaves to others at its end: figures in a textfile, and a command that tells people.

A job does its work without them and only logs that they failed, so whatever is wrong here is a warning.
"""

import asyncio
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Final

from sync_worker.flows.doctor.finding import Check, Opinion, fine, warn
from sync_worker.settings import Settings

UNWRITTEN: Final = "No figures come out until it can be written: make it so, or name another file: metrics.textfile"
UNTOLD: Final = (
    "Nobody is told until it can be started: name an executable file with its full path (cron and systemd have hardly "
    "any PATH): notify.command"
)


def aftermath_checks(settings: Settings) -> tuple[Check, ...]:
    """One for each that is configured."""
    path, program = settings.metrics.textfile, settings.notify.command[:1]
    checks = []
    if path is not None:
        checks.append(Check(name="metrics textfile", look=partial(asyncio.to_thread, textfile, path)))
    if program:
        checks.append(Check(name="notify command", look=partial(asyncio.to_thread, command, *program)))
    return tuple(checks)


def textfile(path: Path) -> Opinion:
    """Whether it could be replaced, without doing it: a new file beside it takes its place."""
    folder = path.absolute().parent
    if not folder.is_dir():
        return warn(f"{path}: there is no folder {folder}", UNWRITTEN)
    if path.is_dir():
        return warn(f"{path} is a folder", UNWRITTEN)
    if not os.access(folder, os.W_OK | os.X_OK):
        return warn(f"{path}: this user may not write in the folder {folder}", UNWRITTEN)
    return fine(f"{path} can be written")


def command(program: str) -> Opinion:
    """Whether there is such a program, without starting it."""
    found = shutil.which(program)
    if found is not None:
        return fine(f"{found} is there")
    if os.sep in program:
        what = "is there, but cannot be executed" if Path(program).exists() else "does not exist"
        return warn(f"{program} {what}", UNTOLD)
    return warn(f"{program} is not in any folder of PATH", UNTOLD)

"""What went wrong, for the person who reads it: one line, the place, and what to do."""

import errno
import shutil
from pathlib import Path

from sync_worker.errors import ConfigError, DatabaseUnreachable, SyncWorkerError

ELSEWHERE = 'Name another folder: database.url = "embedded:DIR"'
_FREE = "Free some space and run the same command again"
_KNOWN = (  # what PostgreSQL says in English, and what to do then
    ("No space left on device", _FREE),
    ("could not look up effective user ID", "Give this user a name in /etc/passwd, or set database.url to a server"),
)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NEXT_TO_NOTHING = 1 << 20  # bytes
_TAIL = 16_384  # bytes


def translated(error: Exception, folder: Path) -> SyncWorkerError:
    """The error for one of the file system's, or for a folder that has no path."""
    if not isinstance(error, OSError):
        return ConfigError(str(error), where=str(folder), hint=ELSEWHERE)
    place = str(error.filename or folder)
    if error.errno in _FULL:
        return DatabaseUnreachable("the disk is full", where=place, hint=_FREE)
    reason = error.strerror or str(error)
    return ConfigError(f"the embedded database cannot use this place ({reason})", where=place, hint=ELSEWHERE)


def explained(what: str, said: str, log: Path) -> DatabaseUnreachable:
    """The error for a program that ended: `what` happened, the last lines it `said`, and where its log is."""
    hint = next((hint for sign, hint in _KNOWN if sign in said), "The log may say more")
    if not said and shutil.disk_usage(log.parent).free < _NEXT_TO_NOTHING:
        said, hint = "the disk is full", _FREE
    return DatabaseUnreachable(f"{what}: {one_line(said) or 'it said nothing'}", where=str(log), hint=hint)


def one_line(text: str, count: int = 4) -> str:
    """The last `count` lines that are not empty."""
    return " | ".join([line.strip() for line in text.splitlines() if line.strip()][-count:])


def size(log: Path) -> int:
    """Bytes; 0 where somebody removed it."""
    return log.stat().st_size if log.exists() else 0


def written_since(log: Path, start: int) -> str:
    """What the log holds from byte `start` on, of a long text the end."""
    if not log.exists():
        return ""
    with log.open("rb") as stream:
        stream.seek(max(start, size(log) - _TAIL))
        return stream.read().decode(errors="replace")

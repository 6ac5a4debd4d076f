"""File locks that a process leaves behind with its life, however it ends.

`flock(2)`, not `lockf`: the lock belongs to the open description, so that it can be handed to a child, lasts
until the last process that inherited it is gone, and two holders inside one process do not undo each other's.
"""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from sync_worker.clock import Clock

POLL_SECONDS = 0.01


class FileLock:
    """One open description of a lock file, made (0600) where it is missing.

    Raises:
        OSError: the file cannot be opened, or is a symbolic link.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    @property
    def identity(self) -> str:
        """Which file it is; no other one has the same while this is open, also none that gets its name later."""
        status = os.fstat(self.descriptor)
        return f"{status.st_dev}:{status.st_ino}"

    def in_place(self) -> bool:
        """Whether the file still has its name: it was not removed, nor put in another one's place."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self.descriptor))
        except (FileNotFoundError, NotADirectoryError):
            return False

    def try_shared(self) -> bool:
        """Take it together with others, or return False at once."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Take it alone, or return False at once."""
        return self._try(fcntl.LOCK_EX)

    def release(self) -> None:
        """Give it back; the file stays open."""
        fcntl.flock(self.descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Leave; the lock ends here unless a child inherited it. May be called twice."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self.descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


async def patiently(attempt: Callable[[], bool], clock: Clock, seconds: float) -> bool:
    """Repeat `attempt` until it succeeds (True) or `seconds` have passed (False)."""
    end = clock.monotonic() + seconds
    while not attempt():
        if clock.monotonic() >= end:
            return False
        await clock.sleep(POLL_SECONDS)
    return True

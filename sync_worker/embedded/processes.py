"""PostgreSQL's own processes: started as the server's account, and tied to the supervisor's life by the kernel."""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from sync_worker.embedded.account import Account, clean_environment
from sync_worker.embedded.home import Home
from sync_worker.embedded.locks import FileLock

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None)  # loaded here: nothing may be loaded between fork and exec


def start(
    command: Callable[[str], list[str]], data: Path, home: Home, account: Account, *, stderr: int | None = None
) -> subprocess.Popen[bytes]:
    """Start a program on the folder `data`; it and all its children hold the server's lock until the last of them ends.

    Args:
        command: from the folder's name, as the account has to call it, to the command line.
        data: the folder.
        home: whose lock.
        account: as whom.
        stderr: as for `subprocess`; None: where this process writes.

    Raises:
        OSError: the program cannot be started.
    """
    descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    lock = FileLock(home.server_lock)
    try:
        lock.try_exclusive()  # the caller has waited for it, and nobody else takes it
        return subprocess.Popen(  # noqa: S603  (our own command, no shell)
            command(account.name_of(data, descriptor)),
            stdin=subprocess.DEVNULL,
            stderr=stderr,
            pass_fds=(descriptor, lock.descriptor),
            cwd="/",
            env=clean_environment(os.environ),
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
            preexec_fn=_tie_to(os.getpid()),  # noqa: PLW1509  (the supervisor has no threads)
        )
    finally:
        lock.close()
        os.close(descriptor)


def _tie_to(parent: int) -> Callable[[], None]:
    """What a child does before its exec: ask for SIGINT (a fast shutdown) when the supervisor dies.

    The setting survives neither fork nor a change of user, so it must be made last. Source: PR_SET_PDEATHSIG(2const).
    """

    def tie() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:  # it died before the request
            os._exit(1)

    return tie

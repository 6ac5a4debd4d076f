"""A short private folder for the server's socket.

The path of a Unix socket holds 107 bytes (unix(7)), a data folder's is often longer. `/tmp` comes first and
not the runtime folder, which goes away when the user logs out, while a long run under nohup still needs its
server. PostgreSQL touches its socket now and then, so that cleaners of `/tmp` leave it.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from sync_worker.embedded.account import Account
from sync_worker.errors import ConfigError

PORT = 5432  # only part of the socket's name
_LONGEST = 107 - len(f"/.s.PGSQL.{PORT}.lock")  # bytes


def bases(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where the folder may lie, the best first."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    return (Path("/tmp"), *([Path(runtime)] if runtime else []), Path("/var/tmp"), Path("/dev/shm"))  # noqa: S108  (the folder inside is private and checked)


def socket_folder(home: Path, identity: str, account: Account, places: tuple[Path, ...]) -> Path:
    """Make, or take again, the folder of the server that lives in `home`; remove what a killed server left in it.

    The caller holds the server's lock: no server of this home lives. `identity` tells the home from one that was
    removed and had its name: that one's server may live for another moment, and takes its socket away when it ends.

    Raises:
        ConfigError: no place is usable; the message has one line for all.
    """
    digest = hashlib.sha256(os.fsencode(home) + identity.encode()).hexdigest()[:12]
    refusals: list[str] = []
    for base in places:
        folder = base / f"sync-worker-{os.geteuid()}-{digest}"
        try:
            _make_private(folder, account)
        except OSError as error:
            refusals.append(f"{folder}: {error.strerror or error}")
        else:
            return folder
    raise ConfigError(f"no place for the database's socket ({'; '.join(refusals)})", hint="Make /tmp writable")


def _make_private(folder: Path, account: Account) -> None:
    if len(os.fsencode(folder)) > _LONGEST:
        raise OSError("too long for a socket")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        if status.st_uid not in {os.geteuid(), account.uid} or stat.S_IMODE(status.st_mode) & 0o077:
            raise OSError("exists, and is not private to this user")
        account.own(descriptor)
        for name in os.listdir(descriptor):  # noqa: PTH208  (by descriptor: the path may be exchanged)
            os.unlink(name, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Leave nothing behind; a folder that somebody uses stays."""
    with suppress(OSError):
        folder.rmdir()

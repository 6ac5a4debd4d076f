"""The server's home: one private folder with the data, the locks, the state and the log.

`users.lock`   every user process holds it shared; who gets it alone has proved that nobody uses the server
`owner.lock`   the supervisor holds it alone, from before its birth (its parent takes it and hands it over)
`server.lock`  the server and all its children inherit it; who gets it has proved that none of them lives
`server.json`  what the supervisor says, see `state`
`server.log`   supervisor and server write here
`data`         PostgreSQL's own, made as `data.new` and renamed when complete
"""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from sync_worker.embedded.trouble import ELSEWHERE, translated
from sync_worker.errors import ConfigError
from sync_worker.paths import expanded

ROOTS_HOME = Path("/var/lib/sync-worker")  # where the file system hierarchy keeps a service's data
LOG_LIMIT = 1 << 20  # bytes; a longer log is set aside at the next start


class Home:
    """Where everything lies; see the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.users_lock = folder / "users.lock"
        self.owner_lock = folder / "owner.lock"
        self.server_lock = folder / "server.lock"
        self.state = folder / "server.json"
        self.log = folder / "server.log"
        self.data = folder / "data"
        self.unfinished_data = folder / "data.new"

    def data_major(self) -> int | None:
        """The major version that wrote the data; None where there is none yet."""
        try:
            return int((self.data / "PG_VERSION").read_text(encoding="ascii").strip().split(".")[0])
        except (FileNotFoundError, ValueError):
            return None


def default_folder(environ: Mapping[str, str], uid: int) -> Path:
    """One home for each operating-system user: below XDG_DATA_HOME, else ~/.local/share; root's is in /var/lib.

    Its name is without a version on purpose: a new major version must meet the old data and say so.

    Raises:
        ConfigError: the user has no home folder.
    """
    if chosen := environ.get("XDG_DATA_HOME"):
        return Path(chosen) / "sync-worker" / "postgres"
    if uid == 0:
        return ROOTS_HOME / "postgres"
    return _home_of(environ, uid) / ".local" / "share" / "sync-worker" / "postgres"


def _home_of(environ: Mapping[str, str], uid: int) -> Path:
    if home := environ.get("HOME"):
        return Path(home)
    try:
        return Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:
        raise ConfigError(
            f"user {uid} has no home folder for the embedded database",
            hint=f"Set HOME or XDG_DATA_HOME. {ELSEWHERE}",
        ) from None


def prepared(folder: Path) -> Home:
    """Make `folder` (0700) or check that it is ours.

    Raises:
        ConfigError: it cannot be made, belongs to somebody else, or holds other files.
        DatabaseUnreachable: the disk is full.
    """
    try:
        folder = expanded(folder).resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _claim(folder)
    except (OSError, RuntimeError) as error:
        raise translated(error, folder) from error
    return Home(folder)


def _claim(folder: Path) -> None:
    status = folder.stat()
    if status.st_uid != os.geteuid():
        raise ConfigError(f"this folder belongs to user {status.st_uid}, not to you", where=str(folder), hint=ELSEWHERE)
    names = [path.name for path in folder.iterdir()]
    if names and "users.lock" not in names:
        raise ConfigError("this folder holds other files", where=str(folder), hint="Name an empty or a new one")
    if status.st_mode & 0o077:
        folder.chmod(0o700)

"""As whom the server runs, and what its processes may know.

PostgreSQL refuses to run as root. Root's server runs as `nobody`, with data of nobody's inside a folder of
root's. No parent folder has to be opened for that: the data folder is handed over as an open descriptor and
named `/proc/self/fd/N`.
"""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sync_worker.errors import ConfigError

_PASSED_ON = ("HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONHOME", "PYTHONPATH", "TZ", "XDG_RUNTIME_DIR")


@dataclass(frozen=True, kw_only=True)
class Account:
    """The server's operating-system user. The fields fit `subprocess`: None means as this process."""

    user: int | None = None
    group: int | None = None
    extra_groups: list[int] | None = None

    @property
    def uid(self) -> int:
        """Who owns what the server writes."""
        return os.geteuid() if self.user is None else self.user

    def own(self, descriptor: int) -> None:
        """Give an open folder to the server."""
        if self.user is not None and self.group is not None:
            os.fchown(descriptor, self.user, self.group)

    def name_of(self, folder: Path, descriptor: int) -> str:
        """A name of the open folder that the account can use, whatever the parent folders' modes are."""
        return str(folder) if self.user is None else f"/proc/self/fd/{descriptor}"


def server_account() -> Account:
    """This user, or `nobody` where this user is root.

    Raises:
        ConfigError: root on a system without a user nobody.
    """
    if os.geteuid() != 0:
        return Account()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise ConfigError(
            "as root the embedded database runs as the user nobody, which does not exist here",
            hint="Run as an ordinary user, or set database.url to a server",
        ) from None
    return Account(user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[])


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What long-lived children may know: no token, no PG* setting; messages in English."""
    return {name: environ[name] for name in _PASSED_ON if name in environ} | {"LC_ALL": "C"}

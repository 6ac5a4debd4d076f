"""A new data folder, complete or not there at all."""

import os
import shutil
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

from sync_worker.embedded import commands, processes
from sync_worker.embedded.account import Account
from sync_worker.embedded.home import Home
from sync_worker.embedded.trouble import explained

INITDB_SECONDS = 300.0


def ensure_data(home: Home, binaries: Path, account: Account, *, major: int, durable: bool) -> None:
    """Make the data folder where it is missing (about half a second).

    It is made under another name and renamed when complete, so that a kill at any instant leaves none or a whole one.

    Raises:
        DatabaseUnreachable: initdb refuses; the message ends with its last lines.
        OSError: the folder cannot be written.
    """
    if home.data.exists():
        return
    shutil.rmtree(home.unfinished_data, ignore_errors=True)
    home.unfinished_data.mkdir(mode=0o700)
    with closing(_Folder(home.unfinished_data)) as folder:
        account.own(folder.descriptor)
    command = partial(commands.initdb, binaries, major=major, durable=durable)
    process = processes.start(command, home.unfinished_data, home, account, stderr=subprocess.PIPE)
    _, said = process.communicate(timeout=INITDB_SECONDS)
    if process.returncode != 0:
        what = "the embedded PostgreSQL's data cannot be made"
        raise explained(what, said.decode(errors="replace"), home.log)
    home.unfinished_data.rename(home.data)
    with closing(_Folder(home.folder)) as folder:
        os.fsync(folder.descriptor)  # the new name, too, survives a power cut


class _Folder:
    """An open folder."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)

    def close(self) -> None:
        os.close(self.descriptor)

"""Binaries that `nobody` can execute, for root.

An environment below a private home (/root is 0700) cannot be traversed by nobody. Its binaries are then
copied once into a folder of root's that everybody may read, the libraries in the same relative place (their
path is compiled in: $ORIGIN/../../../*.libs).
"""

import errno
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

from sync_worker.embedded.account import Account
from sync_worker.embedded.home import ROOTS_HOME
from sync_worker.errors import ConfigError

BASES = (ROOTS_HOME, Path("/var/cache/sync-worker"))


def executable_binaries(folder: Path, account: Account, bases: tuple[Path, ...] = BASES) -> Path:
    """`folder` itself where the account can execute what is in it, else the folder with the copies.

    Raises:
        ConfigError: no base takes a copy that the account can execute.
    """
    if account.user is None or _can_execute(folder, account):
        return folder
    package = folder.parent.parent
    digest = hashlib.sha256((folder / "postgres").read_bytes()).hexdigest()[:16]
    refusals: list[str] = []
    for base in bases:
        target = base / f"binaries-{digest}"
        try:
            _copy_once(package, folder.parent, target)
        except OSError as error:
            refusals.append(f"{base}: {error.strerror or error}")
        copy = target / package.name / folder.parent.name / folder.name
        if _can_execute(copy, account):
            return copy
    raise ConfigError(
        f"the user nobody, as whom root's embedded database runs, cannot execute {folder}"
        f" and there is no place for a copy ({'; '.join(refusals) or 'copies are not reachable either'})",
        hint="Install where everybody can read, e.g. below /opt, or run as an ordinary user",
    )


def _can_execute(folder: Path, account: Account) -> bool:
    try:
        done = subprocess.run(  # noqa: S603  (our own command, no shell)
            [folder / "postgres", "--version"],
            capture_output=True,
            cwd="/",
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
            check=False,
        )
    except OSError as error:
        if error.errno in {errno.EACCES, errno.ENOENT}:
            return False
        raise ConfigError(
            f"this root may not become the user nobody, as whom its embedded database runs ({error.strerror})",
            hint="Run as an ordinary user, or set database.url to a server",
        ) from error
    return done.returncode == 0


def _copy_once(package: Path, installation: Path, target: Path) -> None:
    if target.exists():
        return
    if not target.parent.exists():
        target.parent.mkdir(parents=True)
        target.parent.chmod(0o755)
    draft = Path(tempfile.mkdtemp(prefix=".binaries-", dir=target.parent))
    try:
        _copy_tree(installation, draft / package.name / installation.name)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            _copy_tree(libraries, draft / libraries.name)
        _open_to_readers(draft)
        with suppress(FileExistsError, NotADirectoryError):
            draft.rename(target)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True)


def _open_to_readers(top: Path) -> None:
    """Readable by all, and executable where the owner may: the environment's umask may have been strict."""
    for folder, _, files in os.walk(top):
        Path(folder).chmod(0o755)
        for path in (Path(folder) / name for name in files):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)

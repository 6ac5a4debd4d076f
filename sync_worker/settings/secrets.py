"""Secrets out of files: read when they are used, never earlier, never shown."""

import logging
import stat
from pathlib import Path

from pydantic import SecretStr

from sync_worker.errors import ConfigError

_log = logging.getLogger(__name__)
_OTHERS = stat.S_IROTH | stat.S_IWOTH


def read_secret(path: Path, *, setting: str) -> SecretStr:
    """The content of a secret file, without the white space around it.

    A file that everybody on the machine may read or write is used, with a warning.

    Args:
        path: the file.
        setting: the setting that names it, for messages.

    Raises:
        ConfigError: the file is missing, cannot be read, is not text, or is empty.
    """
    try:
        value = path.read_text(encoding="utf-8").strip()
        open_to_others = bool(path.stat().st_mode & _OTHERS)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise ConfigError(f"cannot read {path}: {reason}", where=setting) from error
    if not value:
        raise ConfigError(f"{path} is empty", where=setting)
    if any(c.isspace() or not c.isprintable() for c in value):
        raise ConfigError(f"{path} must hold the secret alone, on one line", where=setting)
    if open_to_others:
        _log.warning("%s: everybody on this machine may read %s; chmod 600 it", setting, path)
    return SecretStr(value)

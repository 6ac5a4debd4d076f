"""Secrets out of files: read when they are used, never earlier, never shown."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from sync_worker.errors import ConfigError, NotUtf8
from sync_worker.textfiles import read_text

WRITE: Final = "Write the secret into it, alone on one line"
_HINTS: Final[Mapping[type[Exception], str]] = {
    FileNotFoundError: "Make the file, with the secret alone on one line and mode 0600, or correct the path",
    NotADirectoryError: "Correct the path: a part of it is no folder",
    IsADirectoryError: "Name the file itself, not its folder",
    PermissionError: "Give it to the user who runs this program (chown, chmod 600), or run as the user it belongs to",
}
"""What to do about a file that cannot be read."""


def read_secret(path: Path, *, setting: str) -> SecretStr:
    """The content of a secret file, without the white space around it.

    Args:
        path: the file.
        setting: the setting that names it, for messages.

    Raises:
        ConfigError: the file is missing, cannot be read, is not text, or is empty.
    """
    try:
        value = read_text(path).strip()
    except (OSError, NotUtf8) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise ConfigError(f"cannot read {path}: {reason}", where=setting, hint=_hint(error)) from error
    if not value:
        raise ConfigError(f"{path} is empty", where=setting, hint=WRITE)
    if any(c.isspace() or not c.isprintable() for c in value):
        raise ConfigError(f"{path} must hold the secret alone, on one line", where=setting, hint=WRITE)
    return SecretStr(value)


def _hint(error: OSError | NotUtf8) -> str:
    return _HINTS.get(type(error), WRITE)

"""Secrets out of files: read when they are used, never earlier, never shown."""

from pathlib import Path

from pydantic import SecretStr

from sync_worker.errors import ConfigError


def read_secret(path: Path, *, setting: str) -> SecretStr:
    """The content of a secret file, without the white space around it.

    Args:
        path: the file.
        setting: the setting that names it, for messages.

    Raises:
        ConfigError: the file is missing, cannot be read, is not text, or is empty.
    """
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text file"
        raise ConfigError(f"cannot read {path}: {reason}", where=setting) from error
    if not value:
        raise ConfigError(f"{path} is empty", where=setting)
    if any(c.isspace() or not c.isprintable() for c in value):
        raise ConfigError(f"{path} must hold the secret alone, on one line", where=setting)
    return SecretStr(value)

"""Paths as people write them."""

from pathlib import Path


def expanded(path: str | Path) -> Path:
    """With `~` and `~user` expanded; a user that does not exist leaves it as it stands, as in a shell."""
    try:
        return Path(path).expanduser()
    except RuntimeError:  # what pathlib raises then
        return Path(path)

"""Where `init` puts a token: a file that another configuration names, or that nobody knows of, is never replaced."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sync_worker.errors import NotUtf8, UsageError
from sync_worker.paths import expanded
from sync_worker.textfiles import read_text

USUAL: Final = "canvas-token"


def token_there(config: Path) -> Path | None:
    """A token beside a configuration, for it to go on with: its own if it has one, else that of the usual name."""
    usual, own = _places(config)
    return own if own.exists() and _belongs(own, config) else usual if usual.exists() else None


def place_for(config: Path) -> Path:
    """The file for a new token of a configuration that is about to be written.

    It has the usual name; where that is taken, one after the configuration. What the configuration names already, and
    no other one beside it, is replaced together with it.

    Raises:
        UsageError: both are taken.
    """
    places = _places(config)
    for place in places:
        if not place.exists() or _belongs(place, config):
            return place
    what = "a token is in this file already, and nothing was written"
    hint = "Move it away; or put the new token into a file yourself, and name that with --token-file"
    raise UsageError(what, where=str(places[-1]), hint=hint)


def _places(config: Path) -> tuple[Path, Path]:
    return config.with_name(USUAL), config.with_name(f"{config.stem}.{USUAL}")


def _belongs(place: Path, config: Path) -> bool:
    """Whether this configuration names the file, and no other one of the folder does."""
    others = (other for other in config.parent.glob("*.toml") if other != config)
    return _names(config, place) and not any(_names(other, place) for other in others)


def _names(config: Path, place: Path) -> bool:
    """Whether it can be read, and has the file as one of its own."""
    try:
        tree = tomllib.loads(read_text(config))
        return any((config.parent / expanded(file)).resolve() == place.resolve() for file in _files(tree))
    except (OSError, ValueError, NotUtf8):
        return False


def _files(tree: dict[str, Any]) -> Iterator[str]:
    """All of `token_file` and the like, as they are written."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _files(value)
        elif isinstance(value, str) and key.endswith("_file"):
            yield value

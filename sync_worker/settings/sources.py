"""Where settings come from: a TOML file, and environment variables over it.

Both give a tree of plain values, and can say for each value where it was written.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import EnvSettingsSource
from typing_extensions import override

from sync_worker.errors import ConfigError, NotUtf8
from sync_worker.paths import expanded
from sync_worker.settings.lines import Place
from sync_worker.settings.model import EMBEDDED, ENV_PREFIX, Settings
from sync_worker.textfiles import read_text

Tree = dict[str, Any]

NOT_SETTINGS = frozenset({"SYNC_WORKER_CONFIG"})
"""Variables with our prefix that mean something else."""

_PATHS = frozenset({"file", "textfile"})
_PROGRAM = "command[0]"
_ONE_OF_TWO = (
    ("url", "url_file"),
    ("direct_url", "direct_url_file"),
    ("token", "token_file"),
    ("token", "oauth"),
    ("token_file", "oauth"),
    ("client_secret", "client_secret_file"),
    ("refresh_token", "refresh_token_file"),
)


class Environment(EnvSettingsSource):
    """The `SYNC_WORKER_…` variables of a given environment (not the process's own)."""

    def __init__(self, environ: Mapping[str, str], known_instances: tuple[str, ...]) -> None:
        self._written = {
            name.lower(): name
            for name, value in environ.items()
            if name.upper().startswith(ENV_PREFIX) and name not in NOT_SETTINGS and value
        }
        self._values = {lower: environ[name] for lower, name in self._written.items()}
        self._instances = {_variable_form(name): name for name in known_instances}
        super().__init__(Settings)

    @override
    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._values

    @override
    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """JSON where it is JSON; anything else is left for the type check to judge, which knows the place."""
        try:
            return super().decode_complex_value(field_name, field, value)
        except ValueError:
            return value

    def tree(self) -> Tree:
        """The variables as a tree; instances under the names that the file gives them."""
        tree = self()
        instances = tree.get("instances")
        if isinstance(instances, dict):
            tree["instances"] = {self._instances.get(key, key): value for key, value in instances.items()}
        return tree

    def unknown(self) -> Iterator[tuple[str, str]]:
        """The variables that belong to no table: the name as written, and its part up to the first `__`."""
        for name in self._written.values():
            start = name.split("__")[0].upper()
            if start.removeprefix(ENV_PREFIX).lower() not in Settings.model_fields:
                yield name, start

    def variable(self, place: Place) -> str:
        """The variable that holds the value at `place`, empty when none does."""
        forms = [_variable_form(str(key)) for key in place]
        for length in range(len(forms), 0, -1):
            lower = ENV_PREFIX.lower() + "__".join(forms[:length])
            if lower in self._written:
                return self._written[lower]
        return ""


def _variable_form(key: str) -> str:
    """A key as it can stand in a variable's name (which knows no hyphens), in lower case."""
    return key.lower().replace("-", "_")


def read_toml(path: Path) -> tuple[str, Tree]:
    """The text of the file, and its content.

    Raises:
        ConfigError: it cannot be read, or is not TOML.
    """
    try:
        text = read_text(path)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration: {error.strerror}", where=str(path)) from error
    except NotUtf8 as error:
        raise ConfigError(error.what, where=error.where, hint=error.hint) from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"not valid TOML: {error}", where=str(path)) from error


def merge(below: Tree, above: Tree) -> Tree:
    """`above` over `below`, table by table.

    A secret above, in itself or as a file, displaces the other form of it below, and a token what renews tokens.
    """
    rivals = {rival for pair in _ONE_OF_TWO for key, rival in (pair, pair[::-1]) if key in above}
    merged = {key: value for key, value in below.items() if key in above or key not in rivals}
    for key, value in above.items():
        lower = merged.get(key)
        merged[key] = merge(lower, value) if isinstance(lower, dict) and isinstance(value, dict) else value
    return merged


def anchored(tree: Tree, folder: Path) -> Tree:
    """The file's tree with every relative path in it made relative to the file's folder."""
    return {key: _anchor(key, value, folder) for key, value in tree.items()}


def _anchor(key: str, value: Any, folder: Path) -> Any:
    match value:
        case dict():
            return anchored(value, folder)
        case list() if key in {"users", "command"}:
            return [_anchor(f"{key}[{index}]", each, folder) for index, each in enumerate(value)]
        case str() if key in _PATHS or key.endswith("_file") or (key == _PROGRAM and "/" in value):
            return _join_after("query:", value, folder) or _join(value, folder)
        case str() if key.startswith("users"):
            return _join_after("file:", value, folder) or _join_after("query:", value, folder) or value
        case str() if key == "url":
            return _join_after(f"{EMBEDDED}:", value, folder) or value
    return value


def _join_after(prefix: str, text: str, folder: Path) -> str:
    """`text` with the path after `prefix` anchored; empty when it does not begin so."""
    return prefix + _join(text.removeprefix(prefix), folder) if text.startswith(prefix) else ""


def _join(path: str, folder: Path) -> str:
    return os.path.normpath(folder / expanded(path)) if path else path

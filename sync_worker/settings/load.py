"""From a file and an environment to `Settings`, or to the list of everything that is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from sync_worker.errors import ConfigError
from sync_worker.settings.checks import cross_check
from sync_worker.settings.instance import SecretSink
from sync_worker.settings.lines import Place
from sync_worker.settings.model import ENV_PREFIX, Settings, dotted, ignore_secret, passwords
from sync_worker.settings.problems import Problem, described, did_you_mean, from_validation, located
from sync_worker.settings.sources import Environment, Tree, anchored, merge, read_toml

CONFIG_VARIABLE = "SYNC_WORKER_CONFIG"
SECRETS: Final = frozenset({"token", "client_secret", "refresh_token", "heartbeat_url"})
"""Settings that are secrets as a whole; a database URL is one where a password is in it."""

USUAL_PLACES = (Path("config/sync-worker.toml"), Path("/etc/sync-worker/config.toml"))


def find_config(option: Path | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file: `option`, else `$SYNC_WORKER_CONFIG`, else the first usual place that has one.

    None where there is none. A file that was named is given back whether it exists or not.
    """
    if option is not None:
        return option
    if named := environ.get(CONFIG_VARIABLE):
        return Path(named)
    return next((path for path in USUAL_PLACES if path.is_file()), None)


def load_settings(path: Path | None, environ: Mapping[str, str], *, on_secret: SecretSink = ignore_secret) -> Settings:
    """The settings in the file `path` (None: no file) with those of `environ` over them.

    Args:
        path: a TOML file; relative paths in it are relative to its folder.
        environ: the environment, as `os.environ`; relative paths in it are relative to the current folder.
        on_secret: is told each token and password when it is read, for the logs to hide it.

    Raises:
        ConfigError: one line for each problem, each with its place; no line repeats a value that may be secret.
    """
    text, tree = read_toml(path) if path is not None else ("", {})
    instances = tree.get("instances")
    environment = Environment(environ, tuple(instances) if isinstance(instances, dict) else ())
    if path is not None:
        tree = anchored(tree, path.absolute().parent)
    merged = merge(tree, environment.tree())
    settings, problems = _validated(merged)
    problems += cross_check(merged)
    lines = [*_unknown_variables(environment), *described(problems, str(path or ""), text, environment)]
    if settings is None or lines:
        raise ConfigError("\n".join(lines))

    def written(place: Place) -> str:
        return environment.variable(place) or f"{dotted(place)} in {path}"

    def placed(place: Place) -> str:
        return located(place, str(path or ""), text, environment)

    return settings.bind(path, on_secret, secret_written=_holds_secret(tree), written=written, placed=placed)


def _holds_secret(tree: Tree) -> bool:
    """Whether a secret itself is written somewhere in the file."""
    return any(_is_secret(key, value) for key, value in tree.items())


def _is_secret(key: str, value: Any) -> bool:
    if isinstance(value, dict):
        return _holds_secret(value)
    return isinstance(value, str) and (key in SECRETS or (key in {"url", "direct_url"} and bool(passwords(value))))


def _validated(tree: Tree) -> tuple[Settings | None, list[Problem]]:
    try:
        return Settings(**tree), []
    except ValidationError as error:
        return None, list(from_validation(error))


def _unknown_variables(environment: Environment) -> list[str]:
    known = [f"{ENV_PREFIX}{table.upper()}" for table in Settings.model_fields]
    return [f"{name}: unknown variable{did_you_mean(start, known)}" for name, start in environment.unknown()]

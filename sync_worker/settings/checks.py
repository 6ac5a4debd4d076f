"""Rules that reach over several settings; they look at the merged tree, so that all problems come at once."""

from collections.abc import Iterator
from typing import Any

from sync_worker.settings.addresses import check_base_url, is_loopback
from sync_worker.settings.problems import Problem
from sync_worker.settings.sources import Tree

_IDENTITY = ("job", "cron", "timezone", "instances")
_TRUE = {"true", "1", "yes", "on", "y", "t"}


def cross_check(tree: Tree) -> Iterator[Problem]:
    """The problems between settings of `tree`; what the type check says is not said again."""
    database = _table(tree, "database")
    instances = _table(tree, "instances")
    yield from _one_of(database, ("database",), "url", "url_file")
    yield from _one_of(database, ("database",), "direct_url", "direct_url_file")
    for name in instances:
        table = _table(instances, name)
        yield from _one_of(table, ("instances", name), "token", "token_file")
        yield from _oauth(table, ("instances", name, "oauth"))
        yield from _plain_http(table, name)
    yield from _embedded_said(database, instances)
    yield from _scheduled(tree.get("schedule"), instances)


def _table(tree: Tree, key: str) -> Tree:
    value = tree.get(key)
    return value if isinstance(value, dict) else {}


def _one_of(table: Tree, place: tuple[str, ...], value: str, file: str) -> Iterator[Problem]:
    if value in table and file in table:
        yield Problem(place=(*place, value), what=f"write {value} or {file}, not both")


def _oauth(instance: Tree, place: tuple[str, ...]) -> Iterator[Problem]:
    """All of it or nothing, and no token beside it."""
    table = _table(instance, "oauth")
    if not table:
        return
    for value in ("client_secret", "refresh_token"):
        yield from _one_of(table, place, value, f"{value}_file")
        if not {value, f"{value}_file"} & table.keys():
            yield Problem(place=place, what=f"{value}_file (or {value}) is missing")
    if "client_id" not in table:
        yield Problem(place=place, what="client_id is missing")
    beside = next((key for key in ("token", "token_file") if key in instance), None)
    if beside:
        yield Problem(place=place, what=f"write {beside} or this table, not both")


def _host_is_remote(table: Tree) -> bool:
    """Whether the instance's URL is a good one and leads away from this machine."""
    try:
        return not is_loopback(check_base_url(str(table.get("base_url", ""))))
    except ValueError:
        return False


def _plain_http(table: Tree, name: str) -> Iterator[Problem]:
    encrypted = not str(table.get("base_url", "")).strip().lower().startswith("http:")
    if encrypted or str(table.get("allow_http")).lower() in _TRUE or not _host_is_remote(table):
        return
    what = "http:// would send the token in the clear; write https://, or set allow_http = true"
    yield Problem(place=("instances", name, "base_url"), what=what)


def _embedded_said(database: Tree, instances: Tree) -> Iterator[Problem]:
    """The mirror of a real school shall not land in a throw-away database because a line was forgotten."""
    remote = [name for name in instances if _host_is_remote(_table(instances, name))]
    if remote and not {"url", "url_file"} & database.keys():
        what = 'is required for a Canvas elsewhere; write url = "postgresql://…", or url = "embedded" if you mean it'
        yield Problem(place=("database", "url"), what=what)


def _scheduled(jobs: Any, instances: Tree) -> Iterator[Problem]:
    seen: list[Any] = []
    for index, job in enumerate(jobs if isinstance(jobs, list) else ()):
        said = [job.get(key) for key in _IDENTITY] if isinstance(job, dict) else None
        if said is not None and said in seen:
            yield Problem(place=("schedule", index), what="says the same as an earlier [[schedule]]")
        seen.append(said)
    for index, job in enumerate(jobs if isinstance(jobs, list) else ()):
        names = job.get("instances") if isinstance(job, dict) else None
        for name in names if isinstance(names, list) else ():
            if name not in instances:
                what = f"there is no instance {name!r}"
                yield Problem(place=("schedule", index, "instances"), what=what)

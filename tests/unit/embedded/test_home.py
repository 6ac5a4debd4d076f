"""Where the server lives, and what must not become its home."""

import errno
import os
import stat
from pathlib import Path

import pytest

from sync_worker.embedded.home import Home, default_folder, prepared
from sync_worker.embedded.trouble import explained, one_line, translated, written_since
from sync_worker.errors import ConfigError, DatabaseUnreachable

NOBODY_AT_ALL = 4_000_000_000  # a user id without a name


@pytest.mark.parametrize(
    ("environ", "uid", "expected"),
    [
        ({"HOME": "/home/ada"}, 1000, "/home/ada/.local/share/sync-worker/postgres"),
        ({"HOME": "/home/ada", "XDG_DATA_HOME": "/data"}, 1000, "/data/sync-worker/postgres"),
        ({"HOME": "/root"}, 0, "/var/lib/sync-worker/postgres"),
        ({}, 0, "/var/lib/sync-worker/postgres"),
        ({"XDG_DATA_HOME": "/data"}, 0, "/data/sync-worker/postgres"),
    ],
)
def test_each_user_has_one_home(environ: dict[str, str], uid: int, expected: str) -> None:
    """XDG where it is set; root as a service."""
    assert default_folder(environ, uid) == Path(expected)


def test_without_home_the_user_database_knows_it() -> None:
    """A service manager may set no HOME."""
    assert default_folder({}, 1).is_absolute()


def test_a_user_without_any_home_is_told_what_to_set() -> None:
    """An arbitrary id in a container."""
    with pytest.raises(ConfigError, match=r"has no home folder.*XDG_DATA_HOME.*embedded:DIR"):
        default_folder({}, NOBODY_AT_ALL)


def test_a_new_home_is_private(tmp_path: Path) -> None:
    """0700, whatever the umask is."""
    before = os.umask(0)
    try:
        home = prepared(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700


def test_an_empty_folder_becomes_private(tmp_path: Path) -> None:
    """An administrator may have made it."""
    folder = tmp_path / "pg"
    folder.mkdir(mode=0o755)
    prepared(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_with_other_files_stays_untouched(tmp_path: Path) -> None:
    """Neither its mode nor its content changes."""
    tmp_path.chmod(0o755)
    (tmp_path / "PG_VERSION").write_text("18\n")
    with pytest.raises(ConfigError, match="holds other files"):
        prepared(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_folder_is_refused(tmp_path: Path) -> None:
    """One home belongs to one user."""
    os.chown(tmp_path, 1, -1)
    with pytest.raises(ConfigError, match="belongs to user 1, not to you"):
        prepared(tmp_path)


@pytest.mark.parametrize(("content", "major"), [("18\n", 18), ("9.6\n", 9), ("", None), ("none", None), (None, None)])
def test_the_datas_major_version(tmp_path: Path, content: str | None, major: int | None) -> None:
    """None where there are no data."""
    home = Home(tmp_path)
    home.data.mkdir()
    if content is not None:
        (home.data / "PG_VERSION").write_text(content)
    assert home.data_major() == major


def test_a_full_disk_is_not_a_wrong_setting(tmp_path: Path) -> None:
    """The same command works again when there is space."""
    error = translated(OSError(errno.ENOSPC, "No space left on device", "/data/x"), tmp_path)
    assert isinstance(error, DatabaseUnreachable)
    assert str(error) == "/data/x: the disk is full. Free some space and run the same command again"
    said = explained("the server does not start", "PANIC: could not write: No space left on device\n", tmp_path / "log")
    assert said.hint == error.hint


def test_other_troubles_name_the_place(tmp_path: Path) -> None:
    """One line: where, what, and the setting to change."""
    error = translated(PermissionError(errno.EACCES, "Permission denied"), tmp_path)
    assert isinstance(error, ConfigError)
    assert str(error).startswith(f"{tmp_path}: the embedded database cannot use this place (Permission denied). ")
    assert isinstance(translated(RuntimeError("Could not determine home directory."), tmp_path), ConfigError)


def test_only_the_last_lines_are_shown(tmp_path: Path) -> None:
    """Of this start, on one line."""
    log = tmp_path / "server.log"
    assert written_since(log, 0) == ""
    log.write_text("old\n\none\ntwo\n  three\nfour\nfive\n\n")
    assert one_line(written_since(log, 4)) == "two | three | four | five"
    assert "it said nothing" in str(explained("ended", "", log))

"""What cannot work says so in one line, with the place and what to do."""

import os
from pathlib import Path

import pytest

from sync_worker.errors import ConfigError, DatabaseUnreachable
from tests.integration.embedded.place import Place, until


async def test_another_major_versions_data(fresh: Place) -> None:
    """The data of a version that is not here are refused before anything is started."""
    (fresh.folder / "data").mkdir(parents=True)
    (fresh.folder / "data" / "PG_VERSION").write_text("13\n")
    (fresh.folder / "users.lock").touch()
    with pytest.raises(ConfigError, match=r"written by PostgreSQL 13.*Install PostgreSQL 13") as caught:
        async with fresh.server():
            pass
    assert caught.value.where == str(fresh.folder / "data")
    assert fresh.empty()


async def test_a_server_that_does_not_start(place: Place) -> None:
    """The message has the end of the server's log, and says where the log is; mended, it starts."""
    settings = place.folder / "data" / "postgresql.auto.conf"
    settings.write_text("shared_buffer = oops\n")
    with pytest.raises(DatabaseUnreachable, match=r"does not start.*shared_buffer") as caught:
        async with place.server():
            pass
    assert caught.value.where == str(place.folder / "server.log")
    assert "\n" not in str(caught.value)
    await until(place.empty)
    settings.write_text("")
    async with place.server():
        pass


async def test_a_folder_with_other_files(tmp_path: Path) -> None:
    """A home is never made amid somebody's files."""
    thesis = tmp_path / "thesis.txt"
    thesis.touch()
    with pytest.raises(ConfigError, match="holds other files"):
        async with Place(tmp_path).server():
            pass
    assert os.listdir(tmp_path) == [thesis.name]  # noqa: PTH208  (short)


async def test_a_place_that_is_none(tmp_path: Path) -> None:
    """A path below a file cannot be a folder."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot use this place .Not a directory.*embedded:DIR"):
        async with Place(tmp_path / "file" / "pg").server():
            pass


async def test_a_supervisor_that_cannot_even_begin(fresh: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of what it wrote is in the message."""
    monkeypatch.setattr("sys.path", [str(fresh.folder)])
    fresh.folder.mkdir(mode=0o700)
    (fresh.folder / "users.lock").touch()
    (fresh.folder / "typing_extensions.py").write_text("raise RuntimeError('no such luck')\n")
    monkeypatch.setattr("sync_worker.embedded.attachment._SOURCE", fresh.folder)
    with pytest.raises(DatabaseUnreachable, match="supervisor ended"):
        async with fresh.server():
            pass

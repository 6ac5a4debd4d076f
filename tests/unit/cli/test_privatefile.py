"""Files for their owner's eyes, as a whole or not at all."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from sync_worker.cli.privatefile import private_file
from sync_worker.errors import UsageError


def test_a_new_file(tmp_path: Path) -> None:
    """It has mode 0600 whatever the umask, and nothing else is left."""
    with private_file(tmp_path / "x.csv") as file:
        file.write("é\r\n")
        assert not (tmp_path / "x.csv").exists()
    assert (tmp_path / "x.csv").read_bytes() == "é\r\n".encode()
    assert stat.S_IMODE((tmp_path / "x.csv").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    """Half a file is none."""
    path = tmp_path / "x.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="I/O operation on closed file"), private_file(path) as file:
        file.writelines(_half(file))
    assert path.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def _half(file: TextIO) -> Iterator[str]:
    yield "new"
    file.close()
    yield "more"


def test_a_link_stays_one(tmp_path: Path) -> None:
    """What it leads to is written."""
    (tmp_path / "link").symlink_to("real")
    with private_file(tmp_path / "link") as file:
        file.write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe(tmp_path: Path) -> None:
    """Whatever is no file is written to as it is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with private_file(pipe) as file:
        file.write("through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)


def test_no_place(tmp_path: Path) -> None:
    """It is told where."""
    with (
        pytest.raises(UsageError, match=r"none/x\.csv: the file cannot be written"),
        private_file(tmp_path / "none/x.csv"),
    ):
        pass

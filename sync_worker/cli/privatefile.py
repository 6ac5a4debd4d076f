"""Files that only their owner can read, and that are there as a whole or not at all: they hold people's addresses."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from sync_worker.errors import UsageError


@contextmanager
def private_file(path: Path) -> Iterator[TextIO]:
    """Write a file beside its place, with mode 0600, and put it there at the end; an error leaves what was there.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        place = path.resolve()
        if place.exists() and not place.is_file():  # a pipe, a terminal
            with place.open("w", encoding="utf-8") as file:
                yield file
            return
        with _renamed(place) as file:
            yield file
    except OSError as error:
        raise UsageError(f"the file cannot be written ({error.strerror or error})", where=str(path)) from error


@contextmanager
def _renamed(place: Path) -> Iterator[TextIO]:
    descriptor, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)  # has mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(place)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise

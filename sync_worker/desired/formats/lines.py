"""Lines of a text file, numbered, without any line filling the memory."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, TextIO

LONGEST_LINE: Final = 2**20  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that holds something."""

    number: int  # from 1
    text: str
    whole: bool  # False: longer than `LONGEST_LINE`, and cut there


@contextmanager
def decoded(file: BinaryIO) -> Iterator[TextIO]:
    """The file as UTF-8, for a while; bytes that are none become lone surrogates, which no field accepts."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield text
    finally:
        text.detach()  # the file is not ours to close


def numbered(file: TextIO) -> Iterator[Line]:
    """The lines that are not blank."""
    number, begins = 0, True
    while piece := file.readline(LONGEST_LINE):
        ends = piece.endswith(("\n", "\r"))
        number += begins
        if begins and piece.strip():
            yield Line(number=number, text=piece.rstrip("\r\n"), whole=ends or len(piece) < LONGEST_LINE)
        begins = ends

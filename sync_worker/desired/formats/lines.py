"""Lines of a text file, numbered, without any line filling the memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TextIO

LONGEST_LINE: Final = 2**20  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line that holds something."""

    number: int  # from 1
    text: str
    whole: bool  # False: longer than `LONGEST_LINE`, and cut there


def numbered(file: TextIO) -> Iterator[Line]:
    """The lines that are not blank."""
    number, begins = 0, True
    while piece := file.readline(LONGEST_LINE):
        ends = piece.endswith(("\n", "\r"))
        number += begins
        if begins and piece.strip():
            yield Line(number=number, text=piece.rstrip("\r\n"), whole=ends or len(piece) < LONGEST_LINE)
        begins = ends

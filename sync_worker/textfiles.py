"""Text files as people save them: UTF-8, with or without a byte-order mark, and UTF-16, which some spreadsheets write.

UTF-16 without a byte-order mark is read where nothing else is possible: its first characters are ASCII. What is neither
is not guessed. `decoded` streams: memory stays flat, lines keep their numbers, and each piece that cannot be decoded is
a `MARK` in the text, so that whoever reads can name the field; `checked` raises there instead.
"""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from sync_worker.errors import NotUtf8

BOM: Final = "\ufeff"
"""Begins a file for spreadsheets, which take it for Windows' code page without."""

MARK: Final = "\udcff"
"""Stands for bytes that are no text; half of a surrogate pair, which no text holds."""

NOT_UTF8: Final = "this is not UTF-8"

_MARKING: Final = "sync-worker-marking"
_HEAD: Final = 64  # bytes that tell the encoding
_FEWEST: Final = 4  # bytes: two characters of UTF-16
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SHEETS: Final = (".csv", ".tsv")


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return MARK, error.end


codecs.register_error(_MARKING, _mark)


def advice(name: str) -> str:
    """What to do about a file that is not UTF-8, by its name."""
    if name.lower().endswith(_SHEETS):
        return 'Save it as "CSV UTF-8" in the spreadsheet'
    return "Save it as UTF-8"


@contextmanager
def decoded(file: BinaryIO) -> Iterator[TextIO]:
    """The file from here on as text, for a while; line ends are as they stand, what is no text is `MARK`."""
    start = file.tell()
    encoding = _encoding(file.read(_HEAD))
    file.seek(start)
    text = io.TextIOWrapper(file, encoding=encoding, errors=_MARKING, newline="")
    try:
        yield text
    finally:
        text.detach()  # the file is not ours to close


class Checked:
    """Reads a text, and ends where something is no text.

    Args:
        text: of `decoded`.
        name: of the file, for messages.
    """

    def __init__(self, text: TextIO, name: str) -> None:
        self._text = text
        self._name = name
        self._lines = 1

    def read(self, size: int = -1) -> str:
        """The next characters.

        Raises:
            NotUtf8: with the line.
        """
        piece = self._text.read(size)
        at = piece.find(MARK)
        if at >= 0:
            raise not_utf8(self._name, self._lines + piece.count("\n", 0, at))
        self._lines += piece.count("\n")
        return piece


def decode(content: bytes, name: str) -> str:
    """A whole file as text.

    Raises:
        NotUtf8: with the line.
    """
    with decoded(io.BytesIO(content)) as text:
        return Checked(text, name).read()


def read_text(path: Path) -> str:
    r"""A whole file as text, its lines ending in `\n`.

    Raises:
        OSError: it cannot be read.
        NotUtf8: with the line.
    """
    return decode(path.read_bytes(), str(path)).replace("\r\n", "\n").replace("\r", "\n")


def not_utf8(name: str, line: int) -> NotUtf8:
    """The error for a line of a file."""
    return NotUtf8(NOT_UTF8, where=f"{name}:{line}", hint=advice(name))


def _encoding(head: bytes) -> str:
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding
    even, odd = head[0 : len(head) // 2 * 2 : 2], head[1::2]
    if len(head) >= _FEWEST and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if len(head) >= _FEWEST and not any(even) and all(odd) else "utf-8"

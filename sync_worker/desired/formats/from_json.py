"""JSON into the pieces of a document, with lines. The text is in memory, the users are taken out of it one by one.

The standard library's parser keeps no lines; here it reads words, strings and numbers, and the brackets are read by
hand.
"""

import json
from collections.abc import Iterator
from typing import BinaryIO, Final

from sync_worker.desired.entries import Item, Terms
from sync_worker.desired.fields import DEEPEST, Row, Table, Value, kind
from sync_worker.desired.problems import Problem, undecodable
from sync_worker.desired.toplevel import Piece, not_a_document, read_document
from sync_worker.errors import NotUtf8
from sync_worker.textfiles import decode

LARGEST: Final = 64 * 2**20  # bytes of one document
_BLANKS: Final = " \t\r\n"
_SCALARS: Final = json.JSONDecoder()


def read_json(file: BinaryIO, name: str, terms: Terms) -> Iterator[Item | Problem]:
    """All that a JSON document says, its mistakes among it."""
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        what = f"the document is larger than {LARGEST // 2**20} MB"
        hint = "Write it as NDJSON (.ndjson), one user a line, or as CSV: those may have any size"
        return iter([Problem(where=name, field="", what=what, hint=hint)])
    try:
        text = decode(content, name)
    except NotUtf8 as error:
        return iter([undecodable(error.where)])
    return read_document(name, lambda: _pieces(text, name), terms)


def _pieces(text: str, name: str) -> Iterator[Piece | Problem]:
    cursor = _Cursor(text)
    try:
        yield from _document(cursor, name)
    except json.JSONDecodeError as error:
        what = f"this is not JSON ({error.msg[0].lower()}{error.msg[1:]})"
        yield Problem(where=f"{name}:{error.lineno}", field="", what=what)


class _Cursor:
    """A place in a text that only moves on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0  # up to where lines are counted
        self._line = 1

    @property
    def line(self) -> int:
        """Of the place, from 1."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while (char := self._text[self._at : self._at + 1]) and char in _BLANKS:
            self._at += 1
        return char

    def skip(self, char: str) -> bool:
        """Go behind this character, if it is the next one."""
        if self.peek() != char:
            return False
        self._at += 1
        return True

    def expect(self, char: str) -> None:
        """Go behind this character, which must be the next one."""
        if not self.skip(char):
            raise self.wrong(f"expecting {char}")

    def scalar(self) -> Value:
        """A word, a string or a number."""
        self.peek()
        try:
            value, self._at = _SCALARS.raw_decode(self._text, self._at)
        except json.JSONDecodeError:
            raise
        except ValueError:
            raise self.wrong("a number is too long") from None
        return value

    def wrong(self, what: str) -> json.JSONDecodeError:
        """What is wrong here."""
        return json.JSONDecodeError(what, self._text, self._at)


def _document(cursor: _Cursor, name: str) -> Iterator[Piece | Problem]:
    start = cursor.peek()
    if start != "{":
        what = "a list" if start == "[" else kind(cursor.scalar()) if start else "empty"
        yield not_a_document(name, cursor.line, what)
        return
    for _ in _members(cursor, "{", "}"):
        key, line = _key(cursor)
        if key == "users" and cursor.peek() == "[":
            yield Piece(key, [], line)
            yield from _users(cursor)
        else:
            yield Piece(key, _value(cursor), line)
    if cursor.peek():
        raise cursor.wrong("extra data behind the document")


def _users(cursor: _Cursor) -> Iterator[Piece]:
    for number, _ in enumerate(_members(cursor, "[", "]")):
        cursor.peek()
        line = cursor.line
        yield Piece("users", _value(cursor), line, number)


def _members(cursor: _Cursor, opening: str, closing: str) -> Iterator[None]:
    """Stops at each member of a collection; who iterates reads the member."""
    cursor.expect(opening)
    if cursor.skip(closing):
        return
    yield
    while not cursor.skip(closing):
        cursor.expect(",")
        yield


def _key(cursor: _Cursor) -> tuple[str, int]:
    if cursor.peek() != '"':
        raise cursor.wrong("expecting a key in double quotes")
    line = cursor.line
    key = cursor.scalar()
    cursor.expect(":")
    return key, line


def _value(cursor: _Cursor, depth: int = 0) -> Value:
    start = cursor.peek()
    if start not in {"{", "["}:
        return cursor.scalar()
    if depth > DEEPEST:
        raise cursor.wrong("nested too deeply")
    if start == "[":
        return [_value(cursor, depth + 1) for _ in _members(cursor, "[", "]")]
    line = cursor.line
    return Table(tuple(_row(cursor, depth) for _ in _members(cursor, "{", "}")), line)


def _row(cursor: _Cursor, depth: int) -> Row:
    key, line = _key(cursor)
    return Row(key, _value(cursor, depth + 1), line)

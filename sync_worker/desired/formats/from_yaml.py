"""YAML into the pieces of a document: streamed, with lines, and nothing of YAML but plain data.

Built on events, so that one user is in memory at a time. Tags are refused; aliases, which programs write for what they
hold twice, are followed so far as they do not blow up a small file. Of words without quotes only `true`, `false`,
`null`, `~` and whole numbers are not text: YAML 1.1's `no`, `0123` and `12:30` surprise people.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import yaml

from sync_worker.desired.entries import Item, Terms
from sync_worker.desired.fields import DEEPEST, Odd, Row, Table, Value
from sync_worker.desired.problems import Problem, undecodable
from sync_worker.desired.toplevel import TOP, Piece, not_a_document, read_document
from sync_worker.errors import NotUtf8
from sync_worker.textfiles import Checked, decoded

MOST_BORROWED: Final = 1_000_000
"""Values that a document may repeat through aliases; a few lines of them can mean billions."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where the wheel has it: ten times as fast
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_WORDS: Final[dict[str, Value]] = {
    "": None,
    **dict.fromkeys(("~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}

_TAGGED: Final = "a value with a tag (leave the ! out)"


def read_yaml(file: BinaryIO, name: str, terms: Terms) -> Iterator[Item | Problem]:
    """All that a YAML document says, its mistakes among it."""
    return read_document(name, lambda: _pieces(file, name), terms)


def _pieces(file: BinaryIO, name: str) -> Iterator[Piece | Problem]:
    file.seek(0)
    try:
        with decoded(file) as text:
            yield from _document(_Tree(yaml.parse(Checked(text, name), Loader=_LOADER)), name)
    except NotUtf8 as error:
        yield undecodable(error.where)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield _broken(name, mark.line + 1 if mark else 1, error.problem or error.context or "unreadable")
    except (yaml.YAMLError, ValueError) as error:
        reason = getattr(error, "reason", "")
        yield _broken(name, 1, reason or "unreadable characters")


def _broken(name: str, line: int, why: str) -> Problem:
    return Problem(where=f"{name}:{line}", field="", what=f"this is not YAML ({why})")


def _document(tree: "_Tree", name: str) -> Iterator[Piece | Problem]:
    tree.next()  # the start of the stream
    if isinstance(tree.next(), yaml.StreamEndEvent):
        yield not_a_document(name, 1, "empty")
        return
    first = tree.next()
    if not isinstance(first, yaml.MappingStartEvent) or first.tag is not None:
        yield not_a_document(name, _line(first), _called(first))
        return
    yield from _top(tree)
    tree.next()  # the end of the document
    more = tree.next()
    if not isinstance(more, yaml.StreamEndEvent):
        yield not_a_document(name, _line(more), "followed by another one")


def _called(event: Any) -> str:
    if isinstance(event, yaml.AliasEvent):
        return "an alias"
    if event.tag is not None:
        return _TAGGED
    if isinstance(event, yaml.SequenceStartEvent):
        return "a list"
    return "text" if event.value.strip() else "empty"


def _top(tree: "_Tree") -> Iterator[Piece]:
    while not isinstance(event := tree.next(), yaml.MappingEndEvent):
        key, line = tree.value(event), _line(event)
        event = tree.next()
        if key == "users" and isinstance(event, yaml.SequenceStartEvent) and event.tag is None:
            yield Piece(key, [], line)
            yield from _users(tree)
        elif isinstance(key, str) and key in TOP:
            yield Piece(key, tree.value(event), line)
        else:
            tree.skip(event)
            yield Piece(key, None, line)


def _users(tree: "_Tree") -> Iterator[Piece]:
    number = 0
    while not isinstance(event := tree.next(), yaml.SequenceEndEvent):
        yield Piece("users", tree.value(event), _line(event), number)
        number += 1


# --- Values ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Anchored:
    """A value that an alias can name."""

    value: Value
    weight: int  # values in it, itself and those of its aliases included


_LOST: Final = _Anchored(Odd("an alias of something that is not there"), 1)


class _Tree:
    """Values out of events. PyYAML's types say nothing about the attributes of events, hence `Any`."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, _Anchored] = {}
        self._values = 0  # given so far
        self._borrowed = 0  # of these, through aliases

    def next(self) -> Any:
        """The next event; the parser sees to it that there is one."""
        return next(self._events)

    def value(self, event: Any, depth: int = 0) -> Value:
        """The value that begins with this event."""
        if isinstance(event, yaml.AliasEvent):
            return self._borrow(event)
        if depth > DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=event.start_mark)
        before = self._values
        self._values += 1
        value = self._built(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, self._values - before)
        return value

    def skip(self, event: Any) -> None:
        """Go on behind the value that begins with this event."""
        depth = _step(event)
        while depth:
            depth += _step(self.next())

    def _borrow(self, event: Any) -> Value:
        anchored = self._anchors.get(event.anchor, _LOST)
        self._values += anchored.weight
        self._borrowed += anchored.weight
        if self._borrowed > MOST_BORROWED:
            raise yaml.MarkedYAMLError(problem="aliases mean too much, write it out", problem_mark=event.start_mark)
        return anchored.value

    def _built(self, event: Any, depth: int) -> Value:
        if event.tag is not None:
            self.skip(event)
            return Odd(_TAGGED)
        if isinstance(event, yaml.ScalarEvent):
            return event.value if event.style else _word(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return list(self._items(depth))
        return Table(tuple(self._rows(depth)), _line(event))

    def _items(self, depth: int) -> Iterator[Value]:
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            yield self.value(event, depth + 1)

    def _rows(self, depth: int) -> Iterator[Row]:
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.value(event, depth + 1)
            yield Row(key, self.value(self.next(), depth + 1), _line(event))


def _word(word: str) -> Value:
    if word in _WORDS:
        return _WORDS[word]
    return int(word) if _NUMBER.fullmatch(word) else word


def _step(event: Any) -> int:
    return isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1

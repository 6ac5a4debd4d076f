"""The document around the users, in YAML and JSON: version, defaults, and the list of users, read one by one. Pure.

`defaults` may stand behind the users; so a document is read for them first, as far as it takes, and then for the rest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from sync_worker.desired.entries import Item, Terms
from sync_worker.desired.fields import Fields, Spot, Value, flag, kind
from sync_worker.desired.problems import Problem, did_you_mean, shown
from sync_worker.desired.userobject import manage_of, manage_warnings, mode_of, read_user

VERSION: Final = 1
TOP: Final = ("version", "defaults", "users")
DEFAULTS: Final = ("mode", "manage", "skip_confirmation")


@dataclass(frozen=True, slots=True)
class Piece:
    """A key of the document with its value, or one item of the list under `users`."""

    key: Value
    value: Value  # the list under `users` comes empty: its items follow, each as a piece
    line: int  # of the key, or of the item
    number: int | None = None  # of an item, from 0


Pieces = Callable[[], Iterator[Piece | Problem]]
"""Begins the document from its start, each time; a problem ends it."""


def read_document(file: str, pieces: Pieces, terms: Terms) -> Iterator[Item | Problem]:
    """All that a document says, its mistakes among it."""
    terms = _with_defaults(file, pieces, terms)
    seen: dict[str, int] = {}
    broken = False
    for piece in pieces():
        if isinstance(piece, Problem):
            broken = True
            yield piece
        elif piece.number is not None:
            yield from read_user(piece.value, Spot(file, f"users[{piece.number}]", piece.line), terms)
        else:
            yield from _key(Spot(file, "", piece.line), piece, seen)
    if not broken:
        yield from _missing(file, seen)


def _with_defaults(file: str, pieces: Pieces, terms: Terms) -> Terms:
    """The terms as the document's `defaults` change them; what is wrong there is told later."""
    for piece in pieces():
        if isinstance(piece, Piece) and piece.key == "defaults" and piece.number is None:
            fields = _defaults(piece, Spot(file, "", piece.line))
            return replace(
                terms,
                mode=fields.optional("mode", mode_of, terms.mode),
                manage=fields.optional("manage", manage_of, terms.manage),
                skip_confirmation=fields.optional("skip_confirmation", flag, terms.skip_confirmation),
            )
    return terms


def _defaults(piece: Piece, spot: Spot) -> Fields:
    return Fields(piece.value, spot.inside("defaults", piece.line), DEFAULTS)


def _key(spot: Spot, piece: Piece, seen: dict[str, int]) -> Iterator[Problem]:
    """What is wrong with a key of the document and its value."""
    key = piece.key
    if not isinstance(key, str):
        yield spot.problem(f"a key must be a word, not {kind(key)}")
        return
    if key not in TOP:
        hint = did_you_mean(key, TOP) or f"Known are {', '.join(TOP)}"
        yield spot.problem(f"unknown key {shown(key)}", hint)
        return
    if key in seen:
        yield spot.problem(f"{key} is written twice", f"First in line {seen[key]}")
    seen.setdefault(key, piece.line)
    yield from _VALUES[key](piece, spot)


def _version(piece: Piece, spot: Spot) -> Iterator[Problem]:
    if isinstance(piece.value, bool) or piece.value != VERSION or not isinstance(piece.value, int):
        yield spot.inside("version", piece.line).problem("this version of the form is not known", "Write version: 1")


def _default_problems(piece: Piece, spot: Spot) -> Iterator[Problem]:
    fields = _defaults(piece, spot)
    fields.optional("mode", mode_of, None)
    fields.optional("manage", manage_of, None)
    fields.optional("skip_confirmation", flag, None)
    yield from (*fields.problems, *manage_warnings(fields))


def _users(piece: Piece, spot: Spot) -> Iterator[Problem]:
    if not isinstance(piece.value, list):
        hint = "Write [] for none"
        yield spot.inside("users", piece.line).problem(f"must be a list, not {kind(piece.value)}", hint)


_VALUES: Final[dict[str, Callable[[Piece, Spot], Iterator[Problem]]]] = {
    "version": _version,
    "defaults": _default_problems,
    "users": _users,
}


def _missing(file: str, seen: dict[str, int]) -> Iterator[Problem]:
    spot = Spot(file, "", 1)
    if "version" not in seen:
        yield spot.problem("version is missing", "Write version: 1 in the first line")
    if "users" not in seen:
        yield spot.problem("users is missing", "Write users: with a list of users below")


def not_a_document(file: str, line: int, what: str) -> Problem:
    """What to say of a document that is something else at the top; `what` is how people call it."""
    return Spot(file, "", line).problem(f"the document is {what}", "It has version: 1, and a list under users:")

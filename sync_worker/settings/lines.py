"""Where in a TOML file a key stands: for messages only, so near enough is good enough.

`tomllib` keeps no positions. Each line that looks like a header or an assignment is parsed by itself by tomllib, which
knows the rules of quoting; a look-alike inside a multi-line string can at worst point to a wrong line.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Any

Place = tuple[str | int, ...]
"""The keys (and the indexes into lists) that lead to a value."""

_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?\s*{_DOTTED}\s*\]\]?)")
_ASSIGNMENT = re.compile(rf"\s*({_DOTTED})\s*=")


def line_of(place: Place, lines: Mapping[Place, int]) -> int:
    """The line (from 1) of `place`, else of the first thing in it, else of the nearest table around it; 0: of none."""
    within = [line for at, line in lines.items() if at[: len(place)] == place]
    if place not in lines and within:
        return min(within)
    return next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), 0)


def lines_by_place(text: str) -> Mapping[Place, int]:
    """The line of each key and each table header of the TOML `text` (which must be valid)."""
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _numbered(_path(tomllib.loads(header[1])), counts, many=header[1].startswith("[["))
            lines.setdefault(table, number)
        elif key := _ASSIGNMENT.match(line):
            path = _path(tomllib.loads(f"{key[1]} = 0"))
            for length in range(1, len(path) + 1):
                lines.setdefault((*table, *path[:length]), number)
    return lines


def _path(tree: Any) -> Place:
    """The keys down a tree that has a single branch."""
    keys: list[str] = []
    while isinstance(tree, dict) and tree:
        key, tree = next(iter(tree.items()))
        keys.append(key)
    return tuple(keys)


def _numbered(path: Place, counts: dict[Place, int], *, many: bool) -> Place:
    """The place of a header: that of an array of tables ends with its index."""
    if not many:
        return path
    counts[path] = counts.get(path, -1) + 1
    return (*path, counts[path])

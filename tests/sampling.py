"""What `make test` plays of wide grids and of random inputs: the same part each time; `make test-all` plays all."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, TypeVar

import pytest
from hypothesis import settings

T = TypeVar("T")
ALL = 100
"""Examples of a law in `make test-all`."""


def sampled(cells: Iterable[T], chosen: Callable[[T], bool]) -> list[Any]:
    """Parameters of a test: those that are not chosen are `long`."""
    return [cell if chosen(cell) else pytest.param(cell, marks=pytest.mark.long) for cell in cells]


def covering(cells: Iterable[T], traits: Callable[[T], Iterable[Hashable]]) -> Iterator[T]:
    """Cells that together have every trait that any cell has, the one that adds the most first."""
    left = [(cell, set(traits(cell))) for cell in cells]
    missing = {trait for _, each in left for trait in each}
    while missing:
        cell, each = max(left, key=lambda pair: len(pair[1] & missing))
        missing -= each
        yield cell


def examples(usual: int, torture: int | None = None, *, least: int | None = None) -> int:
    """Of a law with a number of its own: so many in `make test-all`, in proportion (or `least`) in `make test`."""
    share = settings.default.max_examples / ALL if settings.default else 1.0
    if share < 1 and least is not None:
        return least
    return (torture or usual) if share > 1 else max(3, round(usual * share))

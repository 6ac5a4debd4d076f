"""Results for programs, and for people who pass them on."""

import sys
from typing import TYPE_CHECKING, Final

from sync_worker.plainjson import as_json

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["as_json", "console"]

BOUNDLESS: Final = 1_000_000
"""Columns of what is no terminal: whoever reads a pipe line by line wants nothing folded or cut."""


def console() -> "Console":
    """For tables on standard output; folds at the width of a terminal, and not at all where there is none."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else BOUNDLESS
    return Console(highlight=False, markup=False, emoji=False, width=width)

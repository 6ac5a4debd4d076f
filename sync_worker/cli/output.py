"""Results for programs, and for people who pass them on."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sync_worker.errors import UsageError
from sync_worker.plainjson import as_json
from sync_worker.textfiles import BOM

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["as_json", "console"]

ByteOrderMark = Annotated[
    bool | None,
    typer.Option(
        "--bom/--no-bom",
        help="Begin CSV with a byte-order mark, which Excel needs, or not. By default files have one and the standard "
        "output has none.",
    ),
]
CSV: Final = "csv"

BOUNDLESS: Final = 1_000_000
"""Columns of what is no terminal: whoever reads a pipe line by line wants nothing folded or cut."""


def byte_order_mark(form: str, out: Path | None, *, asked: bool | None) -> str:
    """What CSV begins with: files are opened by spreadsheets, what goes through a pipe is read by programs.

    Args:
        form: of the output.
        out: the file; None: the standard output.
        asked: `--bom` or `--no-bom`; None: neither.

    Raises:
        UsageError: it is asked for, and the output is no CSV.
    """
    if asked and form != CSV:
        raise UsageError("only CSV begins with a byte-order mark", hint="Leave --bom out, or write CSV: --format csv")
    is_file = out is not None and not out.is_relative_to("/dev") and (out.is_file() or not out.exists())
    return BOM if form == CSV and (is_file if asked is None else asked) else ""


def console() -> "Console":
    """For tables on standard output; folds at the width of a terminal, and not at all where there is none."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else BOUNDLESS
    return Console(highlight=False, markup=False, emoji=False, width=width)

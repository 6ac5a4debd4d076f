"""What spreadsheets do to data, and what keeps them from it. Pure.

A long number becomes `5.55123E+09` or `5551234567.0` as soon as such a program opens and saves a file: what it was is
lost, so nothing is guessed.

A cell that it would run as a formula is written so that it shows it, and read back as it was: one that begins with `=`,
`+`, `-`, `@`, a tab or a line break gets an apostrophe in front; one that already begins with apostrophes and then one
of these gets one more. Reading takes one away from such cells and from no others, so nothing is lost.
"""

import re
from typing import Final

_RISKY: Final = re.compile(r"'*[=+\-@\t\r\n]")
_DISARMED: Final = re.compile(r"'+[=+\-@\t\r\n]")
_REWRITTEN: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+|[+-]?\d+[.,]0+")

REWRITTEN: Final = "a spreadsheet has rewritten the number: digits of it may be lost"
AS_TEXT: Final = "Format the column as text in the spreadsheet, enter the numbers again, and save anew"


def rewritten(text: str) -> bool:
    """Whether this is what a spreadsheet makes of a long number: `5.55123E+09`, `1,5E+10`, `5551234567.0`."""
    return _REWRITTEN.fullmatch(text.strip()) is not None


def disarmed(cell: str) -> str:
    """The cell as it is written."""
    return f"'{cell}" if _RISKY.match(cell) else cell


def rearmed(cell: str) -> str:
    """The cell as it was: the opposite of `disarmed`."""
    return cell[1:] if _DISARMED.match(cell) else cell

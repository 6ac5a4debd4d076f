"""What spreadsheets do to data. Pure.

A long number becomes `5.55123E+09` or `5551234567.0` as soon as such a program opens and saves a file: what it was is
lost, so nothing is guessed.
"""

import re
from typing import Final

_REWRITTEN: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+|[+-]?\d+[.,]0+")

REWRITTEN: Final = "a spreadsheet has rewritten the number: digits of it may be lost"
AS_TEXT: Final = "Format the column as text in the spreadsheet, enter the numbers again, and save anew"


def rewritten(text: str) -> bool:
    """Whether this is what a spreadsheet makes of a long number: `5.55123E+09`, `1,5E+10`, `5551234567.0`."""
    return _REWRITTEN.fullmatch(text.strip()) is not None

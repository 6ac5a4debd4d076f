"""Cells that a spreadsheet would run as a formula, written so that it shows them, and read back as they were. Pure.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a line break gets an apostrophe in front; one that already begins
with apostrophes and then one of these gets one more. Reading takes one away from such cells and from no others, so
nothing is lost.
"""

import re
from typing import Final

_RISKY: Final = re.compile(r"'*[=+\-@\t\r\n]")
_DISARMED: Final = re.compile(r"'+[=+\-@\t\r\n]")


def disarmed(cell: str) -> str:
    """The cell as it is written."""
    return f"'{cell}" if _RISKY.match(cell) else cell


def rearmed(cell: str) -> str:
    """The cell as it was: the opposite of `disarmed`."""
    return cell[1:] if _DISARMED.match(cell) else cell

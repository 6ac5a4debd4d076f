"""What exit codes mean, and which one several results come to. A leaf: pure."""

from collections.abc import Iterable
from typing import Final

DONE: Final = 0
UNEXPECTED: Final = 1
USAGE: Final = 2
IN_PART: Final = 3
WITHHELD: Final = 4
TOKEN_REFUSED: Final = 5
LOCKED: Final = 6
UNREACHABLE: Final = 7
IMPLAUSIBLE: Final = 8
CHANGES: Final = 10
INTERRUPTED: Final = 130
TERMINATED: Final = 143

PRECEDENCE: Final = (
    INTERRUPTED, TERMINATED, UNEXPECTED, USAGE, LOCKED, TOKEN_REFUSED,
    UNREACHABLE, IMPLAUSIBLE, WITHHELD, IN_PART, CHANGES, DONE,
)  # fmt: skip
"""When several apply, the first of these."""


def worst(codes: Iterable[int]) -> int:
    """The exit code for several results: the first in `PRECEDENCE`; an unknown code counts as unexpected."""
    known = {code if code in PRECEDENCE else UNEXPECTED for code in codes}
    return next((code for code in PRECEDENCE if code in known), DONE)

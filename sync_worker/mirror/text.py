"""Text that PostgreSQL can store."""

import re
from typing import Final, overload

REPLACEMENT: Final = "\ufffd"
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")  # NUL; halves of a pair, as from undecodable bytes of a header


class NulReplacer:
    """Replaces what PostgreSQL cannot store, NUL above all, by U+FFFD, and counts the texts that had any."""

    def __init__(self) -> None:
        self.replaced = 0

    @overload
    def __call__(self, text: str) -> str: ...
    @overload
    def __call__(self, text: str | None) -> str | None: ...
    def __call__(self, text: str | None) -> str | None:
        """The text as it can be stored."""
        if text is None or not _UNSTORABLE.search(text):
            return text
        self.replaced += 1
        return _UNSTORABLE.sub(REPLACEMENT, text)

"""Text that PostgreSQL can store."""

from typing import Final, overload

REPLACEMENT: Final = "\ufffd"


class NulReplacer:
    """Replaces NUL characters, which PostgreSQL cannot store, by U+FFFD, and counts the texts that had any."""

    def __init__(self) -> None:
        self.replaced = 0

    @overload
    def __call__(self, text: str) -> str: ...
    @overload
    def __call__(self, text: str | None) -> str | None: ...
    def __call__(self, text: str | None) -> str | None:
        """The text as it can be stored."""
        if text is None or "\0" not in text:
            return text
        self.replaced += 1
        return text.replace("\0", REPLACEMENT)

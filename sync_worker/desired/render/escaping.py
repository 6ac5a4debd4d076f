"""What stands between other people's text and a terminal or a ticket. Pure.

Addresses and reasons come from Canvas and from documents: anybody may have written them.
"""

import re
from typing import Final

_BORING: Final = re.compile(r"[\w,.:;()'\"%=→…!?+-]*")
"""Words that mean nothing to any dialect of Markdown, save for `_`, which is looked for besides."""

_FENCE_BREAKERS: Final = frozenset("`|\\")


def visible(text: str) -> str:
    r"""`text` with what has no shape of its own written out: `\x1b`, `\u202e`; so no line moves a cursor or lies.

    Also keeps it in one line.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def code(text: str) -> str:
    """`text` as code in Markdown, in a table too: neither link nor mention nor markup."""
    if not text:
        return ""
    if not _FENCE_BREAKERS & set(text) and text.strip() == text:
        return f"`{text}`"
    return f"<code>{''.join(c if c.isalnum() else f'&#{ord(c)};' for c in text)}</code>"


def prose(text: str) -> str:
    """A sentence in Markdown: every word in it that could be markup, a link or a mention becomes code."""
    return " ".join(word if _boring(word) else code(word) for word in text.split(" "))


def _boring(word: str) -> bool:
    return "_" not in word and not word.startswith("www.") and _BORING.fullmatch(word) is not None

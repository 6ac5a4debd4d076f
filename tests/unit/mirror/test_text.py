"""Text that PostgreSQL can store."""

import pytest

from sync_worker.mirror.text import NulReplacer


@pytest.mark.parametrize("text", [None, "", "a@example.com", "日本語", "\U0001f4e7", "\x01\x7f\ufffd"])
def test_what_can_be_stored_stays(text: str | None) -> None:
    """And is not counted."""
    clean = NulReplacer()
    assert clean(text) == text
    assert clean.replaced == 0


@pytest.mark.parametrize("text", ["a\0b", "a\udcffb"])
def test_what_cannot_be_stored_is_replaced(text: str) -> None:
    """NUL, and halves of a surrogate pair, as undecodable bytes become."""
    assert NulReplacer()(text) == "a\ufffdb"


def test_texts_are_counted_not_characters() -> None:
    """The warning says how many texts were touched."""
    clean = NulReplacer()
    assert (clean("\0\0"), clean("x"), clean("\0")) == ("\ufffd\ufffd", "x", "\ufffd")
    assert clean.replaced == 2

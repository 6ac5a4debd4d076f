"""How addresses are compared."""

import hashlib
import re

import pytest

from sync_worker.folding import any_case, fold

EVERYTHING = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))


@pytest.mark.parametrize(
    ("address", "folded"),
    [
        ("", ""),
        ("Sheldon@CalTech.EDU", "sheldon@caltech.edu"),
        ("+1 555 0100", "+1 555 0100"),
        ("ÄÖÜ@é.fr", "äöü@é.fr"),
        ("Straße@x.de", "straße@x.de"),
        ("STRAẞE@x.de", "straße@x.de"),  # capital sharp s: one character for one
        ("STRASSE@x.de", "strasse@x.de"),  # which is another address
        ("İstanbul@x.tr", "istanbul@x.tr"),  # Python alone would make it i and a dot above
        ("ISPARTA@x.tr", "isparta@x.tr"),
        ("\u0131sparta@x.tr", "\u0131sparta@x.tr"),  # dotless i is small already
        ("ΟΔΟΣ@x.gr", "οδοσ@x.gr"),  # Python alone would end the word in ς
        ("οδος@x.gr", "οδος@x.gr"),  # so this is another address
        ("K@x", "k@x"),  # the sign for Kelvin
        ("ǅ@x", "ǆ@x"),
        ("a\u0308@x", "a\u0308@x"),  # composed and decomposed ä are two
        ("𐐀@x", "𐐨@x"),
    ],
)
def test_addresses_fold_as_postgresql_lowers_them(address: str, folded: str) -> None:
    """As PostgreSQL 18 answered with the provider builtin (C.UTF-8) and with glibc."""
    assert fold(address) == folded


def test_folding_keeps_the_number_of_characters() -> None:
    """One for one, for every character there is; and folding twice is folding once."""
    once = fold(EVERYTHING)
    assert len(once) == len(EVERYTHING)
    assert fold(once) == once


def test_folding_is_the_same_whichever_python_runs_it() -> None:
    """What is stored was folded by another one, perhaps; the letters are those of Unicode 14."""
    digest = hashlib.sha256(fold(EVERYTHING).encode()).hexdigest()
    assert digest == "137590953b837f1ec8b7c02b3a0425d0789df789a59ad256e7a63416f9fc4c11"


@pytest.mark.parametrize("address", ["a@x", "a@x ", " a@x", "a@x\t", "a\u200b@x", "\uff41@x", "a\u0308@x", "ä@x"])
def test_what_differs_in_more_than_case_stays_different(address: str) -> None:
    """Nothing is trimmed, composed or narrowed: Canvas has them as channels of their own."""
    assert fold(address) == address
    assert fold(address.upper()) == address


@pytest.mark.parametrize("text", ["Sheldon@X.edu", "K.σς@ß.ẞ", "İı.Ii@ǅ", "(a+b)*[c]@x.y", "\uff21 \uff11@x", "𐐀"])
def test_any_case_finds_what_folds_to_the_same(text: str) -> None:
    """And nothing else, letter by letter."""
    assert re.fullmatch(any_case(text), text)
    assert re.fullmatch(any_case(text), fold(text))
    folded = fold(EVERYTHING)
    for letter in text:
        same = {EVERYTHING[at.start()] for at in re.finditer(re.escape(fold(letter)), folded)}
        assert set(re.findall(any_case(letter), EVERYTHING)) == same

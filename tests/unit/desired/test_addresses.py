"""Which addresses look like one, and which numbers are the same."""

import pytest
from email_validator import validate_email
from hypothesis import assume, given
from hypothesis import strategies as st

from sync_worker.desired import addresses
from sync_worker.desired.addresses import number, usable
from sync_worker.desired.model import ChannelKey, key_of
from sync_worker.spreadsheets import rewritten


@pytest.mark.parametrize(
    "address",
    [
        "ann@school.example",
        "Ann.O'Brien+tag@Mail.School.Example",
        '"a b"@school.example',
        "jürg@bücher.example",
        "用户@例子.广告",
        "ann@xn--bcher-kva.example",
        "5551234567@txt.att.net",
        "a" * 80 + "@school.example",
        "ann@mail.local",
        "ann@mail.test",
        "ann@MAIL.Local",
        "ann@deep.down.localhost",
    ],
)
def test_what_looks_like_an_address(address: str) -> None:
    """Also beyond ASCII, and in domains that no other host reaches."""
    assert usable("email", address)
    assert usable("sms", address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "n/a",
        "ann",
        "mailto:ann@school.example",
        "MAILTO:ann@school.example",
        "<bo@school.example>",
        "Bo <bo@school.example>",
        "cy@school.example.",
        "dee@school.example;",
        "dee@school.example,eve@school.example",
        "eli@localhost",
        "eli@local",
        "eli@.local",
        "eli@school",
        "fay@school..example",
        "fay..may@school.example",
        ".fay@school.example",
        "fay@-school.example",
        "fay@sch_ool.example",
        "fay@10.0.0.1",
        "fay@[10.0.0.1]",
        "fay@@school.example",
        "'fay@school.example'@",
        "fay@school.example\u200b",
        "a\ud800@school.example",
    ],
)
def test_what_does_not(address: str) -> None:
    """What people copy out of web pages, mail programs and spreadsheets."""
    assert not usable("email", address)
    assert not usable("sms", address)


@pytest.mark.parametrize(
    "address",
    ["+1 (555) 026-1041", "555-026-1041", "0049.170.1234567", "(+44) 20 7946 0958", "026-1041", "011 49 170 12345678"],
)
def test_numbers_can_be_dialled(address: str) -> None:
    """With or without a country's code; a number is no e-mail address."""
    assert usable("sms", address)
    assert not usable("email", address)


@pytest.mark.parametrize("address", ["", "+", "12345", "1" * 19, "555-026-1041 x12", "5.55123E+09", "call me"])
def test_what_cannot(address: str) -> None:
    """Too short, too long, or with something else in it."""
    assert not usable("sms", address)


@pytest.mark.parametrize("channel_type", ["push", "slack", "twitter", "fax"])
def test_other_types_are_not_looked_at(channel_type: str) -> None:
    """Nobody knows what their addresses look like."""
    assert usable(channel_type, "For All Devices")


WORDS = st.lists(st.text("aZ09_+-", min_size=1, max_size=4), min_size=1, max_size=3).map(".".join)
LABELS = st.lists(st.text("aZ09x-", min_size=1, max_size=5), min_size=1, max_size=3).map(".".join)


@given(st.tuples(WORDS, LABELS, st.text("aZx", min_size=1, max_size=6)))
def test_what_needs_no_library_is_good_for_it_too(parts: tuple[str, str, str]) -> None:
    """The short way is none past the rules."""
    words, labels, top = parts
    address = f"{words}@{labels}.{top}"
    assume(addresses._ORDINARY.fullmatch(address))
    validate_email(addresses._not_special(address), check_deliverability=False)


# --- numbers --------------------------------------------------------------------------------------------

US = "+15550261041"


@pytest.mark.parametrize(
    ("address", "region", "dialled"),
    [
        (US, None, US),
        ("+1 (555) 026-1041", None, US),
        ("(+1) 555.026.1041", "DE", US),
        ("555-026-1041", "US", US),
        ("1 555 026 1041", "US", US),
        ("\uff15550261041", "US", US),  # a wide digit
        ("555\u2011026\u20111041", "US", US),  # hyphens that do not break
        ("0170 1234567", "DE", "+491701234567"),
        ("0049 170 1234567", "DE", "+491701234567"),
        ("+44 (0)20 7946 0958", None, "+442079460958"),
        ("555-026-1041", None, None),
        ("0049 170 1234567", None, None),
        ("555", "US", None),
        ("026-1041", "US", None),  # of which area?
        ("+999 123 4567", "US", None),
        ("+1 555", None, None),
        ("", "US", None),
        ("n/a", "US", None),
        ("1-800-FLOWERS", "US", None),
        ("555-026-1041 x2", "US", None),
        ("5550261041@txt.att.net", "US", None),
        ("+1 555 026 1041, +1 555 026 1042", "US", None),
    ],
)
def test_what_is_wholly_a_number(address: str, region: str | None, dialled: str | None) -> None:
    """As E.164, or nobody can say."""
    assert number(address, region) == dialled


def test_numbers_are_the_same_by_what_they_dial() -> None:
    """Only those of SMS channels; a number that may be anywhere equals nothing but itself."""
    assert key_of("sms", "(555) 026-1041", "US") == key_of("sms", US) == ChannelKey("sms", US)
    assert key_of("sms", "555-026-1041") == ChannelKey("sms", "555-026-1041") != key_of("sms", "(555) 026-1041")
    assert key_of("email", "+1 (555) 026-1041", "US") != key_of("email", US, "US")


def test_gateways_are_the_same_in_other_letters() -> None:
    """As e-mail addresses are."""
    assert key_of("sms", "5550261041@TXT.att.net", "US") == ChannelKey("sms", "5550261041@txt.att.net")
    assert key_of("sms", "5550261041@txt.att.net", "US") != key_of("sms", "5550261041", "US")


# --- spreadsheets ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["5.55123E+09", "5,55123E+09", "1,5E+10", "5E9", "5.55123e+09", "-1.2E-3", "5551234567.0", "1042,00", " 1E5 "],
)
def test_what_spreadsheets_make_of_numbers(text: str) -> None:
    """In English, and where a comma stands before the fraction."""
    assert rewritten(text)


@pytest.mark.parametrize("text", ["", "5551234567", "+1.555.026.1041", "E5", "1E", "1E5x", "3.14", "555.026", "0xE5"])
def test_what_people_write(text: str) -> None:
    """A number with points in it is one of these."""
    assert not rewritten(text)

"""What an address looks like, told by its text alone: no name server is asked. Pure.

Canvas takes nearly everything, so nothing here refuses: `usable` is what warnings and guards go by, and `number` is how
numbers are compared.
"""

import re
from typing import Final

import phonenumbers
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

from sync_worker.folding import fold

EMAIL: Final = "email"
SMS: Final = "sms"

FEWEST_DIGITS: Final = 7  # of a number that something can be sent to; fewer are an extension, or a part of a number
MOST_DIGITS: Final = 18  # 15 of E.164, and 3 to dial out of a country

_WHOLLY_A_NUMBER: Final = re.compile(r"[\s(]*\+?[\d\s()./\u2010-\u2015\u2212-]+")
_ORDINARY: Final = re.compile(
    r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,}"
)
_ORDINARY_LENGTH: Final = 60  # below the limits of every part

_NEUTRAL: Final = ".example"
_SPECIAL: Final = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)


def usable(channel_type: str, address: str) -> bool:
    """Whether it looks like an address of its type; what has another type than e-mail and SMS is not looked at."""
    if channel_type == EMAIL:
        return _is_email(address)
    if channel_type == SMS:
        return _can_be_dialled(address) or _is_email(address)
    return True


def number(address: str, region: str | None) -> str | None:
    """The number that an SMS address is, as E.164 (`+15550261041`); None: it is none, or nobody can say which.

    Args:
        address: only what is wholly a number is read as one; `5551234567@txt.att.net` is not.
        region: whose numbers are written without a country's code (`US`); None: nobody's.
    """
    if not _WHOLLY_A_NUMBER.fullmatch(address):
        return None
    try:
        parsed = phonenumbers.parse(address, region)
    except phonenumbers.NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if possible else None


def _can_be_dialled(address: str) -> bool:
    digits = sum(char.isdecimal() for char in address)
    return FEWEST_DIGITS <= digits <= MOST_DIGITS and _WHOLLY_A_NUMBER.fullmatch(address) is not None


def _is_email(address: str) -> bool:
    """By the rules of `email-validator`, which takes 0.1 ms: nearly all addresses are of a form that needs none."""
    if len(address) <= _ORDINARY_LENGTH and _ORDINARY.fullmatch(address):
        return True
    try:
        validate_email(_not_special(address), check_deliverability=False, allow_quoted_local=True)
    except EmailNotValidError:
        return False
    return True


def _not_special(address: str) -> str:
    """The same beside a domain that anybody may have: `.local` and `.test` are syntax like any other."""
    return address + _NEUTRAL if fold(address).endswith(_SPECIAL) else address

"""How a path names a user: the forms of Canvas's `lib/api.rb`, parsed and nothing more."""

from dataclasses import dataclass
from enum import StrEnum

SHARD = 10**13
"""A global id is shard * 10^13 + local id."""

MAX_DIGITS = 40
"""Longer numbers name nobody."""


class RefKind(StrEnum):
    """The ways to name a user; the values are what stands before the colon."""

    NUMBER = "number"
    SELF = "self"
    SIS = "sis_user_id"
    LOGIN = "sis_login_id"
    INTEGRATION = "sis_integration_id"


PREFIXES = (RefKind.SIS, RefKind.LOGIN, RefKind.INTEGRATION)


@dataclass(frozen=True, slots=True)
class UserRef:
    """A parsed reference; `number` counts for numbers, `value` for the SIS forms."""

    kind: RefKind
    value: str = ""
    number: int = 0


def parse_user_ref(segment: str, *, shard: int = 1) -> UserRef | None:
    """A decoded path segment as a reference; None where it names nobody here (another shard, nonsense)."""
    if segment == "self":
        return UserRef(RefKind.SELF)
    if segment.isascii() and segment.replace("~", "", 1).isdigit():
        return _number(segment, shard) if len(segment) <= MAX_DIGITS else None
    return _sis(segment)


def _number(segment: str, shard: int) -> UserRef | None:
    left, tilde, right = segment.partition("~")
    if tilde and not (left and right):
        return None
    asked, local = (int(left), int(right)) if tilde else divmod(int(left), SHARD)
    if asked != shard and (tilde or asked):
        return None
    return UserRef(RefKind.NUMBER, number=local)


def _sis(segment: str) -> UserRef | None:
    head, _, value = segment.partition(":")
    encoded = head == "hex"
    if encoded:
        head, _, value = value.partition(":")
    if head not in PREFIXES:
        return None
    text = _from_hex(value) if encoded else value
    return UserRef(RefKind(head), text) if text else None


def _from_hex(digits: str) -> str:
    try:
        return bytes.fromhex(digits).decode()
    except ValueError:
        return ""

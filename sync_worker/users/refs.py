"""How people write down a user: `1042`, `1~1042`, `sis:S1001`, `login:x`, `integration:y`. Pure.

A bare word is never guessed to be a SIS id: `1042` may be both, and the wrong guess is another person.
"""

from collections.abc import Mapping
from typing import Final

from sync_worker.canvas.wire import number_of
from sync_worker.channels import RefKind, UserRef
from sync_worker.errors import SourceError, UndecodableLine
from sync_worker.spreadsheets import AS_TEXT, REWRITTEN, rewritten
from sync_worker.textfiles import MARK, NOT_UTF8, advice

KINDS: Final[Mapping[str, RefKind]] = {
    "id": RefKind.ID,
    "canvas_user_id": RefKind.ID,
    "sis": RefKind.SIS,
    "sis_user_id": RefKind.SIS,
    "login": RefKind.LOGIN,
    "login_id": RefKind.LOGIN,
    "sis_login_id": RefKind.LOGIN,
    "integration": RefKind.INTEGRATION,
    "integration_id": RefKind.INTEGRATION,
    "sis_integration_id": RefKind.INTEGRATION,
}
"""Names of columns, fields and prefixes; the first one that has a value names the user."""

LONGEST: Final = 255  # characters; Canvas's columns for these hold no more


def reference(kind: RefKind, value: str, where: str) -> UserRef:
    """The reference of a kind that is known; an id in its one normal form, a number.

    Raises:
        SourceError: the value cannot be one of this kind.
    """
    value = value.strip()
    if MARK in value:
        raise undecodable(where)
    if not value or len(value) > LONGEST or not value.isprintable():
        raise SourceError(_flaw(value), where=where, hint="Give 1 to 255 printable characters in UTF-8")
    if kind is not RefKind.ID:
        return UserRef(kind=kind, value=value, where=where)
    number = number_of(value)
    if number is None and rewritten(value):
        raise SourceError(f"{value[:40]!r}: {REWRITTEN}", where=where, hint=AS_TEXT)
    if number is None:
        raise SourceError(
            f"{value[:40]!r} is no Canvas id",
            where=where,
            hint="Write a number such as 1042 or 1~1042; a SIS id goes behind sis:",
        )
    return UserRef(kind=kind, value=str(number), where=where)


def undecodable(where: str) -> UndecodableLine:
    """The mistake of a line that is not UTF-8; `where` is file and line."""
    return UndecodableLine(NOT_UTF8, where=where, hint=advice(where.rpartition(":")[0]))


def _flaw(value: str) -> str:
    if not value:
        return "no user here"
    return "the user is too long" if len(value) > LONGEST else "the user has unprintable characters"


def parse_ref(text: str, where: str = "") -> UserRef:
    """A reference in any of its written forms.

    Raises:
        SourceError: none of them.
    """
    prefix, colon, value = text.strip().partition(":")
    if not colon:
        return reference(RefKind.ID, text, where)
    kind = KINDS.get(prefix.strip().lower())
    if kind is None:
        raise SourceError(
            f"{prefix[:40]!r} names no kind of user", where=where, hint="Use id:, sis:, login: or integration:"
        )
    return reference(kind, value, where)

"""What may stand in a desired state: types, addresses, and what one user may not say twice. Pure.

Only what Canvas could never hold is refused, and what a spreadsheet made of a number: an address that looks odd may be
somebody's. Blanks around text are dropped.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from sync_worker.channels import UserRef
from sync_worker.desired.addresses import EMAIL, SMS, usable
from sync_worker.desired.entries import Entry, Item, State, UserHead
from sync_worker.desired.model import PUSH, ChannelKey, Wish
from sync_worker.desired.problems import NEAR, Problem, Severity, did_you_mean, shown
from sync_worker.errors import DocumentError, UsageError
from sync_worker.spreadsheets import AS_TEXT, REWRITTEN, rewritten

TYPES: Final = ("email", "sms", "push", "chat", "twitter", "facebook", "yo", "slack")
"""The types seen at Canvas; another one is believed where it is no slip of the pen."""

LONGEST: Final = 255  # characters of an address; Canvas's column holds no more

_DIALLED: Final = frozenset({EMAIL, SMS, None})
"""Types, and no known one, in whose addresses a spreadsheet may have rewritten a number."""

_TYPE: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")


# --- One value ------------------------------------------------------------------------------------------


def type_named(text: str) -> str:
    """The type of a channel.

    Raises:
        DocumentError: no type, or one that looks like another one misspelt.
    """
    if text in TYPES:
        return text
    if not text:
        raise DocumentError("the type is blank", hint="Write email or sms")
    near = did_you_mean(text, TYPES)
    if near or not _TYPE.fullmatch(text):
        raise DocumentError(f"{shown(text)} is no type of channel", hint=near or "Write email or sms")
    return text


def type_meant(text: str) -> str | None:
    """The known type that a word is or was meant to be, so that what goes with it can be checked; None: no idea."""
    near = get_close_matches(text.strip().lower(), TYPES, n=1, cutoff=NEAR)
    return near[0] if near else None


def address_of(channel_type: str | None, text: str) -> str:
    """An address of a channel of this type (None: of an unknown one).

    Raises:
        DocumentError: Canvas could never hold it.
    """
    address = text.strip()
    if channel_type in _DIALLED and rewritten(address):
        raise DocumentError(REWRITTEN, hint=AS_TEXT)
    flaw = _flaw(channel_type, address)
    if flaw:
        raise DocumentError(flaw, hint="" if address else "Leave the entry out where there is no address")
    return address


def _flaw(channel_type: str | None, address: str) -> str:
    if not address:
        return "the address is blank"
    if len(address) > LONGEST:
        return f"the address has {len(address):,} characters, Canvas holds {LONGEST}"
    if not address.isprintable():
        return "the address has invisible or undecodable characters"
    return _flaw_of_email(address) if channel_type == EMAIL else ""


def _flaw_of_email(address: str) -> str:
    if " " in address:
        return "an e-mail address has no blanks"
    name, at, domain = address.rpartition("@")
    if not at:
        return "an e-mail address has an @"
    return "" if name and domain else "an e-mail address has something on both sides of its @"


def reason_of(text: str) -> str:
    """Why a wish is there, in a person's words.

    Raises:
        DocumentError: it has control characters, which no database and no terminal should see.
    """
    reason = text.strip()
    if any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\t\r\n" for char in reason):
        raise DocumentError("the reason has control characters or was not UTF-8")
    return reason


def writable(wish: Wish) -> bool:
    """Whether a document with this wish can be read again; very old channels of Canvas may not be."""
    try:
        type_named(wish.type)
        return address_of(wish.type, wish.address) == wish.address and reason_of(wish.reason) == wish.reason
    except UsageError:
        return False


_LIKE: Final = {EMAIL: "an e-mail address", SMS: "a telephone number or a mailbox at a carrier's gateway"}


# --- One entry, one user --------------------------------------------------------------------------------


def check_entry(entry: Entry, *, type_field: str = "type", address_field: str = "address") -> Iterator[Problem]:
    """Warnings: what this entry asks for will not be done, or will be of no use."""
    if entry.state is State.PRESENT and not usable(entry.type, entry.address):
        what = f"this does not look like {_LIKE[entry.type]}"
        yield Problem(where=entry.where, field=address_field, what=what, severity=Severity.WARNING)
    if entry.type == PUSH:
        what = "push channels are never touched"
    elif entry.type not in entry.manage:
        what = f"type {entry.type} is not in manage, so this is never touched"
    else:
        return
    yield Problem(where=entry.where, field=type_field, what=what, severity=Severity.WARNING)


def check_user(items: Iterable[Item]) -> list[Problem]:
    """What the items of one user contradict each other in, in their order.

    Args:
        items: all that a document says about one Canvas user, also where it names that user in several ways.
    """
    refs: dict[UserRef, str] = {}
    head: UserHead | None = None
    wishes: dict[ChannelKey, Entry] = {}
    problems: list[Problem] = []
    for item in items:
        if item.ref not in refs and refs:
            other, where = next(iter(refs.items()))
            problems.append(_same_user(item, f"is the same Canvas user as {shown(other)} in {where}"))
        elif isinstance(item, UserHead) and head is not None:
            problems.append(_same_user(item, f"the user is described a second time, first in {head.where}"))
        refs.setdefault(item.ref, item.ref.where)
        if isinstance(item, UserHead):
            head = head or item
        elif (first := wishes.setdefault(item.key, item)) is not item:
            problems.append(_same_address(item, first))
    return problems


def _same_user(item: Item, what: str) -> Problem:
    return Problem(where=item.ref.where, field="user", what=what, hint="Describe a user once")


def _same_address(second: Entry, first: Entry) -> Problem:
    if second.state is first.state:
        what, hint = f"the same {first.type} address is already in {first.where}", "Case does not matter; drop one"
    else:
        one, other = (first, second) if first.state is State.PRESENT else (second, first)
        what = f"the same {first.type} address is present in {one.where} and absent in {other.where}"
        hint = "Decide for one"
    return Problem(where=second.where, field="address", what=what, hint=hint)

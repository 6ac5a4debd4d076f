"""One user as an object of YAML, JSON or NDJSON: into its head, its entries and its problems. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from sync_worker.channels import RefKind, UserRef
from sync_worker.desired.entries import Entry, Item, State, Terms, UserHead
from sync_worker.desired.fields import Fields, Spot, Value, flag, items_of, text
from sync_worker.desired.model import PUSH, Mode
from sync_worker.desired.problems import Problem, Severity, did_you_mean, shown
from sync_worker.desired.rules import address_of, check_entry, check_user, reason_of, type_meant, type_named
from sync_worker.errors import DocumentError
from sync_worker.users.refs import parse_ref

USER: Final = ("user", "mode", "manage", "channels", "absent")
WISH: Final[Mapping[State, tuple[str, ...]]] = {
    State.PRESENT: ("type", "address", "skip_confirmation", "reason"),
    State.ABSENT: ("type", "address", "reason"),
}
LISTS: Final[Mapping[State, str]] = {State.PRESENT: "channels", State.ABSENT: "absent"}

_NOBODY: Final = UserRef(kind=RefKind.SELF)
"""Stands for a user that could not be read, so that the rest of the object is checked all the same."""


def read_user(value: Value, spot: Spot, terms: Terms) -> Iterator[Item | Problem]:
    """What one user object says; nothing but problems where the user itself cannot be read."""
    fields = Fields(value, spot, USER)
    where = fields.spot("user").where
    ref = fields.required("user", lambda user: parse_ref(text(user), where)) or _NOBODY
    own = terms.for_user(fields.optional("mode", mode_of, None), fields.optional("manage", manage_of, None))
    head = UserHead(ref=ref, mode=own.mode, manage=own.manage)
    wishes = [found for state in State for found in _wishes(fields, head, own, state)]
    entries = [found for found in wishes if isinstance(found, Entry)]
    yield from (*fields.problems, *_unsaid(fields, head, spot), *manage_warnings(fields))
    yield from (found for found in wishes if isinstance(found, Problem))
    yield from (replace(found, field=spot.inside(found.field, spot.line).path) for found in check_user(entries))
    if ref is not _NOBODY:
        yield head
        yield from entries


def _wishes(fields: Fields, head: UserHead, terms: Terms, state: State) -> Iterator[Entry | Problem]:
    key = LISTS[state]
    here = fields.spot(key)
    for number, value in enumerate(fields.optional(key, items_of, [])):
        yield from _wish(value, here.item(number, value), head, terms, state)


def _wish(value: Value, spot: Spot, head: UserHead, terms: Terms, state: State) -> Iterator[Entry | Problem]:
    fields = Fields(value, spot, WISH[state])
    channel_type = fields.required("type", _type)
    meant = channel_type or type_meant(str(fields.value("type")))
    address = fields.required("address", lambda value: address_of(meant, text(value)))
    skip = fields.optional("skip_confirmation", flag, state is State.ABSENT or terms.skip_confirmation)
    reason = fields.optional("reason", lambda value: reason_of(text(value)), "")
    yield from fields.problems
    if channel_type is None or address is None:
        return
    entry = Entry(
        ref=head.ref,
        mode=head.mode,
        manage=head.manage,
        type=channel_type,
        address=address,
        state=state,
        skip_confirmation=skip,
        reason=reason,
        where=spot.where,
        phone_region=terms.phone_region,
    )
    yield from check_entry(entry, type_field=fields.spot("type").path, address_field=fields.spot("address").path)
    yield entry


def _unsaid(fields: Fields, head: UserHead, spot: Spot) -> Iterator[Problem]:
    """An exact user has to say what it wants: nothing at all is said by an empty list, not by silence."""
    if "channels" in fields or not fields.readable:
        return
    if head.mode is Mode.EXACT:
        yield spot.problem("mode exact needs channels", "Write channels: [] to delete every managed channel")
    elif "absent" not in fields:
        yield Problem(
            where=spot.where,
            field=spot.path,
            what="the user asks for nothing",
            hint="Give channels or absent",
            severity=Severity.WARNING,
        )


# --- Fields of a user and of the defaults ---------------------------------------------------------------


def mode_of(value: Value) -> Mode:
    """A mode.

    Raises:
        DocumentError: none.
    """
    word = text(value)
    try:
        return Mode(word)
    except ValueError:
        hint = did_you_mean(word, list(Mode)) or f"Write {' or '.join(Mode)}"
        raise DocumentError(f"{shown(word)} is no mode", hint=hint) from None


def manage_of(value: Value) -> frozenset[str]:
    """The types that may be touched.

    Raises:
        DocumentError: no list of types, or an empty one.
    """
    types = frozenset(_type(item) for item in items_of(value))
    if not types:
        raise DocumentError("must name a type", hint="Write [email], or leave it out")
    return types


def manage_warnings(fields: Fields) -> Iterator[Problem]:
    """That push in `manage` is never touched all the same."""
    manage = fields.value("manage")
    if isinstance(manage, list) and PUSH in manage:
        spot = fields.spot("manage")
        what = "push channels are never touched"
        yield Problem(where=spot.where, field=spot.path, what=what, severity=Severity.WARNING)


def _type(value: Value) -> str:
    return type_named(text(value))

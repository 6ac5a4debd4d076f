"""`export`: the mirror as a desired state, now or as it was, or only what has been lost since.

Planning the export of the present changes nothing; planning what is missing gives it back.
"""

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from sync_worker.channels import RefKind, UserRef, by_id
from sync_worker.desired.entries import Terms
from sync_worker.desired.model import ACTIVE, DesiredUser, Mode, Wish
from sync_worker.desired.rules import writable
from sync_worker.errors import SourceError, UsageError
from sync_worker.mirror.database import Database
from sync_worker.mirror.export import ExportedChannel, Selection, channels
from sync_worker.mirror.readback import find_users
from sync_worker.users.refs import reference
from sync_worker.users.specs import NamedSpec, Spec

TERMS: Final = Terms(mode=Mode.ADD, manage=frozenset({"email", "sms"}))
"""What holds for every exported user."""


@dataclass(slots=True, kw_only=True)
class Exported:
    """Counts of an export; only ever up."""

    users: int = 0
    channels: int = 0
    sms: int = 0  # of them
    unwritable: int = 0  # channels that no document can hold
    gone: int = 0  # users whom Canvas does not know any more: nothing can be given back to them


async def export(
    database: Database, instance: str, selection: Selection, exported: Exported, phone_region: str | None = None
) -> AsyncGenerator[DesiredUser]:
    """The users with their channels in order of id; memory stays flat."""
    group: list[ExportedChannel] = []
    async with aclosing(channels(database, instance, selection)) as found:
        async for channel in found:
            if group and group[0].user_id != channel.user_id:
                for user in _user(group, selection, exported, phone_region):
                    yield user
                group = []
            group.append(channel)
    if group:
        for user in _user(group, selection, exported, phone_region):
            yield user


def _user(
    group: list[ExportedChannel], selection: Selection, exported: Exported, phone_region: str | None
) -> Iterator[DesiredUser]:
    """The user of these channels, if there is anything to say."""
    if selection.only_missing and group[0].user_state == "gone":
        exported.gone += 1
        return
    wishes = [replace(_wish(channel), phone_region=phone_region) for channel in group]
    present = {wish.key: wish for wish in reversed(wishes) if writable(wish)}
    exported.unwritable += sum(not writable(wish) for wish in wishes)
    if present:
        exported.users += 1
        exported.channels += len(present)
        exported.sms += sum(wish.type == "sms" for wish in present.values())
        yield DesiredUser(
            user_id=group[0].user_id,
            ref=_ref(group[0]),
            mode=TERMS.mode,
            manage=TERMS.manage,
            present=tuple(reversed(present.values())),
            phone_region=phone_region,
        )


def _wish(channel: ExportedChannel) -> Wish:
    """The channel; an address that nobody has confirmed is not confirmed by the way."""
    return Wish(type=channel.type, address=channel.address, skip_confirmation=channel.workflow_state == ACTIVE)


def _ref(channel: ExportedChannel) -> UserRef:
    """The SIS id, if the mirror has one that a document can hold; else the number."""
    sis = channel.sis_user_id
    if sis is None:
        return by_id(channel.user_id)
    try:
        ref = reference(RefKind.SIS, sis, "")
    except SourceError:
        return by_id(channel.user_id)
    return ref if ref.value == sis else by_id(channel.user_id)


async def named_users(database: Database, instance: str, specs: Iterable[Spec]) -> tuple[int, ...]:
    """The numbers of users that the mirror knows.

    Raises:
        UsageError: a spec that names no single users, or a user whom the mirror does not know, or knows twice.
    """
    found: dict[int, None] = {}
    for spec in specs:
        if not isinstance(spec, NamedSpec) or spec.refs[0].kind is RefKind.SELF:
            hint = "Write id:N,N… or sis:ID,ID…; without --users everybody is exported"
            raise UsageError(f"export --users {spec.text} is not available in this version", hint=hint)
        for ref in spec.refs:
            rows = await find_users(database, instance, ref)
            if len(rows) != 1:
                known = "no user" if not rows else f"{len(rows)} users"
                raise UsageError(f"the mirror has {known} for {ref}", hint="Name the user by the number of Canvas")
            found[rows[0]["id"]] = None
    return tuple(found)

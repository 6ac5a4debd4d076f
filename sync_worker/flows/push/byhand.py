"""`channels create` and `channels delete`: one change that a person asks for, as a plan like any other."""

import hashlib
from dataclasses import dataclass, replace

from sync_worker.canvas.read import read_user
from sync_worker.channels import Channel, Gone, Snapshot, User, UserRef
from sync_worker.desired.diff import UserDiff, deleting_only, diff
from sync_worker.desired.model import PUSH, DesiredUser, Mode, Wish, key_of
from sync_worker.desired.plan import Plan, Source, planned
from sync_worker.errors import NotFound, RequestFailed, Trouble, UsageError
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.waiting.outage import unreachable
from sync_worker.mirror.forgotten import forgotten


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A channel to create."""

    type: str
    address: str
    skip_confirmation: bool


async def plan_create(rooms: Rooms, ref: UserRef, wanted: Wanted) -> Plan:
    """Plan one create; empty where the user has that address already.

    Raises:
        UsageError: Canvas knows no such user, or does not let this token read it, or it was forgotten.
        TokenRefused, Unreachable: Canvas cannot be asked.
    """
    user, snapshot = await _user(rooms, ref)
    region = rooms.instance.phone_region
    wish = Wish(
        type=wanted.type,
        address=wanted.address,
        skip_confirmation=wanted.skip_confirmation,
        phone_region=region,
    )
    desired = replace(_desired(ref, user, wish), present=(wish,))
    return _plan(rooms, diff(desired, snapshot.channels), snapshot, f"channels create {ref} {wanted.type}")


async def plan_delete(rooms: Rooms, ref: UserRef, channel: str) -> Plan:
    """Plan one delete.

    Args:
        rooms: of the instance.
        ref: whose channel.
        channel: its number, or its address.

    Raises:
        UsageError: there is no such user or channel, or several have that address.
        TokenRefused, Unreachable: Canvas cannot be asked.
    """
    user, snapshot = await _user(rooms, ref)
    region = rooms.instance.phone_region
    found = _find(snapshot, channel, ref, region)
    if found.type == PUSH:
        raise UsageError("a push device is removed by its token", hint="See: sync-worker channels delete-push --help")
    wish = Wish(type=found.type, address=found.address, phone_region=region)
    desired = replace(_desired(ref, user, wish), absent=(wish,))
    deletes = deleting_only(diff(desired, snapshot.channels), {found.id})
    return _plan(rooms, deletes, snapshot, f"channels delete {ref} {found.id}")


async def _user(rooms: Rooms, ref: UserRef) -> tuple[User, Snapshot]:
    try:
        user = await rooms.client.get_user(ref)
    except Trouble as error:
        raise unreachable(error, rooms.instance.origin) from error
    except NotFound as error:
        raise UsageError(f"Canvas knows no user {ref}", where=rooms.instance.origin) from error
    except RequestFailed as error:
        raise UsageError(f"user {ref} cannot be read: {error}", where=rooms.instance.origin) from error
    if user.id in await forgotten(rooms.database, rooms.instance.name):
        hint = "To keep the person's channels again: sync-worker forget USER --until-next-run"
        raise UsageError(f"user {user.id} was forgotten, and a journal would keep what is changed", hint=hint)
    outcome = await read_user(rooms.client, rooms.clock, user.id)
    if isinstance(outcome, Snapshot):
        return user, outcome
    why = "Canvas does not know this user" if isinstance(outcome, Gone) else outcome.message
    raise UsageError(f"the channels of user {user.id} cannot be read: {why}", where=rooms.instance.origin)


def _find(snapshot: Snapshot, channel: str, ref: UserRef, region: str | None) -> Channel:
    named = [each for each in snapshot.channels if str(each.id) == channel]
    addressed = [each for each in snapshot.channels if each.type != PUSH]
    same = [each for each in addressed if key_of(each.type, each.address, region) == key_of(each.type, channel, region)]
    found = named or [each for each in same if each.address == channel] or same
    if len(found) == 1:
        return found[0]
    what = "no channel" if not found else f"{len(found)} channels"
    raise UsageError(
        f"user {ref} has {what} {channel}", hint="Name it by its number: see sync-worker channels list USER"
    )


def _desired(ref: UserRef, user: User, wish: Wish) -> DesiredUser:
    """One user of whom nothing is wanted yet; only the type of the wish may be touched."""
    return DesiredUser(
        user_id=user.id, ref=ref, mode=Mode.ADD, manage=frozenset({wish.type}), phone_region=wish.phone_region
    )


def _plan(rooms: Rooms, found: UserDiff, snapshot: Snapshot, what: str) -> Plan:
    return Plan(
        instance=rooms.instance.name,
        origin=rooms.instance.origin,
        made_at=rooms.clock.now(),
        source=Source(document=what, digest=hashlib.sha256(what.encode()).hexdigest(), users=1),
        users=(planned(found, snapshot.read_at),) if found.changes else (),
        unchanged=0 if found.changes else 1,
        managed_live=found.managed_live,
    )

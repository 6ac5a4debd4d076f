"""Short ways to say channels, wishes, users and plans."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sync_worker.channels import Channel, RefKind, UserRef
from sync_worker.desired.diff import UserDiff, diff
from sync_worker.desired.guards import Allowances, Done, GuardLimits
from sync_worker.desired.model import DesiredUser, Mode, Wish
from sync_worker.desired.plan import Plan, PlannedUser, Source, Suspicion, planned

MORNING = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
NOON = datetime(2026, 3, 2, 12, 0, 5, 250_000, tzinfo=UTC)
EMAIL = frozenset({"email"})
LIMITS = GuardLimits(
    max_creates=500,
    max_deletes=50,
    max_delete_percent=2.0,
    percent_from=200,
    max_deletes_per_user=3,
    max_messages=0,
    keep_last_email=True,
    protect=(),
)
NOTHING_ALLOWED = Allowances()
NOTHING_DONE = Done()


def channel(number: int, address: str, type: str = "email", **more: Any) -> Channel:  # noqa: A002 - Canvas's word
    """A live channel; its number is also its position."""
    facts = {"user_id": 1, "workflow_state": "active", "position": number} | more
    return Channel.model_validate({"id": number, "address": address, "type": type, **facts})


def wish(address: str, type: str = "email", **more: Any) -> Wish:  # noqa: A002 - Canvas's word
    """A wish of the document."""
    return Wish(type=type, address=address, **more)


def wanted(present: Iterable[Wish | str] = (), **more: Any) -> DesiredUser:
    """What is wanted of user 1; strings are e-mail addresses."""
    wishes = tuple(wish(each) if isinstance(each, str) else each for each in present)
    facts: dict[str, Any] = {"user_id": 1, "mode": Mode.ADD, "manage": EMAIL} | more
    facts = {"ref": UserRef(kind=RefKind.SIS, value=f"S{facts['user_id']}"), **facts}
    return DesiredUser(present=wishes, **facts)


def user(
    desired: DesiredUser, live: Iterable[Channel] = (), suspicions: Iterable[Suspicion] = (), read_at: datetime = NOON
) -> PlannedUser:
    """A user as a plan has it."""
    return planned(diff(desired, tuple(live)), read_at, suspicions)


def creating(number: int, creates: int = 1, *, skip_confirmation: bool = True) -> PlannedUser:
    """A user who gets so many addresses."""
    wishes = (wish(f"u{number}.{n}@new.example", skip_confirmation=skip_confirmation) for n in range(creates))
    return user(wanted(wishes, user_id=number))


def deleting(number: int, deletes: int = 1, domain: str = "old.example") -> PlannedUser:
    """A user who keeps the default address and loses so many others."""
    first = number * 1000
    kept = channel(first, f"u{number}@kept.example", user_id=number)
    others = [channel(first + n, f"u{number}.{n}@{domain}", user_id=number) for n in range(1, deletes + 1)]
    return user(wanted(mode=Mode.EXACT, user_id=number, present=[kept.address]), [kept, *others])


def difference(desired: DesiredUser, *live: Channel) -> UserDiff:
    """The diff of a user with these live channels."""
    return diff(desired, live)


def plan(*users: PlannedUser, source: Source | None = None, managed_live: int = 1000, **more: Any) -> Plan:
    """A plan that no guard objects to as a whole."""
    source = source or Source(document="desired.csv", digest="d" * 64, users=max(1, len(users)))
    facts: dict[str, Any] = {
        "instance": "main",
        "origin": "https://school.example",
        "made_at": NOON,
        "unchanged": 0,
    } | more
    return Plan(source=source, users=users, managed_live=managed_live, **facts)

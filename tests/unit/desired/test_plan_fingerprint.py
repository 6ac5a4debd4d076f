"""What makes two plans different."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from sync_worker.channels import RefKind, UserRef
from sync_worker.desired.diff import Kind, Unmanaged
from sync_worker.desired.model import Mode
from sync_worker.desired.plan import Plan, PlannedUser, Suspicion, Warn, fingerprint
from tests.unit.desired.builders import NOON, channel, plan, user, wanted, wish

Edit = Callable[[Plan], Plan]

LIVE = [channel(1, "old@x", last_bounce_at=None), channel(2, "+1", "sms")]
WHOLE = plan(user(wanted(["new@y"], mode=Mode.EXACT), LIVE), user(wanted(["a@x"], user_id=2)))


def of_plan(**facts: object) -> Edit:
    """Another fact of the plan."""
    return lambda whole: replace(whole, **facts)  # type: ignore[arg-type] # the table below names fields


def of_source(**facts: object) -> Edit:
    """Another fact of the document."""
    return lambda whole: replace(whole, source=replace(whole.source, **facts))  # type: ignore[arg-type] # as above


def of_user(edit: Callable[[PlannedUser], PlannedUser]) -> Edit:
    """Another first user."""
    return lambda whole: replace(whole, users=(edit(whole.users[0]), *whole.users[1:]))


def of_diff(**facts: object) -> Edit:
    """Another fact of the first user's diff."""
    return of_user(lambda person: replace(person, diff=replace(person.diff, **facts)))  # type: ignore[arg-type] # as above


def of_desired(**facts: object) -> Edit:
    """Another fact of what is wanted of the first user."""
    return of_diff(desired=replace(WHOLE.users[0].diff.desired, **facts))  # type: ignore[arg-type] # as above


def of_channel(**facts: object) -> Edit:
    """Another fact of the first live channel."""
    return of_diff(live=(LIVE[0].model_copy(update=facts), LIVE[1]))


def of_change(number: int, **facts: object) -> Edit:
    """Another fact of a change of the first user."""
    changes = list(WHOLE.users[0].diff.changes)
    changes[number] = replace(changes[number], **facts)  # type: ignore[arg-type] # as above
    return of_diff(changes=tuple(changes))


def of_an_older_version(person: PlannedUser) -> PlannedUser:
    """A user as a version planned it that did not look at addresses."""
    newer = {Warn.UNUSABLE_ADDRESS, Warn.UNUSABLE_REPLACEMENT}
    return replace(person, warnings=tuple(warn for warn in person.warnings if warn not in newer))


def same(whole: Plan) -> Plan:
    """No edit."""
    return whole


OTHER = [
    of_plan(instance="second"),
    of_plan(origin="https://other.example"),
    of_plan(users=WHOLE.users[:1]),
    of_plan(users=WHOLE.users[::-1]),
    of_source(digest="e" * 64),
    of_desired(user_id=3),
    of_desired(ref=UserRef(kind=RefKind.LOGIN, value="S1")),
    of_desired(ref=UserRef(kind=RefKind.SIS, value="S2")),
    of_desired(phone_region="US"),
    of_diff(live=tuple(LIVE[:1])),
    of_diff(live=tuple(LIVE[::-1])),
    of_channel(id=9),
    of_channel(type="yo"),
    of_channel(address="OLD@x"),
    of_channel(workflow_state="unconfirmed"),
    of_diff(changes=WHOLE.users[0].diff.changes[:1]),
    of_diff(changes=WHOLE.users[0].diff.changes[::-1]),
    of_change(0, kind=Kind.DELETE),
    of_change(0, type="sms"),
    of_change(0, address="NEW@y"),
    of_change(0, skip_confirmation=False),
    of_change(1, channel_id=9),
    of_diff(default_before=None),
    of_diff(default_after="old@x"),
    of_user(lambda person: replace(person, warnings=())),
]
SAME = [
    same,
    of_plan(made_at=NOON + timedelta(days=1)),
    of_plan(unchanged=5),
    of_plan(managed_live=5),
    of_source(document="other name.csv"),
    of_source(users=7, users_before=8, unresolved=("id:9",)),
    of_user(lambda person: replace(person, read_at=NOON + timedelta(days=1))),
    of_user(lambda person: replace(person, suspicions=(Suspicion(channel_id=1, warn=Warn.SIS_REFUSED),))),
    of_desired(ref=UserRef(kind=RefKind.SIS, value="S1", where="line 7")),
    of_desired(mode=Mode.ADD, present=(), manage=frozenset({"sms"})),
    of_channel(position=7),
    of_channel(bounce_count=3, last_bounce_at=NOON),
    of_change(0, where="line 7", reason="because"),
    of_diff(unmanaged=(Unmanaged(wish=wish("+1", "sms"), why="so"),)),
]


@pytest.mark.parametrize("edit", OTHER)
def test_another_fact_is_another_plan(edit: Edit) -> None:
    """What is done, to whom, where, what is assumed, and what that means to people."""
    assert fingerprint(edit(WHOLE)) != fingerprint(WHOLE)


@pytest.mark.parametrize("edit", SAME)
def test_nothing_else_is(edit: Edit) -> None:
    """When it was made, how it is worded, what follows from what is compared already."""
    assert fingerprint(edit(WHOLE)) == fingerprint(WHOLE)


def test_all_those_plans_differ_from_each_other() -> None:
    """No fact slips into the place of another."""
    assert len({fingerprint(edit(WHOLE)) for edit in OTHER}) == len(OTHER)


def test_a_fingerprint_is_the_same_everywhere() -> None:
    """Plans that were saved by an older version are found again: change this only with a new format of plans."""
    assert (
        fingerprint(replace(WHOLE, users=tuple(map(of_an_older_version, WHOLE.users))))
        == "be9dbd49662d109c6b3a3d7bef346133f36d0133fe21334023d1dab8a9dd67ff"
    )

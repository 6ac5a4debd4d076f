"""A plan as JSON is the plan."""

import json
from collections.abc import Callable
from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.channels import Channel
from sync_worker.desired.guards import rule
from sync_worker.desired.model import DesiredUser
from sync_worker.desired.plan import Suspicion, Warn, fingerprint
from sync_worker.desired.render.as_json import plan_from_json, plan_to_json, render
from sync_worker.errors import PlanError
from tests.unit.desired.builders import LIMITS, NOON, NOTHING_ALLOWED, NOTHING_DONE, plan, user
from tests.unit.desired.stories import everything
from tests.unit.desired.strategies import desires, lives

DOUBTS = [Suspicion(channel_id=1, warn=Warn.SIS_REFUSED), Suspicion(channel_id=2, warn=Warn.SIS_REAPPEARED)]
DAMAGE: list[Callable[[dict[str, Any]], object]] = [
    lambda content: content.pop("users"),
    lambda content: content.pop("source"),
    lambda content: content.update(users=[1]),
    lambda content: content.update(users=None),
    lambda content: content.update(managed_live="many"),
    lambda content: content.update(made_at="yesterday"),
    lambda content: content["users"][0].update(warnings=["unheard_of"]),
    lambda content: content["users"][0].update(warnings=[5]),
    lambda content: content["users"][0]["diff"]["changes"][0].update(kind="transmogrify"),
    lambda content: content["users"][0]["diff"]["live"][0].pop("id"),
]
TAMPERING: list[Callable[[dict[str, Any]], object]] = [
    lambda content: content.update(id="0" * 64),
    lambda content: content.update(instance="other"),
    lambda content: content["users"].pop(),
    lambda content: content["users"][0].update(warnings=[]),
    lambda content: content["users"][0]["diff"]["changes"][0].update(address="mine@evil.example"),
    lambda content: content["users"][0]["diff"]["changes"][1].update(channel_id=99),
]


@settings(deadline=None)
@given(desires(), lives(), st.booleans())
def test_what_was_written_is_read(desired: DesiredUser, live: tuple[Channel, ...], ruled: bool) -> None:  # noqa: FBT001 - drawn
    """plan_from_json(plan_to_json(p)) == p; a ruling beside it changes nothing."""
    whole = plan(user(desired, live, DOUBTS))
    text = render(whole, rule(whole, LIMITS, NOTHING_ALLOWED, NOTHING_DONE)) if ruled else plan_to_json(whole)
    again = plan_from_json(text)
    assert again == whole
    assert fingerprint(again) == fingerprint(whole)
    assert plan_to_json(again) == plan_to_json(whole)


def test_everything_is_read_again() -> None:
    """Bytes too; and what Canvas left out of a channel is still left out, which is not null."""
    whole, ruling = everything()
    again = plan_from_json(render(whole, ruling).encode())
    assert again == whole
    seen = [channel.model_fields_set for person in whole.users for channel in person.diff.live]
    assert [channel.model_fields_set for person in again.users for channel in person.diff.live] == seen


def test_a_moment_is_a_moment_in_any_zone() -> None:
    """Microseconds are kept."""
    whole = plan(made_at=NOON.astimezone(timezone(timedelta(hours=5, minutes=30))))
    assert plan_from_json(plan_to_json(whole)).made_at == NOON


def test_the_order_is_stable() -> None:
    """Sets are sorted: the same plan is the same text on every machine."""
    one, other = (
        plan(user(DesiredUser(user_id=1, ref=person.ref, mode=person.mode, manage=frozenset(types))))
        for types in (["sms", "email", "yo"], ["yo", "email", "sms"])
        for person in [everything()[0].users[0].diff.desired]
    )
    assert plan_to_json(one) == plan_to_json(other)
    assert json.loads(plan_to_json(one))["users"][0]["diff"]["desired"]["manage"] == ["email", "sms", "yo"]


def test_what_is_added_for_convenience_is_not_read() -> None:
    """Totals are counted, and rulings made anew."""
    content = json.loads(plan_to_json(everything()[0]))
    content["totals"]["creates"] = 0
    content["ruling"] = content["of the future"] = "anything"
    assert plan_from_json(json.dumps(content)) == everything()[0]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_plan_is_refused(damage: Callable[[dict[str, Any]], object]) -> None:
    """One line, and what to do; the addresses in it are not repeated."""
    content = json.loads(plan_to_json(everything()[0]))
    damage(content)
    with pytest.raises(PlanError, match="cannot be read") as refused:
        plan_from_json(json.dumps(content))
    assert "@" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("tampering", TAMPERING)
def test_a_changed_plan_is_refused(tampering: Callable[[dict[str, Any]], object]) -> None:
    """Approved is what was reviewed, not what a file was made into."""
    content = json.loads(plan_to_json(everything()[0]))
    tampering(content)
    with pytest.raises(PlanError, match="changed after it was made"):
        plan_from_json(json.dumps(content))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no plan"),
        ("{", "no plan"),
        (b"\xff\xfe\xfa", "no plan"),
        ("[" * 100_000, "no plan"),
        ("[]", "no plan"),
        ("{}", "no plan"),
        ('{"format": "sync-worker plan", "version": 1}', "no plan"),
        ('{"format": "sync-worker plan", "id": "x", "version": 2}', "version 2"),
        ('{"format": "sync-worker plan", "id": "x"}', "version None"),
    ],
)
def test_what_is_no_plan_is_refused(text: str | bytes, what: str) -> None:
    """With a hint how to make one."""
    with pytest.raises(PlanError, match=what) as refused:
        plan_from_json(text)
    assert refused.value.hint
    assert refused.value.exit_code == 2

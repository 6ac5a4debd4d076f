"""What a diff does with each kind of wish."""

import pytest

from sync_worker.channels import Channel
from sync_worker.desired.diff import Change, Kind, UserDiff
from sync_worker.desired.model import Mode
from tests.unit.desired.builders import MORNING, channel, difference, wanted, wish

BOTH = frozenset({"email", "sms"})
OLD, NEW = channel(1, "Old@x.example"), "new@y.example"


def done(found: UserDiff) -> list[str]:
    """Changes as `+a@x` and `-b@x`."""
    return [("+" if change.kind is Kind.CREATE else "-") + change.address for change in found.changes]


def test_add_only_creates() -> None:
    """What is not listed stays."""
    assert done(difference(wanted([NEW]), OLD)) == [f"+{NEW}"]


def test_exact_deletes_what_is_not_listed_as_canvas_writes_it() -> None:
    """Creates first; the old one is replaced."""
    found = difference(wanted([wish(NEW, reason="moved", where="f:2")], mode=Mode.EXACT), OLD)
    create = Change(kind=Kind.CREATE, user_id=1, type="email", address=NEW, reason="moved", where="f:2")
    delete = Change(kind=Kind.DELETE, user_id=1, type="email", address="Old@x.example", channel_id=1, replaced=True)
    assert found.changes == (create, delete)


@pytest.mark.parametrize("mode", Mode)
def test_absent_deletes_in_any_mode(mode: Mode) -> None:
    """The entry says why."""
    found = difference(wanted(absent=(wish("OLD@X.example", reason="gone", where="f:9"),), mode=mode), OLD)
    assert found.changes == (
        Change(
            kind=Kind.DELETE, user_id=1, type="email", address=OLD.address, channel_id=1, reason="gone", where="f:9"
        ),
    )


def test_absent_of_what_is_not_there_does_nothing() -> None:
    """It is as wanted."""
    assert not difference(wanted(absent=(wish("other@x"),)), OLD).changes


def test_another_case_is_no_change() -> None:
    """Canvas compares by lower case."""
    assert not difference(wanted(["oLD@x.EXAMPLE"], mode=Mode.EXACT), OLD).changes


def test_what_is_there_unconfirmed_is_there() -> None:
    """The state of a channel is no part of a wish."""
    assert not difference(wanted(["a@x"], mode=Mode.EXACT), channel(1, "a@x", workflow_state="unconfirmed")).changes


def test_all_channels_of_a_key_go() -> None:
    """Users from before the rule may have two."""
    assert done(difference(wanted(mode=Mode.EXACT), channel(1, "a@x"), channel(2, "A@x"))) == ["-a@x", "-A@x"]


def test_skip_confirmation_is_the_wish_s() -> None:
    """So is who gets a message."""
    assert not difference(wanted([wish(NEW, skip_confirmation=False)])).changes[0].skip_confirmation


def test_replaced_is_of_the_same_type() -> None:
    """A new e-mail does not replace a telephone."""
    found = difference(wanted([NEW], mode=Mode.EXACT, manage=BOTH), OLD, channel(2, "+1 555", "sms"))
    assert [(change.type, change.replaced) for change in found.changes] == [
        ("email", False),
        ("email", True),
        ("sms", False),
    ]


@pytest.mark.parametrize("mode", Mode)
def test_push_is_never_touched(mode: Mode) -> None:
    """Not even where `manage` names it; a wish for it is said."""
    desired = wanted([wish("All", "push")], absent=(wish("Phone", "push"),), mode=mode, manage=frozenset({"push"}))
    found = difference(desired, channel(1, "Phone", "push"))
    assert not found.changes
    assert [left.why for left in found.unmanaged] == ["push channels are never touched"] * 2
    assert found.managed_live == 0


def test_what_is_outside_manage_is_said_and_left() -> None:
    """Present and absent alike."""
    desired = wanted([wish("+1", "sms")], absent=(wish("+2", "sms"), wish("x", "email")), mode=Mode.EXACT)
    found = difference(desired, channel(2, "+2", "sms"))
    assert not found.changes
    assert [(left.wish.address, left.why) for left in found.unmanaged] == [
        ("+1", "type sms is not in manage"),
        ("+2", "type sms is not in manage"),
    ]


def test_managed_live_counts_what_may_be_touched() -> None:
    """The base of the percentage guard."""
    live = [channel(1, "a@x"), channel(2, "+1", "sms"), channel(3, "All", "push"), channel(4, "b", "slack")]
    assert difference(wanted(manage=BOTH | {"push"}), *live).managed_live == 2


def default_of(found: UserDiff) -> tuple[str | None, str | None]:
    """Before and after."""
    return found.default_before, found.default_after


@pytest.mark.parametrize(
    ("present", "live", "default", "changes"),
    [
        ([NEW], [OLD], (OLD.address, NEW), True),
        ([], [OLD], (OLD.address, None), True),
        ([], [], (None, None), False),
        ([NEW], [], (None, NEW), False),  # there was none
        ([wish(NEW, skip_confirmation=False)], [OLD], (OLD.address, None), True),  # until the person confirms
        (["b@x"], [channel(1, "a@x"), channel(2, "b@x")], ("a@x", "b@x"), True),
        (["a@x"], [channel(1, "a@x"), channel(2, "b@x")], ("a@x", "a@x"), False),
        (["a@x"], [channel(1, "A@x"), channel(2, "a@x")], ("A@x", "A@x"), False),
        ([OLD.address, NEW], [channel(1, OLD.address, position=2**31 - 1)], (OLD.address,) * 2, False),
        ([OLD.address, NEW], [channel(1, OLD.address, position=None)], (OLD.address, NEW), True),  # nulls sort last
    ],
)
def test_the_default_address_before_and_after(
    present: list[str], live: list[Channel], default: tuple[str | None, str | None], *, changes: bool
) -> None:
    """A new one comes last, and counts once it is active."""
    found = difference(wanted(present, mode=Mode.EXACT), *live)
    assert default_of(found) == default
    assert found.changes_default is changes


@pytest.mark.parametrize(
    ("present", "live", "loses"),
    [
        ([], [OLD], True),
        ([NEW], [OLD], False),
        ([wish(NEW, skip_confirmation=False)], [OLD], True),
        ([], [], False),
        ([], [channel(1, "a@x", last_bounce_at=MORNING)], True),  # the bounce may be an old one
        (["b@x"], [channel(1, "a@x", last_bounce_at=MORNING)], False),
        ([], [channel(1, "a@x", workflow_state="unconfirmed")], False),  # nobody was reached before either
        (["b@x"], [channel(1, "a@x"), channel(2, "b@x", workflow_state="unconfirmed")], True),
        (["b@x"], [channel(1, "a@x"), channel(2, "b@x", last_bounce_at=MORNING)], True),
        (["b@x"], [channel(1, "a@x"), channel(2, "b@x")], False),
        (["+1"], [channel(1, "+1", "sms")], False),
    ],
)
def test_losing_the_last_deliverable_email(present: list[str], live: list[Channel], *, loses: bool) -> None:
    """Something was deliverable, or active at least, and nothing is left of it."""
    assert difference(wanted(present, mode=Mode.EXACT), *live).loses_last_email is loses


def test_a_change_has_the_key_of_its_channel() -> None:
    """By which apply finds it again."""
    found = difference(wanted(absent=(wish("old@x.example"),)), OLD)
    assert found.changes[0].key == wish("old@X.example").key

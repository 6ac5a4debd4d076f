"""Laws of bringing live channels to what is desired."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.channels import Channel, by_id
from sync_worker.desired.diff import Kind, diff
from sync_worker.desired.model import DesiredUser, Mode, Wish, default_address, deliverable, key_of
from sync_worker.folding import fold
from tests.property.calls import applied
from tests.unit.desired.strategies import TYPES, desires, lives


@pytest.mark.long
@settings(max_examples=1000, deadline=None)
@given(desires(), lives())
def test_nothing_is_left_to_do_after_the_changes(desired: DesiredUser, live: tuple[Channel, ...]) -> None:
    """Plan, apply, plan: the second one is empty."""
    after = applied(diff(desired, live).changes, live)
    assert diff(desired, after).changes == ()


@settings(deadline=None)
@given(desires(), lives())
def test_the_state_afterwards_is_foretold(desired: DesiredUser, live: tuple[Channel, ...]) -> None:
    """Default address and deliverable addresses are what Canvas makes of the calls."""
    found = diff(desired, live)
    after = applied(found.changes, live)
    default = default_address(after)
    assert found.default_after == (default and default.address)
    assert (found.deliverable_before, found.deliverable_after) == (
        sum(map(deliverable, live)),
        sum(map(deliverable, after)),
    )


def swapped(address: str) -> str:
    """The address in other letters that mean the same, where there are such."""
    other = address.swapcase()
    return other if fold(other) == fold(address) else address


@settings(deadline=None)
@given(lives(), st.sampled_from(Mode))
def test_what_is_there_needs_nothing(live: tuple[Channel, ...], mode: Mode) -> None:
    """diff(a, a) is empty, whatever is managed."""
    present = tuple(Wish(type=channel.type, address=swapped(channel.address)) for channel in live)
    desired = DesiredUser(user_id=1, ref=by_id(1), mode=mode, manage=frozenset(TYPES), present=present)
    assert diff(desired, live).changes == ()


@settings(deadline=None)
@given(desires(), lives())
def test_changes_keep_to_the_rules(desired: DesiredUser, live: tuple[Channel, ...]) -> None:
    """Creates before deletes; nothing outside `manage`, no push; every change is wanted by the document."""
    found = diff(desired, live)
    kinds = [change.kind for change in found.changes]
    assert kinds == sorted(kinds)
    assert {change.type for change in found.changes} <= desired.manage - {"push"}
    present, absent = ({wish.key for wish in wishes} for wishes in (desired.present, desired.absent))
    for change in found.changes:
        if change.kind is Kind.CREATE:
            assert change.key in present
        else:
            assert change.key not in present
            assert change.key in absent or desired.mode is Mode.EXACT


@settings(deadline=None)
@given(desires(), lives())
def test_add_never_deletes_what_is_not_named(desired: DesiredUser, live: tuple[Channel, ...]) -> None:
    """Exact leaves exactly what is listed of the managed types; add leaves the rest besides."""
    after = {
        key_of(c.type, c.address) for c in applied(diff(desired, live).changes, live) if c.type in managed(desired)
    }
    here = {key_of(channel.type, channel.address) for channel in live if channel.type in managed(desired)}
    listed = {wish.key for wish in desired.present if wish.type in managed(desired)}
    named = {wish.key for wish in desired.absent}
    assert after == (listed if desired.mode is Mode.EXACT else here - named | listed)


@settings(deadline=None)
@given(desires(), lives())
def test_replaced_are_the_deletes_with_a_successor(desired: DesiredUser, live: tuple[Channel, ...]) -> None:
    """A delete waits for a create of the same type, and a create never is one."""
    changes = diff(desired, live).changes
    created_types = {change.type for change in changes if change.kind is Kind.CREATE}
    for change in changes:
        assert change.replaced is (change.kind is Kind.DELETE and change.type in created_types)


@settings(deadline=None)
@given(desires(), lives())
def test_every_wish_is_carried_out_or_said(desired: DesiredUser, live: tuple[Channel, ...]) -> None:
    """A wish is managed, or it is among what is outside `manage`."""
    outside = [left.wish for left in diff(desired, live).unmanaged]
    assert outside == [wish for wish in (*desired.present, *desired.absent) if wish.type not in managed(desired)]


def managed(desired: DesiredUser) -> frozenset[str]:
    """What may be touched."""
    return desired.manage - {"push"}

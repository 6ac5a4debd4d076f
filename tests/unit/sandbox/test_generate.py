"""The generated school, and the churn on it."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.sandbox.churn import churn
from sync_worker.sandbox.generate import generate
from sync_worker.sandbox.model import MAX_ID, Json, Kind
from sync_worker.sandbox.school import School


@pytest.fixture(scope="module")
def school() -> School:
    """Two thousand users; not to be changed."""
    return generate(2000, 1)


def dump(school: School) -> dict[int, Json]:
    """All live channels by id."""
    return {channel["id"]: channel for channel in school.live_channels()}


def test_a_seed_gives_the_same_school(school: School) -> None:
    """To the last letter; another seed gives another."""
    again, other = generate(2000, 1), generate(2000, 2)
    assert dump(again) == dump(school) != dump(other)
    assert list(again.user_states()) == list(school.user_states())


def test_a_school_has_as_many_users_as_asked() -> None:
    """None too."""
    assert [len(generate(n, 1).listed(1)) for n in (0, 1, 2, 60)] == [0, 1, 2, 60]


def test_user_ids_have_gaps(school: School) -> None:
    """They begin at 1000."""
    ids = school.listed(1)
    assert ids[0] == 1000
    assert ids == sorted(set(ids))
    assert ids[-1] > 1000 + len(ids)


def test_sub_accounts_have_users(school: School) -> None:
    """The root lists everybody."""
    sizes = [len(school.listed(account)) for account in sorted(school.accounts)]
    assert sizes[0] == 2000
    assert all(100 < size < 2000 for size in sizes[1:])


def test_most_users_have_few_channels(school: School) -> None:
    """About 5 % have none, most have one to three, very few very many."""
    sizes = Counter(len(user.live_channels()) for user in school.users.values())
    assert 60 < sizes[0] < 180
    assert sum(sizes[n] for n in (1, 2, 3)) > 1750
    assert sizes[250] == 2


def test_channel_ids_are_unique_and_some_are_large(school: School) -> None:
    """64 bits, no more."""
    ids = [channel.id for user in school.users.values() for channel in user.channels]
    assert len(ids) == len(set(ids)) == len(school.channels)
    assert max(ids) <= MAX_ID
    assert any(2**40 < i < 2**50 for i in ids)
    assert any(i > 2**62 for i in ids)


def test_live_channels_are_unique_in_each_user(school: School) -> None:
    """Canvas's own rule holds from the beginning."""
    for user in school.users.values():
        keys = [channel.key for channel in user.live_channels()]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("users", [60, 2000])
def test_every_special_case_is_there(users: int) -> None:
    """Also in a small school."""
    school = generate(users, 5)
    channels = list(school.channels.values())
    assert {"email", "sms", "push", "slack", "twitter"} == {channel.type for channel in channels}
    assert {"active", "unconfirmed", "retired"} == {channel.state for channel in channels}
    assert any(channel.position is None for channel in channels)
    assert any(channel.sis_locked for channel in channels)
    assert any(channel.otp for channel in channels)
    assert any(channel.bounce and channel.bounce.count for channel in channels)
    assert any(channel.bounce and channel.bounce.last_transient_bounce_at for channel in channels)
    assert any(not channel.address.isascii() for channel in channels)
    assert 200 <= max(len(channel.address) for channel in channels) <= 250
    assert any(set("/+?%#&") & set(channel.address) for channel in channels if channel.type == "email")
    assert any(not user.name.isascii() for user in school.users.values())
    assert any(user.sis_user_id is None for user in school.users.values())
    assert any(
        "/" in (user.sis_user_id or "") or not (user.sis_user_id or "").isalnum() for user in school.users.values()
    )
    assert max(len(user.channels) for user in school.users.values()) == 250


def test_addresses_are_examples(school: School) -> None:
    """No mail can ever reach anybody."""
    mails = [channel.address for channel in school.channels.values() if channel.type == "email"]
    ends = (".example.com", "@example.com", "@example.net", "@example.org", "@example.edu", ".example.edu")
    assert all(address.endswith(ends) for address in mails)


def test_the_owner_of_the_token_is_ordinary(school: School) -> None:
    """It has at least one active e-mail."""
    first = school.users[1000]
    assert first.live_channels()
    assert all(channel.state == "active" for channel in first.channels)


# --- churn


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.01, 0.6))
def test_the_changes_are_exactly_the_difference(seed: int, fraction: float) -> None:
    """Applying the list of changes to the dump before gives the ids of the dump after, and nothing else differs."""
    school = generate(120, 3)
    before = dump(school)
    changes = churn(school, fraction, seed)
    after = dump(school)
    by_channel = {change.channel_id: change for change in changes if change.channel_id is not None}
    assert len(by_channel) == sum(change.channel_id is not None for change in changes)
    assert {i for i in by_channel if by_channel[i].kind in (Kind.CREATED, Kind.REVIVED)} == after.keys() - before
    assert {i for i in by_channel if by_channel[i].kind is Kind.RETIRED} == before.keys() - after
    differing = {i for i in before.keys() & after if before[i] != after[i]}
    assert differing == {i for i in by_channel if i in before and i in after}


def test_the_same_churn_is_the_same(school: School) -> None:
    """Same school, same seed, same changes."""
    del school
    one, two = generate(300, 1), generate(300, 1)
    assert churn(one, 0.2, 9) == churn(two, 0.2, 9)
    assert churn(generate(300, 1), 0.2, 10) != churn(generate(300, 1), 0.2, 9)


def test_a_large_churn_has_every_kind() -> None:
    """Creates, retirements, revivals, address changes, bounces, confirmations, deleted and merged users."""
    kinds = {change.kind for change in churn(generate(2000, 1), 0.8, 1)}
    assert kinds == set(Kind) - {Kind.USER_ADDED, Kind.USER_RESTORED, Kind.USER_RENAMED}


def test_a_fraction_is_a_fraction() -> None:
    """Of users; nothing for 0, at least one for little, and the spared are left alone."""
    assert churn(generate(300, 1), 0.0, 1) == []
    assert len({change.user_id for change in churn(generate(300, 1), 0.0001, 1)}) == 1
    touched = {change.user_id for change in churn(generate(300, 1), 1.0, 1, spared=(1000,))}
    assert 1000 not in touched
    assert len(touched) > 280
    assert churn(generate(1, 1), 1.0, 1, spared=(1000,)) == []

"""Tokens and counters."""

import pytest

from sync_worker.sandbox import Role
from sync_worker.sandbox.clock import Clock
from sync_worker.sandbox.counters import Counters
from sync_worker.sandbox.tokens import TokenTable


def table() -> TokenTable:
    """One token, `t`."""
    tokens = TokenTable(Clock().monotonic)
    tokens.add("t", role=Role.USER, user_id=5)
    return tokens


def test_a_token_admits_its_owner() -> None:
    """With the role that it has."""
    token = table().admit("t")
    assert token is not None
    assert (token.user_id, token.role) == (5, Role.USER)
    assert table().admit("other") is None


def test_a_revoked_token_admits_nobody() -> None:
    """Until it is renewed."""
    tokens = table()
    tokens.revoke("t")
    assert tokens.admit("t") is None
    tokens.renew("t")
    assert tokens.admit("t") is not None


def test_a_token_expires_after_so_many_requests() -> None:
    """Two work, the third does not."""
    tokens = table()
    tokens.expire_after("t", 2)
    assert [tokens.admit("t") is not None for _ in range(4)] == [True, True, False, False]


def test_the_block_list_does_not_make_a_token_invalid() -> None:
    """The throttle asks it, not the authentication."""
    tokens = table()
    tokens.block("t")
    assert (tokens.is_blocked("t"), tokens.is_blocked("u"), tokens.admit("t") is not None) == (True, False, True)
    tokens.block("t", blocked=False)
    assert not tokens.is_blocked("t")


def test_an_unknown_token_cannot_be_changed() -> None:
    """A test that misspells it should fail."""
    with pytest.raises(KeyError):
        table().revoke("u")


def test_counters_forget_all_but_what_is_open() -> None:
    """A reset in the middle of a request does not lead to negative numbers."""
    counters = Counters()
    counters.opened()
    counters.admitted()
    counters.answered(401)
    counters.channel_lists[5] += 1
    assert counters.as_json()["users_read"] == counters.unauthorised == 1
    counters.reset()
    assert (counters.requests, counters.open, counters.in_flight) == (0, 1, 1)
    assert counters.by_status == counters.channel_lists == {}

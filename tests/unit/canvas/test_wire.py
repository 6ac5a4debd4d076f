"""Bytes of Canvas to values."""

import json
from collections.abc import Callable

import pytest

from sync_worker.canvas import wire
from sync_worker.canvas.answers import Asked
from sync_worker.channels import Channel
from sync_worker.errors import Incomplete, Trouble

ASKED = Asked(method="GET", path="/users/7/communication_channels", by_number=True)
FULL = {
    "id": "10000000000042",
    "user_id": "7",
    "type": "email",
    "address": "a@example.com",
    "workflow_state": "active",
    "position": 1,
    "last_bounce_at": None,
    "created_at": "2026-01-02T03:04:05Z",
    "something_new": {"of": "Canvas"},
}


def channel(channel_id: int, user_id: int = 7, address: str = "a@example.com") -> Channel:
    """A channel with the least that Canvas says."""
    return Channel(id=channel_id, user_id=user_id, type="email", address=address, workflow_state="active")


def test_missing_and_null_are_different_answers() -> None:
    """Missing means "may not be seen"; null means "has none"."""
    [read] = wire.read_channels(json.dumps([FULL]).encode(), ASKED)
    assert read.id == 10_000_000_000_042
    assert "last_bounce_at" in read.model_fields_set
    assert "bounce_count" not in read.model_fields_set


def test_each_reader_reads_its_shape() -> None:
    """Users, one user, an account, a channel, some object."""
    assert wire.read_users(b'[{"id": 1, "login_id": "x"}]', ASKED)[0].login_id == "x"
    assert wire.read_user(b'{"id": "1"}', ASKED).id == 1
    assert wire.read_account(b'{"id": 1, "root_account_id": null, "name": "U"}', ASKED).root_account_id is None
    assert wire.read_channel(json.dumps(FULL).encode(), ASKED).type == "email"
    assert wire.read_anything(b'{"success": true}', ASKED) == {"success": True}


@pytest.mark.parametrize("body", [b"", b"[", b'[{"id":1', b"<html>", b"[]x", b'["\xff"]', b"[" * 10_000])
def test_what_is_no_json_is_trouble(body: bytes) -> None:
    """Cut off, or somebody else's: asking again may help."""
    with pytest.raises(Trouble, match="not complete JSON"):
        wire.read_channels(body, ASKED)


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"null",
        b"[1]",
        b'[{"id": "1"}]',
        json.dumps([FULL | {"id": "0"}]).encode(),
        json.dumps([FULL | {"id": "9223372036854775808"}]).encode(),
        json.dumps([FULL | {"created_at": "yesterday"}]).encode(),
        json.dumps([FULL | {"address": None}]).encode(),
        json.dumps([FULL, FULL | {"user_id": "none"}]).encode(),
    ],
)
def test_json_of_another_shape_is_incomplete_and_quotes_nobody(body: bytes) -> None:
    """Never a shorter list, and no address in the message."""
    with pytest.raises(Incomplete, match="another shape") as caught:
        wire.read_channels(body, ASKED)
    assert "a@example.com" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nul_passes_for_the_mirror_replaces_it() -> None:
    """Canvas can hold a NUL, PostgreSQL cannot: that is the mirror's business (`mirror/text.py`)."""
    (channel,) = wire.read_channels(json.dumps([FULL | {"address": "a\0b"}]).encode(), ASKED)
    assert channel.address == "a\0b"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1042", 1042),
        ("1~1042", 10_000_000_001_042),
        ("922337~2036854775807", 9_223_372_036_854_775_807),
        ("922337~2036854775808", None),
        ("9223372036854775808", None),
        ("1~10000000000000", None),
        ("0", None),
        ("007", None),
        ("1~", None),
        ("~1", None),
        ("1~2~3", None),
        ("-1", None),
        ("\u0661", None),
        ("9" * 5_000, None),
        ("", None),
    ],
)
def test_numbers_of_users_are_read_in_both_forms(text: str, number: int | None) -> None:
    """Local, or shard ~ local; never by guessing."""
    assert wire.number_of(text) == number


def test_channels_of_the_asked_user_pass_in_either_form() -> None:
    """Canvas may answer with the global id where the local one was asked."""
    wire.check_owner([channel(1, 7), channel(2, 10_000_000_000_007)], 7, ASKED)
    wire.check_owner([channel(1, 8), channel(2, 8)], None, ASKED)
    wire.check_owner([], 7, ASKED)


@pytest.mark.parametrize(("user_id", "owners"), [(7, [7, 8]), (None, [7, 8]), (7, [20_000_000_000_008])])
def test_somebody_elses_channel_spoils_the_read(user_id: int | None, owners: list[int]) -> None:
    """An answer about another person is no answer about this one."""
    with pytest.raises(Incomplete, match="belongs to user"):
        wire.check_owner([channel(n, owner) for n, owner in enumerate(owners, 1)], user_id, ASKED)


def test_a_channel_seen_on_two_pages_is_one() -> None:
    """The later sight wins, the first place stays."""
    pages = [channel(1), channel(2), channel(1, address="new@example.com")]
    assert [(c.id, c.address) for c in wire.merged(pages)] == [(1, "new@example.com"), (2, "a@example.com")]


READERS: list[Callable[[bytes, Asked], object]] = [
    wire.read_channels,
    wire.read_channel,
    wire.read_users,
    wire.read_user,
    wire.read_account,
    wire.read_anything,
]


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_tells_trouble_from_incomplete(reader: Callable[[bytes, Asked], object]) -> None:
    """The same two errors everywhere."""
    with pytest.raises(Trouble):
        reader(b"<", ASKED)
    with pytest.raises(Incomplete):
        reader(b"1", ASKED)

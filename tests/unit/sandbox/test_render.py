"""Objects as the server sends them."""

import json

from sync_worker.sandbox.model import Bounce, Channel, User
from sync_worker.sandbox.render import channel_json, dump, instant, user_json, with_string_ids

CHANNEL = Channel(
    id=16,
    user_id=1,
    type="email",
    address="sheldon@caltech.example.com",
    created_at=1_400_000_000,
    position=1,
    bounce=Bounce(count=2, last_bounce_at=1_500_000_000, last_bounce_summary="550"),
)
PLAIN = ["id", "created_at", "position", "user_id", "workflow_state", "address", "type"]
BOUNCES = [
    "last_bounce_at",
    "last_bounce_summary",
    "last_transient_bounce_at",
    "last_transient_bounce_summary",
    "last_suppression_bounce_at",
]


def test_bounce_fields_are_for_those_who_may_see_them() -> None:
    """Missing is not the same as null."""
    assert list(channel_json(CHANNEL, bounces=False, bounce_count=True)) == PLAIN
    assert list(channel_json(CHANNEL, bounces=True, bounce_count=False)) == PLAIN + BOUNCES
    full = channel_json(CHANNEL, bounces=True, bounce_count=True)
    assert list(full) == [*PLAIN, *BOUNCES, "bounce_count"]
    assert (full["bounce_count"], full["last_bounce_at"]) == (2, "2017-07-14T02:40:00Z")
    assert full["last_transient_bounce_at"] is None


def test_times_are_iso_8601_in_utc() -> None:
    """Without fractions; null stays null."""
    assert (instant(0), instant(None)) == ("1970-01-01T00:00:00Z", None)


def test_ids_can_be_strings() -> None:
    """Ids alone; a null stays null."""
    shown = with_string_ids({"id": 16, "user_id": 1, "position": 1, "sis_user_id": "S1", "root_account_id": None})
    assert shown == {"id": "16", "user_id": "1", "position": 1, "sis_user_id": "S1", "root_account_id": None}


def test_identifiers_are_for_administrators() -> None:
    """And an e-mail only where it is asked for: the active one with the lowest position."""
    user = User(id=1, account_id=1, name="Ada King Lovelace", created_at=0, sis_user_id="S1", channels=[CHANNEL])
    assert list(user_json(user, admin=False)) == ["id", "name", "created_at", "sortable_name", "short_name"]
    full = user_json(user, admin=True, email=True)
    assert full["sortable_name"] == "Lovelace, Ada King"
    assert (full["sis_user_id"], full["login_id"], full["email"]) == ("S1", None, CHANNEL.address)


def test_json_is_compact_and_keeps_unicode() -> None:
    """As Ruby writes it."""
    assert dump({"a": "ü", "b": [1]}) == '{"a":"ü","b":[1]}'
    assert json.loads(dump({"id": 2**63 - 1})) == {"id": 2**63 - 1}


def test_channels_are_ordered_by_position() -> None:
    """Nulls come last, retired ones never."""

    def at(number: int, position: int | None) -> Channel:
        return Channel(id=number, user_id=1, type="email", address=str(number), created_at=0, position=position)

    channels = [at(1, None), at(2, 3), at(3, 1), at(4, 2)]
    channels[3].state = "retired"
    user = User(id=1, account_id=1, name="A", created_at=0, channels=channels)
    assert [channel.id for channel in user.live_channels()] == [3, 2, 1]

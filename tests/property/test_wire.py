"""Laws of reading Canvas's bytes."""

import json

from hypothesis import given
from hypothesis import strategies as st

from sync_worker.canvas import wire
from sync_worker.canvas.answers import Asked
from sync_worker.channels import MAX_ID, Channel
from sync_worker.errors import Incomplete, Trouble

ASKED = Asked(method="GET", path="/x")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["id", "user_id", "type"]) | st.text(), inner),
)
CHANNELS = st.builds(
    Channel,
    id=st.integers(1, MAX_ID),
    user_id=st.integers(1, MAX_ID),
    type=st.sampled_from(["email", "sms", "push", "yo"]),
    address=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    workflow_state=st.sampled_from(["active", "unconfirmed"]),
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_values_or_one_of_two_errors(body: bytes) -> None:
    """The edge of the program: nothing else may come out."""
    for read in (wire.read_channels, wire.read_users, wire.read_account, wire.read_anything):
        try:
            read(body, ASKED)
        except (Trouble, Incomplete):
            continue


@given(st.lists(CHANNELS))
def test_what_canvas_wrote_is_read(channels: list[Channel]) -> None:
    """read(write(channels)) == channels, with ids as strings."""
    rows = [c.model_dump(exclude_unset=True) | {"id": str(c.id), "user_id": str(c.user_id)} for c in channels]
    assert wire.read_channels(json.dumps(rows).encode(), ASKED) == channels


@given(st.lists(CHANNELS))
def test_merging_is_idempotent_and_loses_no_id(channels: list[Channel]) -> None:
    """merged(merged(x)) == merged(x)."""
    once = wire.merged(channels)
    assert wire.merged(once) == once
    assert {c.id for c in once} == {c.id for c in channels}

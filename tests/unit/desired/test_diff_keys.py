"""By what channels are compared, and which of them mail goes to."""

from typing import Any

import pytest

from sync_worker.channels import Channel
from sync_worker.desired.model import ChannelKey, default_address, deliverable, key_of
from tests.unit.desired.builders import MORNING, channel


def test_keys_are_of_type_and_folded_address() -> None:
    """The same address may be an e-mail and something else."""
    assert key_of("email", "A@x") == key_of("email", "a@X") == ChannelKey("email", "a@x")
    assert key_of("email", "a@x") != key_of("yo", "a@x")


@pytest.mark.parametrize(
    ("facts", "reaches"),
    [
        ({}, True),
        ({"workflow_state": "unconfirmed"}, False),
        ({"workflow_state": "retired"}, False),
        ({"last_bounce_at": MORNING}, False),  # one hard bounce is enough for Canvas to stop
        ({"last_transient_bounce_at": MORNING}, True),
        ({"bounce_count": 0}, True),
    ],
)
def test_deliverable_is_active_without_a_hard_bounce(facts: dict[str, Any], *, reaches: bool) -> None:
    """Whether Canvas sends mail there."""
    assert deliverable(channel(1, "a@x", **facts)) is reaches


def test_only_email_is_deliverable() -> None:
    """A text message is no mail."""
    assert not deliverable(channel(1, "+1 555", "sms"))


@pytest.mark.parametrize(
    ("channels", "number"),
    [
        ([], None),
        ([channel(1, "a@x"), channel(2, "b@x")], 1),
        ([channel(1, "a@x", position=2), channel(2, "b@x", position=1)], 2),
        ([channel(1, "a@x", position=None), channel(2, "b@x", position=2**31 - 1)], 2),
        ([channel(2, "a@x", position=None), channel(1, "b@x", position=None)], 1),
        ([channel(2, "a@x", position=1), channel(1, "b@x", position=1)], 1),
        ([channel(1, "a@x", workflow_state="unconfirmed"), channel(2, "b@x")], 2),
        ([channel(1, "+1", "sms"), channel(2, "b@x")], 2),
        ([channel(1, "a@x", last_bounce_at=MORNING), channel(2, "b@x")], 1),  # bouncing or not
        ([channel(1, "+1", "sms")], None),
    ],
)
def test_the_default_is_the_active_email_that_comes_first(channels: list[Channel], number: int | None) -> None:
    """By position; without one it comes last; then by id."""
    found = default_address(tuple(channels))
    assert (found and found.id) == number

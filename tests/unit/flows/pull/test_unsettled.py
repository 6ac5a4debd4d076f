"""What a look at Canvas makes of an action that nobody knows the outcome of."""

from dataclasses import replace

import pytest

from sync_worker.channels import Channel, Gone
from sync_worker.desired.diff import Change
from sync_worker.flows.pull.unsettled import change_of, settled
from sync_worker.mirror.actions import IN_DOUBT, Action, Closing, Status
from tests.unit.desired.builders import NOON, channel
from tests.unit.flows.actions import action, create, delete, seen

STARTED, UNCERTAIN = Status.STARTED, Status.UNCERTAIN
OTHER, OLD = channel(1, "a@x"), channel(7, "old@x")
NEW, UNCONFIRMED = channel(9, "New@X"), channel(9, "new@x", workflow_state="unconfirmed")
CREATE, ASKING, DELETE = action(create()), action(create(skip_confirmation=False)), action(delete())
PUSH = replace(DELETE, kind="delete_push", type="push", address="", channel_id=None)

DELETED = Closing(status=Status.DONE, note="found gone")
UNTOUCHED = Closing(status=Status.PLANNED, note="found untouched")
AGAIN = Closing(status=Status.PLANNED, note="the answer was lost, a look did not find it")
NOT_AGAIN = Closing(
    status=UNCERTAIN,
    note="the answer was lost and a look did not find it; it is not sent again, for a message may have gone out",
    messaged=True,
)
DEVICES = Closing(status=UNCERTAIN, note="the answer was lost; Canvas does not say which devices there are")


def made(*, messaged: bool = False) -> Closing:
    """A create that is there."""
    return Closing(
        status=Status.DONE, note="the answer was lost, a look found it there", channel_id=9, messaged=messaged
    )


@pytest.mark.parametrize(
    ("doubtful", "status", "live", "closing"),
    [
        *((CREATE, status, [OTHER, NEW], made()) for status in (STARTED, UNCERTAIN)),
        *((CREATE, status, [UNCONFIRMED], made(messaged=True)) for status in (STARTED, UNCERTAIN)),
        *((CREATE, status, [OTHER], AGAIN) for status in (STARTED, UNCERTAIN)),
        *((CREATE, status, [], AGAIN) for status in (STARTED, UNCERTAIN)),
        *((ASKING, status, [NEW], made()) for status in (STARTED, UNCERTAIN)),
        *((ASKING, status, [UNCONFIRMED], made(messaged=True)) for status in (STARTED, UNCERTAIN)),
        (ASKING, STARTED, [OTHER], NOT_AGAIN),
        (ASKING, UNCERTAIN, [OTHER], None),
        *((DELETE, status, [OTHER], DELETED) for status in (STARTED, UNCERTAIN)),
        *((DELETE, status, [channel(8, "old@x")], DELETED) for status in (STARTED, UNCERTAIN)),
        *((DELETE, status, [OTHER, OLD], UNTOUCHED) for status in (STARTED, UNCERTAIN)),
        *((DELETE, status, [channel(7, "else@x")], UNTOUCHED) for status in (STARTED, UNCERTAIN)),
        *((PUSH, STARTED, live, DEVICES) for live in ([], [channel(3, "All", "push")])),
        *((PUSH, UNCERTAIN, live, None) for live in ([], [channel(3, "All", "push")])),
    ],
)
def test_what_is_live_settles(doubtful: Action, status: Status, live: list[Channel], closing: Closing | None) -> None:
    """None: it stays in doubt, and that is written down already."""
    assert settled(replace(doubtful, status=status), seen(*live)) == closing


@pytest.mark.parametrize("status", sorted(IN_DOUBT))
@pytest.mark.parametrize(
    ("doubtful", "becomes"), [(CREATE, Status.SKIPPED), (ASKING, Status.SKIPPED), (DELETE, Status.DONE)]
)
def test_who_is_gone_settles(doubtful: Action, becomes: Status, status: Status) -> None:
    """There is nobody to create a channel for, and nothing left to delete."""
    closing = settled(replace(doubtful, status=status), Gone(user_id=1, read_at=NOON))
    assert closing == Closing(status=becomes, note="Canvas does not know this user any more")


@pytest.mark.parametrize(("status", "closing"), [(STARTED, DEVICES), (UNCERTAIN, None)])
def test_a_push_device_stays_in_doubt(status: Status, closing: Closing | None) -> None:
    """Also of a user who is gone."""
    assert settled(replace(PUSH, status=status), Gone(user_id=1, read_at=NOON)) == closing


@pytest.mark.parametrize("change", [create(), create(skip_confirmation=False), delete()])
def test_an_action_gives_its_change_back(change: Change) -> None:
    """As the plan had it; the channel that a create has made is not part of it."""
    there_and_back = change_of(action(change))
    assert there_and_back == change
    assert change_of(action(create(), channel_id=9)) == create()

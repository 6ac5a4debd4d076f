"""What a call came to, by its response and by the read after it."""

from typing import Final

import pytest

from sync_worker.channels import Gone, Snapshot
from sync_worker.desired.diff import Change
from sync_worker.errors import Forbidden, Incomplete, NotFound, Rejected, RequestFailed, Trouble
from sync_worker.flows.push.closing import Response, completed_late, concluded, unread
from sync_worker.mirror.actions import Closing, Status
from tests.unit.desired.builders import NOON, channel
from tests.unit.flows.actions import create, delete, seen


def perhaps(error: RequestFailed) -> RequestFailed:
    """A rejection after an attempt that was sent and lost."""
    error.outcome_unknown = True
    return error


OTHER, OLD = channel(1, "a@x"), channel(7, "old@x")
ACTIVE, UNCONFIRMED = channel(9, "New@X"), channel(9, "new@x", workflow_state="unconfirmed")
NOWHERE = Gone(user_id=1, read_at=NOON)
NO: Final = [Rejected("bad"), Forbidden("bad"), NotFound("bad")]
LOST: Final = [
    Trouble("bad"),
    Incomplete("bad"),
    RequestFailed("bad"),
    perhaps(Rejected("bad")),
    perhaps(NotFound("bad")),
]
SAID: Final = Response(channel=ACTIVE)


def outcome(closing: Closing) -> tuple[Status, int | None, bool]:
    """What counts of it."""
    return closing.status, closing.channel_id, closing.messaged


@pytest.mark.parametrize(
    ("response", "after", "status", "channel_id", "messaged"),
    [
        (SAID, seen(OTHER, ACTIVE), Status.DONE, 9, False),
        (SAID, seen(OTHER, UNCONFIRMED), Status.DONE, 9, True),
        *((Response(error=error), seen(ACTIVE), Status.EXISTED, 9, False) for error in NO),
        *((Response(error=error), seen(UNCONFIRMED), Status.EXISTED, 9, False) for error in NO),
        *((Response(error=error), seen(OTHER), Status.REFUSED, None, False) for error in NO),
        *((Response(error=error), NOWHERE, Status.SKIPPED, None, False) for error in NO),
    ],
    ids=str,
)
@pytest.mark.parametrize("skip_confirmation", [True, False])
def test_a_create_whose_response_and_read_agree(
    response: Response,
    after: Snapshot | Gone,
    status: Status,
    channel_id: int | None,
    *,
    messaged: bool,
    skip_confirmation: bool,
) -> None:
    """Is done, or was rejected: then what is there is somebody else's."""
    closing = concluded(create(skip_confirmation=skip_confirmation), response, after)
    assert outcome(closing) == (status, channel_id, messaged)
    assert closing.rejected is response.rejected


@pytest.mark.parametrize("error", LOST, ids=str)
@pytest.mark.parametrize("after", [seen(OTHER), seen(OTHER, ACTIVE), NOWHERE], ids=["absent", "there", "gone"])
@pytest.mark.parametrize("skip_confirmation", [True, False])
def test_a_create_without_a_response_is_unknown(
    error: RequestFailed, after: Snapshot | Gone, *, skip_confirmation: bool
) -> None:
    """Whatever a read right after it shows: the request may be carried out late, and the read may be stale."""
    closing = concluded(create(skip_confirmation=skip_confirmation), Response(error=error), after)
    assert outcome(closing) == (Status.UNCERTAIN, None, not skip_confirmation)
    assert not closing.rejected


@pytest.mark.parametrize("after", [seen(OTHER), NOWHERE], ids=["absent", "gone"])
def test_a_create_that_canvas_answered_stays_ours(after: Snapshot | Gone) -> None:
    """Its number is kept, although a read does not show it yet."""
    closing = concluded(create(), SAID, after)
    assert outcome(closing) == (Status.UNCERTAIN, 9, False)
    asked = concluded(create(), Response(channel=UNCONFIRMED), after)
    assert asked.messaged, "the answer says that somebody was asked"


def test_a_create_that_canvas_writes_in_another_way() -> None:
    """The channel that Canvas answered with is ours, whatever it made of the address, if a read shows it."""
    rewritten = channel(9, "new@x.example")
    closing = concluded(create(), Response(channel=rewritten), seen(OTHER, rewritten))
    assert (closing.status, closing.channel_id) == (Status.DONE, 9)
    assert closing.note == "Canvas writes the address as new@x.example: write it like that in the desired state"


def test_a_channel_of_another_type_is_not_the_created_one() -> None:
    """Type and address make the key."""
    closing = concluded(create(), Response(channel=channel(12, "new@x")), seen(channel(9, "new@x", "sms")))
    assert closing.status is Status.UNCERTAIN


@pytest.mark.parametrize(
    ("response", "after", "status"),
    [
        (Response(), seen(OTHER), Status.DONE),
        (Response(), seen(OTHER, channel(8, "old@x")), Status.DONE),  # another channel of that address
        (Response(), NOWHERE, Status.DONE),
        *((Response(error=error), seen(OTHER, OLD), Status.REFUSED) for error in NO),
        *((Response(error=error), seen(OTHER), Status.SKIPPED) for error in NO),  # gone, and not by us
        *((Response(error=error), NOWHERE, Status.SKIPPED) for error in NO),
        (Response(), seen(OLD), Status.UNCERTAIN),
        *((Response(error=error), seen(OTHER, OLD), Status.UNCERTAIN) for error in LOST),
        *((Response(error=error), seen(OTHER), Status.UNCERTAIN) for error in LOST),
        *((Response(error=error), NOWHERE, Status.UNCERTAIN) for error in LOST),
    ],
    ids=str,
)
def test_a_delete(response: Response, after: Snapshot | Gone, status: Status) -> None:
    """Done where response and read agree, rejected where Canvas said no to every attempt, unknown otherwise."""
    closing = concluded(delete(), response, after)
    assert outcome(closing) == (status, None, False)
    assert closing.rejected is response.rejected


@pytest.mark.parametrize("change", [create(), create(skip_confirmation=False), delete()])
def test_a_user_who_cannot_be_read_after_the_call(change: Change) -> None:
    """What was clearly rejected was not carried out; the rest is unknown."""
    for error in NO:
        closing = unread(change, Response(error=error))
        assert (closing.status, closing.rejected) == (Status.FAILED, True)
    for error in LOST:
        assert unread(change, Response(error=error)).status is Status.UNCERTAIN
    assert unread(change, Response(channel=UNCONFIRMED)).channel_id == UNCONFIRMED.id


@pytest.mark.parametrize(
    ("change", "now", "channel_id", "messaged"),
    [
        (create(), seen(ACTIVE), 9, False),
        (create(), seen(UNCONFIRMED), 9, True),
        (delete(), seen(OTHER), None, False),
    ],
)
def test_what_comes_late_is_ours(change: Change, now: Snapshot, channel_id: int | None, *, messaged: bool) -> None:
    """A request that was sent before and is found only now is done, so that it can be undone."""
    assert outcome(completed_late(change, now)) == (Status.DONE, channel_id, messaged)

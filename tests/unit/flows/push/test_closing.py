"""What a call came to, by its error and by the read after it."""

import pytest

from sync_worker.channels import Gone, Snapshot
from sync_worker.desired.diff import Change
from sync_worker.errors import Forbidden, Incomplete, NotFound, Rejected, RequestFailed, Trouble
from sync_worker.flows.push.closing import come_late, created, deleted
from sync_worker.mirror.actions import Closing, Status
from tests.unit.desired.builders import NOON, channel
from tests.unit.flows.actions import create, delete, seen

OTHER, OLD = channel(1, "a@x"), channel(7, "old@x")
ACTIVE, UNCONFIRMED = channel(9, "New@X"), channel(9, "new@x", workflow_state="unconfirmed")
NOWHERE = Gone(user_id=1, read_at=NOON)
NO = [Rejected("bad"), Forbidden("bad"), NotFound("bad")]
LOST = [Trouble("bad"), Incomplete("bad"), RequestFailed("bad")]
MADE = "the answer was lost, a look found it there"


def done(note: str | None = None, *, messaged: bool = False) -> Closing:
    """A create that has gone through."""
    return Closing(status=Status.DONE, note=note, channel_id=9, messaged=messaged)


@pytest.mark.parametrize(
    ("error", "after", "closing"),
    [
        (None, seen(OTHER, ACTIVE), done()),
        (None, seen(OTHER, UNCONFIRMED), done(messaged=True)),
        *((error, seen(OTHER, ACTIVE), done(MADE)) for error in LOST),
        *((error, seen(UNCONFIRMED), done(MADE, messaged=True)) for error in LOST),
        *((error, seen(ACTIVE), Closing(status=Status.EXISTED, note="bad", channel_id=9)) for error in NO),
        *((error, seen(UNCONFIRMED), Closing(status=Status.EXISTED, note="bad", channel_id=9)) for error in NO),
        *((error, seen(OTHER), Closing(status=Status.REFUSED, note="bad")) for error in NO),
    ],
    ids=str,
)
@pytest.mark.parametrize("skip_confirmation", [True, False])
def test_a_create(
    error: RequestFailed | None, after: Snapshot | Gone, closing: Closing, *, skip_confirmation: bool
) -> None:
    """What is there counts, not the answer: a refusal of what is there means that it is somebody else's."""
    assert created(create(skip_confirmation=skip_confirmation), error, after) == closing


@pytest.mark.parametrize("error", [None, *NO, *LOST], ids=str)
@pytest.mark.parametrize("skip_confirmation", [True, False])
def test_a_create_of_a_user_who_has_gone(error: RequestFailed | None, *, skip_confirmation: bool) -> None:
    """It is stale; unless Canvas refused it, a message may have gone out before."""
    assert created(create(skip_confirmation=skip_confirmation), error, NOWHERE) == Closing(
        status=Status.SKIPPED,
        note="Canvas does not know this user any more",
        messaged=not skip_confirmation and error not in NO,
    )


def test_a_create_that_canvas_writes_in_another_way() -> None:
    """The channel that Canvas answered with is ours, whatever it made of the address, if a read shows it."""
    rewritten = channel(9, "new@x.example")
    closing = created(create(), None, seen(OTHER, rewritten), rewritten)
    assert (closing.status, closing.channel_id) == (Status.DONE, 9)
    assert closing.note == "Canvas writes the address as new@x.example: write it like that in the desired state"
    assert created(create(), None, seen(OTHER), rewritten).status is Status.UNCERTAIN


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
    assert come_late(change, now) == Closing(
        status=Status.DONE,
        note="the request of an earlier attempt was carried out late",
        channel_id=channel_id,
        messaged=messaged,
    )


@pytest.mark.parametrize(
    ("error", "what"), [(None, "Canvas answered that it is created"), *((error, "bad") for error in LOST)]
)
@pytest.mark.parametrize("skip_confirmation", [True, False])
def test_a_create_that_does_not_show(error: RequestFailed | None, what: str, *, skip_confirmation: bool) -> None:
    """Nobody knows whether it was done; whether a person was told depends on what was asked for."""
    assert created(create(skip_confirmation=skip_confirmation), error, seen(OTHER)) == Closing(
        status=Status.UNCERTAIN,
        note=f"{what}; a look right after it did not find it",
        messaged=not skip_confirmation,
    )


def test_a_channel_of_another_type_is_not_the_created_one() -> None:
    """Type and address make the key."""
    assert created(create(), None, seen(channel(9, "new@x", "sms"))).status is Status.UNCERTAIN


@pytest.mark.parametrize(
    ("error", "after", "status", "note"),
    [
        (None, seen(OTHER), Status.DONE, None),
        (None, seen(OTHER, channel(8, "old@x")), Status.DONE, None),  # another channel of that address
        (None, NOWHERE, Status.DONE, None),
        *((error, seen(OTHER), Status.DONE, "bad; a look found it gone") for error in (*NO, *LOST)),
        *((error, seen(OTHER, OLD), Status.REFUSED, "bad") for error in NO),
        *((error, seen(OTHER, OLD), Status.FAILED, "bad") for error in LOST),
        (None, seen(OLD), Status.FAILED, "Canvas says it is deleted, and still lists it"),
    ],
    ids=str,
)
def test_a_delete(error: RequestFailed | None, after: Snapshot | Gone, status: Status, note: str | None) -> None:
    """What is gone is deleted; what is still there was refused, or may be tried again."""
    assert deleted(delete(), error, after) == Closing(status=status, note=note)

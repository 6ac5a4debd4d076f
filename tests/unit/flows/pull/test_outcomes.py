"""What complete reads say about actions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sync_worker.channels import Channel, Gone
from sync_worker.desired.diff import Change
from sync_worker.flows.pull.outcomes import Look, change_of, contradicted, explained, late, look, settled, unresolved
from sync_worker.mirror.actions import Action, Status
from tests.unit.desired.builders import NOON, channel
from tests.unit.flows.actions import action, create, delete, seen

OTHER, OLD = channel(1, "a@x"), channel(7, "old@x")
NEW, UNCONFIRMED = channel(9, "New@X"), channel(9, "new@x", workflow_state="unconfirmed")
CREATE, ASKING, DELETE = action(create()), action(create(skip_confirmation=False)), action(delete())
ANSWERED = replace(CREATE, channel_id=9)  # Canvas has answered with a number
NOWHERE = Gone(user_id=1, read_at=NOON)


@pytest.mark.parametrize(
    ("what", "live", "effect"),
    [
        (CREATE, [OTHER, NEW], True),
        (CREATE, [UNCONFIRMED], True),
        (CREATE, [OTHER, channel(9, "new@x", "sms")], False),
        (ANSWERED, [channel(9, "written-otherwise@x")], True),
        (ANSWERED, [OTHER], False),
        (DELETE, [OTHER], True),
        (DELETE, [channel(8, "old@x")], True),
        (DELETE, [OTHER, OLD], False),
        (DELETE, [channel(7, "else@x")], False),
    ],
)
def test_a_read_shows_the_effect(what: Action, live: list[Channel], *, effect: bool) -> None:
    """Of a create the channel, by its address or by the number that Canvas gave it; of a delete that it is gone."""
    assert look(what, seen(*live)).effect is effect


def test_of_who_is_gone_nothing_is_there() -> None:
    """There is nobody to create a channel for, and nothing left to delete."""
    assert look(CREATE, NOWHERE) == Look(effect=False, user_gone=True)
    assert look(DELETE, NOWHERE) == Look(effect=True, user_gone=True)


@pytest.mark.parametrize(
    ("what", "live", "status", "channel_id", "messaged"),
    [
        (CREATE, [OTHER, NEW], Status.DONE, 9, False),
        (CREATE, [UNCONFIRMED], Status.DONE, 9, True),
        (CREATE, [OTHER], Status.FAILED, None, False),
        (ANSWERED, [OTHER], Status.DONE, None, False),  # Canvas has said that it is ours
        (ASKING, [UNCONFIRMED], Status.DONE, 9, True),
        (ASKING, [OTHER], Status.SKIPPED, None, True),  # never sent again: a message may have gone out
        (DELETE, [OTHER], Status.DONE, None, False),
        (DELETE, [OTHER, OLD], Status.FAILED, None, False),
    ],
)
def test_two_reads_settle(
    what: Action, live: list[Channel], status: Status, channel_id: int | None, *, messaged: bool
) -> None:
    """What is there is done; what is not may be sent again, but no message twice."""
    closing = settled(what, look(what, seen(*live)))
    assert (closing.status, closing.channel_id, closing.messaged) == (status, channel_id, messaged)


@pytest.mark.parametrize(
    ("what", "status"), [(CREATE, Status.SKIPPED), (ASKING, Status.SKIPPED), (DELETE, Status.DONE)]
)
def test_who_is_gone_settles(what: Action, status: Status) -> None:
    """With the user, whatever was to be done."""
    assert settled(what, look(what, NOWHERE)).status is status


@pytest.mark.parametrize(("live", "channel_id", "messaged"), [(NEW, 9, False), (UNCONFIRMED, 9, True)])
def test_what_comes_late_is_ours(live: Channel, channel_id: int, *, messaged: bool) -> None:
    """So that it can be undone."""
    closing = late(look(CREATE, seen(live)))
    assert (closing.status, closing.channel_id, closing.messaged) == (Status.DONE, channel_id, messaged)
    assert late(look(DELETE, seen(OTHER))).status is Status.DONE


def test_what_stays_unknown_says_whom_to_look_at() -> None:
    """And keeps what is known of messages."""
    closing = unresolved(replace(ASKING, messaged=True))
    assert (closing.status, closing.messaged) == (Status.UNRESOLVED, True)
    assert "user 1" in (closing.note or "")


@pytest.mark.parametrize(
    ("later", "accounts"),
    [
        (action(create("NEW@x"), id=101, started_at=NOON + timedelta(hours=1)), True),
        (action(create("new@x"), id=99, started_at=NOON - timedelta(hours=1)), False),
        (action(create("other@x"), id=101, started_at=NOON + timedelta(hours=1)), False),
        (action(create("new@x", user_id=2), id=101, started_at=NOON + timedelta(hours=1)), False),
        (action(delete("new@x"), id=101, started_at=NOON + timedelta(hours=1)), False),
        (action(create("new@x"), started_at=NOON + timedelta(hours=1)), False),  # the action itself
    ],
)
def test_a_later_action_explains_what_is_there(later: Action, *, accounts: bool) -> None:
    """What looks like a late effect is what another action of ours has done since."""
    assert explained(CREATE, [later]) is accounts


def test_a_read_that_does_not_show_what_was_done_is_stale() -> None:
    """Only the last action on an address says what has to be there."""
    created = action(create(), channel_id=9, status=Status.DONE)
    deleted = action(delete("new@x", channel_id=9), id=101, status=Status.DONE)
    assert contradicted([created], seen(OTHER)) == created
    assert contradicted([created], seen(OTHER, NEW)) is None
    assert contradicted([created, deleted], seen(OTHER)) is None
    assert contradicted([created, deleted], seen(NEW)) == deleted
    assert contradicted([], seen(OTHER)) is None
    assert contradicted([action(create(user_id=2), status=Status.DONE)], seen(OTHER)) is None


@pytest.mark.parametrize("change", [create(), create(skip_confirmation=False), delete()])
def test_an_action_gives_its_change_back(change: Change) -> None:
    """As the plan had it; the channel that a create has made is not part of it."""
    there_and_back = change_of(action(change))
    assert there_and_back == change
    assert change_of(action(create(), channel_id=9)) == create()

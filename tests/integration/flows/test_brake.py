"""Implausible results and the brake: nothing is deleted, and a person has the last word."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from sync_worker.errors import UsageError
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.pending import accept, dismiss
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.stop import Stop
from sync_worker.mirror.candidates import pending
from sync_worker.mirror.database import connect
from sync_worker.mirror.lock import writing
from sync_worker.sandbox import Fault, FaultKind
from tests.integration.flows.harness import Stage

EMPTY_LISTS = Fault(kind=FaultKind.EMPTY_LIST, route="list_channels")


async def accepted(stage: Stage, run_id: int) -> RunReport:
    """`pending accept`, in a context of its own."""

    async def once() -> RunReport:
        async with stage.rooms() as rooms:
            return await accept(rooms, run_id, stop=Stop(), progress=Progress())

    return await asyncio.create_task(once())


async def dismissed(stage: Stage, run_id: int) -> int:
    """`pending dismiss`."""
    async with connect(stage.database_url) as database, writing(database, "main", "test", stage.clock) as writer:
        return await dismiss(database, writer, run_id)


async def test_the_server_lists_nobody(stage: Stage) -> None:
    """An empty listing is no proof of anything: exit 8 with the figures; the users asked singly are still there."""
    await stage.run()
    stage.sandbox.add_fault(Fault(kind=FaultKind.EMPTY_LIST, route="list_users"))
    report = await stage.run()
    assert (report.exit_code, report.status) == (8, "implausible")
    assert "Canvas lists 0 users in account self, and listed 100 last time" in report.findings[0].message
    assert "brake.min_listing_percent = 50" in report.findings[0].message
    assert report.figures.users_missing == 100
    await stage.assert_equal()
    assert await stage.tombstones() == set()


async def test_a_smaller_school_is_the_new_measure_once_a_person_says_so(stage: Stage) -> None:
    """An implausible run does not lower the measure by itself; a run with the option does."""
    await stage.run()
    for user in stage.ids[30:]:
        stage.school.delete_user(user)
    for _ in range(2):
        report = await stage.run(percent_from=10)
        assert report.exit_code == 8
        assert "Canvas lists 30 users in account self, and listed 100 last time" in report.findings[0].message
        assert "option --min-listing" in report.findings[0].message
    said: dict[str, Any] = {"min_listing_percent": 0.0, "max_tombstone_percent": 100.0}
    assert (await stage.run(percent_from=10, settle_held=True, **said)).exit_code == 0
    assert (await stage.run(percent_from=10)).exit_code == 0
    await stage.assert_equal()


async def test_other_sources_do_not_hide_an_empty_listing(stage: Stage) -> None:
    """An account is measured by its own last listing, whatever else is walked with it; and zero is no measure."""
    await stage.run()
    stage.sandbox.add_fault(Fault(kind=FaultKind.EMPTY_LIST, route="list_users"))
    for _ in range(2):
        report = await stage.run("account:self", f"id:{stage.ids[5]}")
        assert (report.exit_code, report.status) == (8, "implausible")
    allowed = await stage.run(min_listing_percent=0.0)
    assert allowed.exit_code == 0
    assert (await stage.run()).exit_code == 8


async def test_accepting_one_run_leaves_the_others_alone(stage: Stage) -> None:
    """A person has spoken about that run only, also where both concern one user."""
    await stage.run()
    user = next(user for user in stage.ids if len(stage.channels_of(user)) > 2)
    first, second, *_ = sorted(stage.channels_of(user))
    held = []
    for channel_id in (first, second):
        stage.school.retire(channel_id)
        report = await stage.run(max_tombstones=0)
        assert report.exit_code == 4
        held.append(report.run_id)
    done = await accepted(stage, held[0])
    assert done.settled.merged.deleted == 1
    assert await stage.tombstones() == {first}


async def test_a_first_run_that_sees_nobody(stage: Stage) -> None:
    """Zero users are a failure."""
    stage.sandbox.add_fault(Fault(kind=FaultKind.EMPTY_LIST, route="list_users"))
    report = await stage.run()
    assert (report.exit_code, report.figures.users_total) == (8, 0)
    assert "no users at all" in report.findings[0].message


async def test_the_listing_and_the_users_are_gone(stage: Stage) -> None:
    """Everybody says 404 after an empty listing, as a restored old database would: all of it waits."""
    await stage.run()
    stage.sandbox.add_fault(Fault(kind=FaultKind.EMPTY_LIST, route="list_users"))
    stage.sandbox.add_fault(
        Fault(
            route="list_channels", status=404, body='{"errors":[{"message":"The specified resource does not exist."}]}'
        )
    )
    report = await stage.run()
    assert report.exit_code == 8
    assert await stage.tombstones() == set()
    assert report.pending == len(stage.truth())
    assert f"pending accept {report.run_id}" in " ".join(finding.message for finding in report.findings)
    stage.sandbox.clear_faults()
    assert (await stage.run()).exit_code == 0
    assert await stage.candidates() == {}
    await stage.assert_equal()


async def test_empty_lists_for_everybody(stage: Stage) -> None:
    """Exit 8; the deletions wait; accepting them deletes only what is really gone."""
    await stage.run()
    really_gone = min(stage.channels_of(stage.ids[33]))
    stage.school.retire(really_gone)
    stage.sandbox.add_fault(EMPTY_LISTS)
    report = await stage.run()
    assert report.exit_code == 8
    message = " ".join(finding.message for finding in report.findings)
    assert "not one channel in the answers for 100 users" in message
    assert f"pending accept {report.run_id}" in message
    assert await stage.tombstones() == set()
    async with connect(stage.database_url) as database:
        (held,) = await pending(database, ["main"])
    assert (held.run_id, held.channels, held.reason) == (report.run_id, len(stage.truth()) + 1, "absent")
    stage.sandbox.clear_faults()
    done = await accepted(stage, report.run_id)
    assert (done.exit_code, done.settled.merged.deleted, done.pending) == (0, 1, 0)
    assert await stage.tombstones() == {really_gone}
    await stage.assert_equal()
    with pytest.raises(UsageError, match="holds no deletions back"):
        await accepted(stage, report.run_id)


@pytest.mark.parametrize(
    ("brake", "option"),
    [
        ({"max_tombstones": 2}, "limit brake.max_tombstones = 2, option --max-tombstones"),
        (
            {"max_tombstone_percent": 0.5},
            "limit brake.max_tombstone_percent = 0.5, option --max-tombstone-percent",
        ),
    ],
)
async def test_the_brake(stage: Stage, brake: dict[str, Any], option: str) -> None:
    """Over the limit nothing at all is deleted: exit 4 with figure, limit and option; everything else is kept.

    What was held back waits for a person, also when a later brake would let it pass.
    """
    await stage.run()
    gone = _retire(stage, 6)
    created = stage.school.create(stage.ids[90], "email", "new@example.com")[0].channel_id
    total = len(stage.truth()) - 1 + len(gone)
    report = await stage.run(**brake)
    assert (report.exit_code, report.status, report.pending) == (4, "withheld", 6)
    assert f"6 deletions of {total + 1:,} live channels" in report.findings[0].message
    assert option in report.findings[0].message
    assert await stage.tombstones() == set()
    assert created in await stage.live()
    again = await stage.run(**brake)
    assert (again.exit_code, again.pending) == (4, 6)
    done = await stage.run(max_tombstones=6)
    assert (done.exit_code, done.settled.merged.deleted, done.pending) == (0, 0, 6)
    done = await stage.run(max_tombstones=6, settle_held=True)
    assert (done.exit_code, done.settled.merged.deleted, done.pending) == (0, 6, 0)
    await stage.assert_equal()


async def test_the_command_that_is_offered_works(stage: Stage) -> None:
    """Whichever run's message a person follows, the run that it names is the one that holds the deletions."""
    await stage.run()
    gone = _retire(stage, 6)
    for _ in range(2):
        report = await stage.run(max_tombstones=2)
        (holder,) = set((await stage.candidates()).values())
        assert f"pending accept {holder}`" in report.findings[0].message
        assert report.findings[0].message.count("pending accept") == 1
    (holder,) = set((await stage.candidates()).values())
    assert holder is not None
    assert (await accepted(stage, holder)).settled.merged.deleted == 6
    assert await stage.tombstones() == gone


async def test_dismissing_keeps_the_rows(stage: Stage) -> None:
    """The channels stay alive until a later run finds them missing again."""
    await stage.run()
    gone = _retire(stage, 6)
    report = await stage.run(max_tombstones=2)
    assert await dismissed(stage, report.run_id) == 6
    assert await stage.candidates() == {}
    assert await stage.tombstones() == set()
    with pytest.raises(UsageError, match="holds no deletions back"):
        await dismissed(stage, report.run_id)
    await stage.run()
    assert await stage.tombstones() == gone


async def test_what_an_earlier_run_holds_vanishes_when_it_is_seen_again(stage: Stage) -> None:
    """A held deletion is no sentence."""
    await stage.run()
    gone = _retire(stage, 6)
    held = await stage.run(max_tombstones=2)
    for channel_id in gone:
        stage.school.revive(channel_id)
    report = await stage.run(max_tombstones=2)
    assert (report.exit_code, report.pending, report.figures.channels_revived) == (0, 0, 0)
    assert await stage.candidates() == {}
    with pytest.raises(UsageError):
        await accepted(stage, held.run_id)
    await stage.assert_equal()


async def test_an_item_that_was_missed_between_two_pages(stage: Stage) -> None:
    """The first read loses a page: its channels are candidates; the second read sees them, and nothing is deleted."""
    await stage.run()
    many = next(user for user in stage.ids if len(stage.channels_of(user)) == 250)
    stage.sandbox.add_fault(
        Fault(kind=FaultKind.EMPTY_LIST, route="list_channels", user_ids=frozenset({many}), page=3, times=1)
    )
    stage.sandbox.counters.reset()
    report = await stage.run(max_tombstone_percent=50)
    assert (report.exit_code, report.settled.merged.deleted) == (0, 0)
    assert stage.sandbox.counters.channel_lists[many] == 6
    assert (await stage.tombstones(), await stage.candidates()) == (set(), {})
    await stage.assert_equal()


async def test_a_second_read_that_fails_deletes_nothing(stage: Stage) -> None:
    """Exit 3; the deletions wait for the next run, which makes them."""
    await stage.run()
    gone = _retire(stage, 3)
    users = frozenset(stage.sandbox.school.channels[channel].user_id for channel in gone)
    stage.sandbox.add_fault(Fault(route="list_channels", user_ids=users, first=4, status=500))
    report = await stage.run()
    assert (report.exit_code, report.settled.unread) == (3, 3)
    assert "could not be read a second time" in report.findings[0].message
    assert await stage.tombstones() == set()
    stage.sandbox.clear_faults()
    assert (await stage.run()).exit_code == 0
    assert await stage.tombstones() == gone


async def test_a_drop_of_the_listing_is_still_known_after_an_interruption(stage: Stage) -> None:
    """A run that goes on after its listing judges the listing as if it had not been stopped."""
    await stage.run()
    stage.limits = replace(stage.limits, max_tombstone_percent=100.0, percent_from=50)
    shrunk = stage.ids[30:]
    for user in shrunk:
        stage.school.delete_user(user)
    stage.sandbox.tokens.expire_after(stage.sandbox.token, 1 + 1 + 50)
    with pytest.raises(Exception, match="refused the access token"):
        await stage.run()
    assert (await stage.last_run())["listed"]
    stage.sandbox.tokens.renew(stage.sandbox.token)
    report = await stage.run()
    assert (report.resumed, report.exit_code) == (True, 8)
    assert "Canvas lists 30 users in account self, and listed 100 last time" in report.findings[0].message
    assert await stage.tombstones() == set()


def _retire(stage: Stage, number: int) -> set[int]:
    """Retire one channel of each of so many users."""
    chosen = {min(stage.channels_of(user)) for user in stage.ids[50:90] if stage.channels_of(user)}
    gone = set(sorted(chosen)[:number])
    for channel_id in gone:
        stage.school.retire(channel_id)
    return gone

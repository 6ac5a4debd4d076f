"""Undo: the live channels are what they were, ids included."""

from itertools import islice
from typing import Any

import pytest

from sync_worker.errors import CanvasUnreachable, UsageError
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.byhand import Wanted, plan_create, plan_delete
from sync_worker.flows.push.undo import Undoing, plan_undo
from sync_worker.sandbox import Fault
from sync_worker.users.refs import parse_ref
from tests.integration.flows.carrying_out import GENEROUS, Applying

ALLOW = {"default_change": True, "max_messages": 10_000}


def facts(applying: Applying, users: list[int]) -> Any:
    """What undo promises to give back: id, type, address by lower case, state."""
    return sorted(
        (channel.id, channel.type, channel.address.lower(), channel.state)
        for user in users
        for channel in applying.stage.school.users[user].live_channels()
    )


async def undoing(applying: Applying, run: int) -> Undoing:
    """The opposite of a run."""
    async with applying.stage.rooms() as rooms:
        return await plan_undo(rooms, run, Progress())


async def undo(applying: Applying, run: int, **allow: Any) -> Any:
    """The report of carrying the opposite of a run out."""
    plan = (await undoing(applying, run)).plan
    number = await applying.save(plan, "undo")
    return await applying.apply(number, kind="undo", allow={**ALLOW, **allow})


async def test_apply_undo(applying: Applying) -> None:
    """Replaced, created and deleted channels are as they were, also one that was unconfirmed; the mirror follows."""
    applying.stage.instance["guards"] = GENEROUS
    users = list(islice(applying.desire.plain(), 12))
    for user in users:
        applying.stage.school.create(user, "email", f"extra{user}@x.example", confirmed=user % 2 == 0)
    before = facts(applying, users)
    rows = []
    for number, user in enumerate(users):
        rows.append(f"{user},email,new{user}@x.example,present")
        if number % 3:
            rows.append(f"{user},email,extra{user}@x.example,absent")
        if number % 4 == 0:
            rows.append(f"{user},email,{applying.desire.email(user).address},absent")
    report = await applying.apply(await applying.planned(*rows), allow=ALLOW)
    assert (report.exit_code, report.left) == (0, 0)
    assert facts(applying, users) != before
    back = await undo(applying, report.run_id)
    assert (back.exit_code, back.left) == (0, 0)
    assert facts(applying, users) == before
    await applying.assert_equal(users)
    assert (await undoing(applying, report.run_id)).plan.empty
    again = await undo(applying, back.run_id)
    assert again.exit_code == 0
    await applying.assert_equal(users)


async def test_left_alone(applying: Applying) -> None:
    """What somebody else had created, and what may have mailed a person and is not there, is left alone and said."""
    applying.stage.instance["guards"] = {"max_messages": 5}
    one, two, three, four = islice(applying.desire.plain(), 4)
    wish = "channels: [{{type: email, address: new{0}@x.example, skip_confirmation: {1}}}]"
    skips = {one: "true", two: "true", three: "true", four: "false"}
    users = "".join(f"  - {{user: {user}, {wish.format(user, skip)}}}\n" for user, skip in skips.items())
    number = await applying.planned(users=users)
    theirs = applying.stage.school.create(one, "email", f"new{one}@x.example")[0].channel_id
    for user in (two, four):
        applying.stage.sandbox.add_fault(Fault(kind="close", route="create", user_ids=frozenset({user}), times=1))
    report = await applying.apply(number)
    assert await applying.statuses(number) == {"existed": 1, "uncertain": 2, "done": 1}
    found = await undoing(applying, report.run_id)
    assert [change.user_id for change in found.plan.changes()] == [three]
    assert sorted(found.notes) == sorted(
        [
            f"user {one}: create email new{one}@x.example: was there before, by somebody else",
            f"user {four}: create email new{four}@x.example: nobody knows whether it was done",
        ]
    )
    assert await applying.statuses(number) == {"existed": 1, "planned": 1, "uncertain": 1, "done": 1}
    assert theirs in applying.stage.channels_of(one)


async def test_default_address_comes_back(applying: Applying) -> None:
    """Addresses come back in their order, so that the first is the default again; where that cannot be, it is said."""
    applying.stage.instance["guards"] = GENEROUS
    all_gone, one_stays = islice(applying.desire.plain(), 2)
    applying.stage.school.create(all_gone, "email", "second@x.example")
    applying.stage.school.create(one_stays, "email", "stays@x.example")
    first = {user: applying.desire.email(user).address for user in (all_gone, one_stays)}
    emails = [c.address for c in applying.stage.school.users[all_gone].live_channels() if c.type == "email"]
    rows = [f"{all_gone},email,new@x.example,present", *(f"{all_gone},email,{address},absent" for address in emails)]
    number = await applying.planned(*rows, f"{one_stays},email,{first[one_stays]},absent")
    report = await applying.apply(number, allow=ALLOW)
    assert report.exit_code == 0
    found = await undoing(applying, report.run_id)
    assert len(found.notes) == 1
    assert found.notes[0].startswith(f"user {one_stays}: mail will go to ")
    assert f", not to {first[one_stays]} as before the run" in found.notes[0]
    assert (await undo(applying, report.run_id)).exit_code == 0
    assert applying.desire.email(all_gone).address == first[all_gone]


async def test_guards_hold(applying: Applying) -> None:
    """An undo of many creates is many deletes: the guards weigh them as any others."""
    applying.stage.instance["guards"] = {"max_deletes": 3, "max_delete_percent": 100.0}
    users = list(islice(applying.desire.plain(), 5))
    report = await applying.apply(
        await applying.planned(*(f"{user},email,n{user}@x.example,present" for user in users))
    )
    assert (await undo(applying, report.run_id)).exit_code == 4
    assert (await undo(applying, report.run_id, expect_deletes=5)).exit_code == 0


async def test_nothing_to_undo(applying: Applying) -> None:
    """A run that wrote nothing to Canvas cannot be undone."""
    with pytest.raises(UsageError, match="run 1 of main wrote nothing to Canvas"):
        await undoing(applying, 1)


async def test_by_hand(applying: Applying) -> None:
    """`channels create` and `delete` are plans of one change; undo brings back the same channel."""
    user = next(user for user in applying.desire.plain() if applying.stage.school.users[user].sis_user_id)
    ref = parse_ref(f"sis:{applying.stage.school.users[user].sis_user_id}")
    async with applying.stage.rooms() as rooms:
        wanted = Wanted(type="sms", address="+1 555 0100", skip_confirmation=True)
        created = await plan_create(rooms, ref, wanted)
    report = await applying.apply(await applying.save(created, "hand"), kind="channels", reason="asked by phone")
    assert report.exit_code == 0
    assert ("sms", "+1 555 0100", "active") in applying.live(user)
    (action,) = await applying.actions()
    async with applying.stage.rooms() as rooms:
        assert (await plan_create(rooms, ref, wanted)).empty
        deleted = await plan_delete(rooms, ref, "+1 555 0100")
        with pytest.raises(UsageError, match="has no channel 99"):
            await plan_delete(rooms, ref, "99")
    gone = await applying.apply(await applying.save(deleted, "hand"), kind="channels")
    assert action["channel_id"] not in applying.stage.channels_of(user)
    assert (await undo(applying, gone.run_id)).exit_code == 0
    assert action["channel_id"] in applying.stage.channels_of(user)


async def test_canvas_away(applying: Applying) -> None:
    """An undo that cannot read anybody does not say that there is nothing to take back."""
    user = next(applying.desire.plain())
    report = await applying.apply(await applying.planned(f"{user},email,new@x.example,present"))
    applying.stage.sandbox.add_fault(Fault(route="list_channels", status=500))
    with pytest.raises(CanvasUnreachable, match="no usable answer about any of the 1 users of undo of run"):
        await undoing(applying, report.run_id)

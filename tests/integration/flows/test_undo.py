"""Undo: the live channels are what they were, ids included."""

from itertools import islice
from typing import Any

import pytest

from sync_worker.cli.applysummary import lines
from sync_worker.desired.diff import Kind
from sync_worker.errors import CanvasUnreachable, PlanError, UsageError
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
    """What somebody else had created is left alone and said; what two reads did not find is not there to take back."""
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
    assert await applying.statuses(number) == {"existed": 1, "failed": 1, "skipped": 1, "done": 1}
    found = await undoing(applying, report.run_id)
    assert [change.user_id for change in found.plan.changes()] == [three]
    assert found.notes == (f"user {one}: create email new{one}@x.example: was there before, by somebody else",)
    assert found.unsettled == ()
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
    run = (await applying.stage.run()).run_id
    with pytest.raises(UsageError, match=f"run {run} of main wrote nothing to Canvas"):
        await undoing(applying, run)


async def test_no_such_run(applying: Applying) -> None:
    """A number that no run has is told apart from a run that did nothing, with where the runs are."""
    with pytest.raises(UsageError, match=r"^main has no run 99\. See the runs: sync-worker status$"):
        await undoing(applying, 99)


async def test_later_runs_of_the_plan_come_first(applying: Applying) -> None:
    """A run whose plan went on later says so, until what the later one did is taken back."""
    applying.stage.instance["guards"] = GENEROUS
    users = list(islice(applying.desire.plain(), 3))
    number = await applying.planned(*(f"{user},email,New{user}@x.example,present" for user in users))
    first = await applying.apply(number, limit=1)
    assert (await undoing(applying, first.run_id)).went_on == ()
    second, third = await applying.apply(number, limit=1), await applying.apply(number)
    assert (await undoing(applying, first.run_id)).went_on == (third.run_id, second.run_id)
    assert (await undoing(applying, third.run_id)).went_on == ()
    back = await undo(applying, third.run_id)
    assert (await undoing(applying, first.run_id)).went_on == (second.run_id,)
    await undo(applying, back.run_id)
    assert (await undoing(applying, first.run_id)).went_on == (third.run_id, second.run_id)


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


async def half_applied(applying: Applying, *, runs: int = 1) -> tuple[int, list[int]]:
    """A plan of replacements of which only the creates were done, in some runs; its number, and the runs."""
    applying.stage.instance["guards"] = GENEROUS
    users = list(islice(applying.desire.plain(), 4))
    rows = [f"{user},email,new{user}@x.example,present" for user in users]
    rows += [f"{user},email,{applying.desire.email(user).address},absent" for user in users]
    number = await applying.planned(*rows)
    reports = [await applying.apply(number, only=Kind.CREATE, limit=len(users) // runs) for _ in range(runs)]
    assert await applying.plan_status(number) == "applying"
    return number, [report.run_id for report in reports]


async def closed(applying: Applying, number: int, run: int) -> bool:
    """Whether a plan is closed because this run has undone it, and can neither wait nor be gone on with."""
    async with applying.stage.rooms() as rooms, rooms.database.session() as session:
        waiting = await session.fetch("waiting_plans", "main", rooms.clock.now())
    query = "SELECT status, reason, ended_at, ended_by FROM worker.plans WHERE id = $1"
    (row,) = await applying.stage.fetch(query, number)
    if row["status"] == "applying":
        return False
    assert (row["status"], row["reason"]) == ("rejected", f"undone by run {run}")
    assert None not in {row["ended_at"], row["ended_by"]}
    assert number not in [each["id"] for each in waiting]
    with pytest.raises(PlanError, match=f"plan {number} may not be carried out any more"):
        await applying.apply(number)
    return True


@pytest.mark.parametrize("runs", [1, 2])
async def test_an_undone_plan_is_over(applying: Applying, runs: int) -> None:
    """What is left of a plan assumes what was undone: it is closed, also where only one of its runs is undone."""
    number, done = await half_applied(applying, runs=runs)
    report = await undo(applying, done[0])
    assert (report.exit_code, report.closed) == (0, (number,))
    assert f"  closed    plan {number}, which was not finished: what is left of it will not be done" in lines(report)
    assert await closed(applying, number, report.run_id)


async def test_a_stopped_undo_has_closed_the_plan(applying: Applying) -> None:
    """It is closed before the first call, and stays so; what goes on with the undo says so again no more."""
    number, (run,) = await half_applied(applying)
    plan = (await undoing(applying, run)).plan
    saved = await applying.save(plan, "undo")
    assert not await closed(applying, number, run)
    first = await applying.apply(saved, kind="undo", limit=1)
    assert first.left
    assert await closed(applying, number, first.run_id)
    second = await applying.apply(saved)
    assert (second.left, second.closed) == (0, ())
    assert await closed(applying, number, first.run_id)


async def test_other_plans_stay(applying: Applying) -> None:
    """An undo closes the plan of its run alone, and none that has come to its end."""
    user, other = islice(applying.desire.plain(), 2)
    finished = await applying.planned(f"{user},email,one@x.example,present")
    report = await applying.apply(finished)
    waiting = await applying.planned(f"{other},email,two@x.example,present")
    back = await undo(applying, report.run_id)
    assert back.closed == ()
    assert [await applying.plan_status(each) for each in (finished, waiting)] == ["applied", "open"]
    number, _ = await half_applied(applying)
    again = await undo(applying, back.run_id)
    assert again.closed == ()
    assert await applying.plan_status(number) == "applying"


async def test_what_is_taken_back_differs_again(applying: Applying) -> None:
    """The drift of the last comparison is what is left of it after the apply and its undo."""
    applying.stage.instance["guards"] = GENEROUS
    one, two = islice(applying.desire.plain(), 2)
    applying.stage.school.create(two, "email", "surplus@x.example")
    await applying.stage.run()
    number = await applying.planned(f"{one},email,new@x.example,present", f"{two},email,surplus@x.example,absent")
    query = "SELECT creates_left, deletes_left FROM reporting.drift"
    items = "SELECT kind, address, action_status FROM reporting.drift_changes ORDER BY kind"
    found = []
    report = await applying.apply(number, allow=ALLOW)
    found += [tuple(row.values()) for row in await applying.stage.fetch(query)]
    await undo(applying, report.run_id)
    found += [tuple(row.values()) for row in await applying.stage.fetch(query)]
    assert found == [(0, 0), (1, 1)]
    assert [tuple(row.values()) for row in await applying.stage.fetch(items)] == [
        ("create", "new@x.example", "done"), ("delete", "surplus@x.example", "done"),
    ]  # fmt: skip

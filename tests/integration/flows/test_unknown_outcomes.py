"""What was sent and not clearly rejected is unknown until two reads agree, and is never lost to undo.

Late effects: a gateway answers 504, and Canvas executes the request later. Stale reads: a list comes from a replica.
"""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from sync_worker.flows.progress import Progress
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.flows.push.undo import Undoing, plan_undo, plan_undo_settled
from sync_worker.sandbox import Fault
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.stepping_clock import SteppingClock

ALLOW = {"default_change": True}
LATE = Fault(kind="late", status=504, seconds=3600, times=1)
"""A gateway gives up on a request, and Canvas executes it when the test says so."""
STALE = Fault(kind="stale", route="list_channels", seconds=3600)


@pytest.fixture
def clock(applying: Applying) -> SteppingClock:
    """Ten minutes have to pass, as by default; the test lets them."""
    clock = SteppingClock()
    applying.stage.clock = clock
    applying.stage.instance = {"guards": {**GENEROUS, "settle_after": "10m"}, "max_attempts": 1}
    return clock


@pytest.fixture
async def user(applying: Applying) -> int:
    """Somebody with an e-mail of their own and one that may go."""
    user = next(applying.desire.plain())
    applying.stage.school.create(user, "email", "extra@x.example")
    await applying.stage.run()
    return user


def channel(applying: Applying, user: int, address: str = "extra@x.example") -> int:
    """The number of a channel, live or not."""
    found: int = next(c.id for c in applying.stage.school.users[user].channels if c.address == address)
    return found


async def sent(applying: Applying, user: int, kind: str, fault: Fault = LATE) -> ApplyReport:
    """An apply of one create or delete that meets a fault."""
    row = {"create": f"{user},email,new@x.example,present", "delete": f"{user},email,extra@x.example,absent"}[kind]
    number = await applying.planned(row)
    applying.stage.sandbox.add_fault(replace(fault, route=kind))
    return await applying.apply(number, allow=ALLOW)


async def undoing(applying: Applying, run: int) -> Undoing:
    """The opposite of a run."""
    async with applying.stage.rooms() as rooms:
        return await plan_undo(rooms, run, Progress())


async def undone(applying: Applying, run: int) -> ApplyReport:
    """The report of carrying the opposite of a run out."""
    undoing_ = await undoing(applying, run)
    assert undoing_.unsettled == ()
    number = await applying.save(undoing_.plan, "undo")
    return await applying.apply(number, kind="undo", allow={**ALLOW, "max_messages": 10})


def facts(applying: Applying, user: int) -> Any:
    """What undo promises to give back."""
    return sorted((c.id, c.address, c.state) for c in applying.stage.school.users[user].live_channels())


@pytest.mark.parametrize("kind", ["create", "delete"])
async def test_a_late_effect_is_ours_and_can_be_undone(
    applying: Applying, clock: SteppingClock, user: int, kind: str
) -> None:
    """504, a read that shows nothing, the effect a minute later: unknown, then done after two reads, then undone."""
    before = facts(applying, user)
    report = await sent(applying, user, kind)
    assert (report.exit_code, await applying.statuses()) == (3, {"uncertain": 1})
    assert (await undoing(applying, report.run_id)).unsettled[0].user_id == user
    clock.step(minutes=1)
    applying.stage.sandbox.carry_out_late()
    assert facts(applying, user) != before
    for passed in (5, 11):  # too early; the first read that counts
        clock.step(minutes=passed)
        waiting = await undoing(applying, report.run_id)
        assert (waiting.plan.empty, len(waiting.unsettled)) == (True, 1)
    clock.step(minutes=10)
    back = await undone(applying, report.run_id)
    assert (back.exit_code, facts(applying, user)) == (0, before)
    assert await applying.statuses() == {"done": 2}
    await applying.assert_equal([user])
    history = await applying.stage.fetch(
        "SELECT origin FROM mirror.channel_history WHERE channel_id = $1 ORDER BY id", channel(applying, user)
    )
    assert {row["origin"] for row in history} <= {"us"}, "history blames Canvas for what we did"


async def test_what_a_run_saw_first_is_ours_all_the_same(applying: Applying, clock: SteppingClock, user: int) -> None:
    """A nightly run reads the user, and makes the tombstone, before the two reads have settled the delete."""
    report = await sent(applying, user, "delete")
    applying.stage.sandbox.carry_out_late()
    clock.step(minutes=1)
    night = await applying.stage.run()
    assert night.exit_code == 3
    assert "1 action has an unknown outcome" in night.findings[-1].message
    number = channel(applying, user)
    assert number in await applying.stage.tombstones()
    clock.step(days=1)
    assert (await applying.stage.run()).exit_code == 3
    clock.step(days=1)
    assert (await applying.stage.run()).exit_code == 0
    (action,) = await applying.actions()
    assert (action["status"], action["run_id"]) == ("done", report.run_id)
    origin = "SELECT origin FROM mirror.channel_history WHERE channel_id = $1 ORDER BY id DESC LIMIT 1"
    assert await applying.stage.value(origin, number) == "us"


@pytest.mark.parametrize("kind", ["create", "delete"])
async def test_an_effect_after_two_reads_that_did_not_show_it(
    applying: Applying, clock: SteppingClock, user: int, kind: str
) -> None:
    """Two reads agree that it was not done; within seven days it is: recorded as ours, and undone."""
    before = facts(applying, user)
    report = await sent(applying, user, kind)
    for _ in range(2):
        clock.step(minutes=11)
        await applying.stage.run()
    assert await applying.statuses() == {"failed": 1}
    assert (await undoing(applying, report.run_id)).plan.empty
    clock.step(days=6)
    applying.stage.sandbox.carry_out_late()
    assert (await applying.stage.run()).exit_code == 0
    (action,) = await applying.actions()
    assert (action["status"], action["note"]) == ("done", "the request was carried out late")
    clock.step(minutes=11)
    assert (await undone(applying, report.run_id)).exit_code == 0
    assert facts(applying, user) == before


async def test_an_effect_after_seven_days_is_somebody_elses(
    applying: Applying, clock: SteppingClock, user: int
) -> None:
    """Nobody watches for ever."""
    await sent(applying, user, "delete")
    for _ in range(2):
        clock.step(minutes=11)
        await applying.stage.run()
    clock.step(days=8)
    applying.stage.sandbox.carry_out_late()
    await applying.stage.run()
    assert await applying.statuses() == {"failed": 1}


async def test_no_new_action_before_the_old_one_is_settled(applying: Applying, clock: SteppingClock, user: int) -> None:
    """The next apply, of this plan and of any other, leaves the user alone and says so; then it goes on."""
    await sent(applying, user, "create")
    other = await applying.planned(f"{user},email,extra@x.example,absent")
    applying.desire.routes()
    said = {1: "status 504", other: "the outcome of an earlier call is unknown until two reads agree"}
    for number, why in said.items():
        report = await applying.apply(number, allow=ALLOW)
        assert report.exit_code == 3
        assert why in report.findings[0].message
    assert applying.writes() == 0
    assert await applying.plan_status(1) == "applying"
    for _ in range(2):
        clock.step(minutes=11)
        await applying.stage.run()
    for number in reversed(said):
        report = await applying.apply(number, allow=ALLOW)
        assert (report.exit_code, report.left) == (0, 0)
    assert {address for _, address, _ in applying.live(user)} >= {"new@x.example"}
    assert applying.writes() == 2


async def test_a_create_that_canvas_answered_stays_ours(applying: Applying, clock: SteppingClock, user: int) -> None:
    """The reads lag: the channel does not show, and undo waits for it by its number."""
    before = facts(applying, user)
    number = await applying.planned(f"{user},email,new@x.example,present")
    applying.stage.sandbox.add_fault(replace(STALE, first=2))
    report = await applying.apply(number)
    (action,) = await applying.actions()
    made = channel(applying, user, "new@x.example")
    assert (report.exit_code, action["status"], action["channel_id"]) == (3, "uncertain", made)
    applying.stage.sandbox.clear_faults()
    assert len((await undoing(applying, report.run_id)).unsettled) == 1
    for _ in range(2):
        clock.step(minutes=11)
        await applying.stage.run()
    assert (await undone(applying, report.run_id)).exit_code == 0
    assert facts(applying, user) == before


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("kind", ["create", "delete"])
async def test_undo_does_not_trust_a_stale_read(applying: Applying, user: int, kind: str) -> None:
    """Done and verified; the replica then shows the user as before: nothing "is left to take back" in that."""
    before = facts(applying, user)
    report = await sent(applying, user, kind, Fault(kind="hang", seconds=0, times=1))
    assert (report.exit_code, await applying.statuses()) == (0, {"done": 1})
    applying.stage.sandbox.add_fault(STALE)
    waiting = await undoing(applying, report.run_id)
    assert (waiting.plan.empty, [each.user_id for each in waiting.unsettled]) == (True, [user])
    applying.stage.sandbox.clear_faults()
    assert (await undone(applying, report.run_id)).exit_code == 0
    assert facts(applying, user) == before


async def test_apply_does_not_act_on_a_stale_read(applying: Applying, clock: SteppingClock, user: int) -> None:
    """What the replica shows is older than what was just done: the user waits."""
    await sent(applying, user, "delete", Fault(kind="hang", seconds=0, times=1))
    number = await applying.planned(f"{user},email,extra@x.example,present")
    applying.stage.sandbox.add_fault(STALE)
    report = await applying.apply(number)
    assert report.exit_code == 3
    assert "older than what was done to this user a moment ago" in report.findings[0].message
    assert await applying.statuses(number) == {"planned": 1}
    applying.stage.sandbox.clear_faults()
    clock.step(minutes=11)
    assert (await applying.apply(number)).exit_code == 0


async def test_undo_that_waits(applying: Applying, clock: SteppingClock, user: int) -> None:
    """`undo --wait` comes back when everything is settled, with all of it."""
    before = facts(applying, user)
    report = await sent(applying, user, "delete")
    applying.stage.sandbox.carry_out_late()
    began, clock.hurry = clock.now(), True
    async with applying.stage.rooms() as rooms:
        undoing_ = await plan_undo_settled(rooms, report.run_id, Progress())
    assert 20 <= (clock.now() - began).total_seconds() / 60 <= 25
    assert undoing_.unsettled == ()
    number = await applying.save(undoing_.plan, "undo")
    assert (await applying.apply(number, kind="undo")).exit_code == 0
    assert facts(applying, user) == before


async def test_it_stays_unresolved_after_seven_days(applying: Applying, clock: SteppingClock, user: int) -> None:
    """A user who cannot be read for a week: listed from then on, no part of the exit code, and said by undo."""
    report = await sent(applying, user, "delete")
    applying.stage.sandbox.add_fault(
        Fault(kind="status", status=500, route="list_channels", user_ids=frozenset({user}))
    )
    clock.step(days=6)
    assert any("unknown outcome" in each.message for each in (await applying.stage.run()).findings)
    clock.step(days=1, minutes=1)
    night = await applying.stage.run()
    assert not any("unknown outcome" in each.message for each in night.findings)
    assert await applying.statuses() == {"unresolved": 1}
    applying.stage.sandbox.clear_faults()
    assert (await applying.stage.run()).exit_code == 0
    undoing_ = await undoing(applying, report.run_id)
    assert (undoing_.plan.empty, undoing_.unsettled) == (True, ())
    assert "nobody knows whether it was done" in undoing_.notes[0]
    assert await applying.plan_status(1) == "applied"


async def test_a_late_effect_counts_in_unattended_limits(applying: Applying, clock: SteppingClock, user: int) -> None:
    """A delete of `run --apply auto` that shows up days later takes the room of today's."""
    number = await applying.planned(f"{user},email,extra@x.example,absent")
    applying.stage.sandbox.add_fault(replace(LATE, route="delete"))
    await applying.apply(number, unattended=True)
    for _ in range(2):
        clock.step(minutes=11)
        await applying.stage.run()
    clock.step(days=3)
    applying.stage.sandbox.carry_out_late()
    await applying.stage.run()
    others = [other for other in applying.desire.plain() if other != user][:2]
    for other in others:
        applying.stage.school.create(other, "email", "extra@x.example")
    applying.stage.instance["guards"] |= {"max_deletes": 2}
    second = await applying.planned(*(f"{other},email,extra@x.example,absent" for other in others))
    report = await applying.apply(second, unattended=True)
    assert report.exit_code == 4
    assert await applying.statuses(second) == {"withheld": 2}


@pytest.mark.usefixtures("clock")
async def test_a_retried_delete_that_is_rejected_at_last_is_unknown(applying: Applying, user: int) -> None:
    """The first attempt was lost, the second rejected: the first may still take effect."""
    applying.stage.instance["max_attempts"] = 3
    number = await applying.planned(f"{user},email,extra@x.example,absent")
    applying.stage.sandbox.add_fault(replace(LATE, route="delete"))
    applying.stage.sandbox.add_fault(Fault(kind="unauthorized", route="delete", times=1))
    assert (await applying.apply(number, allow=ALLOW)).exit_code == 3
    assert await applying.statuses() == {"uncertain": 1}


async def test_a_clear_rejection_is_no_unknown_outcome(applying: Applying, clock: SteppingClock, user: int) -> None:
    """Nothing is waited for, and a delete by somebody else later is theirs."""
    report = await sent(applying, user, "delete", Fault(kind="unauthorized", times=1))
    assert (report.exit_code, await applying.statuses()) == (3, {"refused": 1})
    applying.stage.school.retire(channel(applying, user))
    clock.step(minutes=11)
    await applying.stage.run()
    assert await applying.statuses() == {"refused": 1}


async def test_a_create_of_ours_is_not_claimed_twice(applying: Applying, clock: SteppingClock, user: int) -> None:
    """Settled as not done, then created by another plan: that is no late effect of the first."""
    first = await sent(applying, user, "create")
    for _ in range(2):
        clock.step(minutes=11)
        await applying.stage.run()
    other = await applying.planned(f"{user},email,NEW@x.example,present")
    assert (await applying.apply(other)).exit_code == 0
    clock.step(minutes=11)
    await applying.stage.run()
    assert await applying.statuses(1) == {"failed": 1}
    assert (await undoing(applying, first.run_id)).plan.empty


@pytest.mark.usefixtures("clock")
async def test_a_lost_canary_stops_the_apply(applying: Applying) -> None:
    """Whether the token may skip confirmations is unknown with it: nobody else is written to meanwhile."""
    users = list(applying.desire.plain())[:5]
    number = await applying.planned(*(f"{each},email,n{each}@x.example,present" for each in users))
    applying.stage.sandbox.add_fault(replace(LATE, route="create"))
    report = await applying.apply(number)
    assert report.exit_code == 4
    assert await applying.statuses() == {"uncertain": 1, "withheld": 4}
    again = await applying.apply(number)  # another one shows it
    assert (again.exit_code, await applying.statuses()) == (3, {"uncertain": 1, "done": 4})


async def test_a_clock_that_was_ahead_does_not_hold_it_up(applying: Applying, clock: SteppingClock, user: int) -> None:
    """The times of the journal are of a day that has not come yet: from now on it starts anew."""
    clock.skew(days=1)
    await sent(applying, user, "delete")
    applying.stage.sandbox.carry_out_late()
    clock.skew(days=-1)
    for _ in range(3):
        clock.step(minutes=11)
        await applying.stage.run()
    assert await applying.statuses() == {"done": 1}


async def test_an_interrupted_call_is_unknown(applying: Applying, clock: SteppingClock, user: int) -> None:
    """Nobody saw its end: the next command marks it, and two reads settle it."""
    number = await applying.planned(f"{user},email,extra@x.example,absent")
    applying.stage.sandbox.add_fault(Fault(kind="hang", route="delete", seconds=30))
    task = asyncio.create_task(applying.apply(number, allow=ALLOW))
    while await applying.statuses() != {"started": 1}:
        await clock.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    clock.step(minutes=1)
    assert (await applying.stage.run()).exit_code == 3
    assert await applying.statuses() == {"uncertain": 1}
    codes = []
    for _ in range(3):
        clock.step(minutes=16)
        codes.append((await applying.stage.run()).exit_code)
    assert (codes[-1], await applying.statuses()) == (0, {"failed": 1})

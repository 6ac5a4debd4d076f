"""Applying a plan: what is done, what is not, and what is written down."""

import json
from itertools import islice

import pytest

from sync_worker.desired.diff import Kind
from sync_worker.desired.plan import PlannedUser, Warn
from sync_worker.errors import LockHeld, PlanError, TokenRefused
from sync_worker.mirror.lock import writing
from sync_worker.sandbox import Fault, Role
from tests.integration.flows.carrying_out import GENEROUS, Applying


async def test_creates_and_deletes(applying: Applying) -> None:
    """Plan, apply, plan: the second plan is empty, the mirror follows, the plan is applied and does nothing again."""
    one, two, three = islice(applying.desire.plain(), 3)
    old = applying.desire.email(two)
    rows = (
        f"{one},email,first@x.example,present",
        f"{two},email,second@x.example,present",
        f"{two},email,{old.address},absent",
        f"{three},sms,+1 555 0100,present",
    )
    number = await applying.planned(*rows)
    report = await applying.apply(number, allow={"default_change": True}, reason="new domain")
    assert (report.exit_code, report.left, report.findings) == (0, 0, ())
    assert await applying.statuses(number) == {"done": 3}  # sms is outside manage
    assert ("email", "first@x.example", "active") in applying.live(one)
    assert ("email", "second@x.example", "active") in applying.live(two)
    assert old.address not in {address for _, address, _ in applying.live(two)}
    assert applying.messages() == 0
    await applying.assert_equal([one, two, three])
    assert (await applying.desire.plan(applying.desire.csv(*rows))).empty
    assert await applying.plan_status(number) == "applied"
    applying.desire.routes()
    with pytest.raises(PlanError, match=rf"plan {number} may not be carried out any more"):
        await applying.apply(number)
    assert applying.writes() == 0


async def test_journal(applying: Applying) -> None:
    """Who, why, when, and the channels before and after are written down; history says that it was us."""
    user = next(applying.desire.plain())
    old = applying.desire.email(user)
    number = await applying.planned(f"{user},email,new@x.example,present", f"{user},email,{old.address},absent")
    report = await applying.apply(number, allow={"default_change": True}, reason="left the school")
    create, delete = await applying.actions(number)
    owner = applying.stage.ids[0]
    assert {(row["reason"], row["canvas_user_id"], row["run_id"], row["unattended"]) for row in (create, delete)} == {
        ("left the school", owner, report.run_id, False)
    }
    assert create["os_user"]
    assert create["database_role"] == await applying.stage.value("SELECT current_user::text")
    before, after = json.loads(create["image_before"]), json.loads(create["image_after"])
    assert {each["id"] for each in after} - {each["id"] for each in before} == {create["channel_id"]}
    assert old.id not in {each["id"] for each in json.loads(delete["image_after"])}
    assert create["started_at"] < create["settled_at"] < delete["settled_at"]
    born = await applying.stage.value(
        "SELECT origin FROM mirror.communication_channels WHERE id = $1", create["channel_id"]
    )
    died = await applying.stage.value("SELECT origin FROM mirror.channel_history WHERE channel_id = $1", old.id)
    assert (born, died) == ("us", "us")
    run = await applying.stage.last_run()
    assert (run["kind"], run["status"], run["exit_code"]) == ("apply", "done", 0)


async def test_ceiling(applying: Applying) -> None:
    """What the plan does not contain is not done, whatever the document would say today."""
    one, two = islice(applying.desire.plain(), 2)
    number = await applying.planned(f"{one},email,new@x.example,present", f"{two},email,new@x.example,present")
    applying.stage.school.create(one, "email", "later@x.example")
    applying.stage.school.create(two, "email", "New@x.example")
    report = await applying.apply(number)
    assert report.exit_code == 0
    assert await applying.statuses(number) == {"done": 1, "existed": 1}
    assert ("email", "later@x.example", "active") in applying.live(one)
    assert ("email", "New@x.example", "active") in applying.live(two)
    await applying.assert_equal([one, two])


async def test_stale_deletes(applying: Applying) -> None:
    """A delete whose channel went, changed its address or its state since is skipped, and said."""
    users = list(islice(applying.desire.plain(), 3))
    extra = {
        user: applying.stage.school.create(user, "email", f"extra{user}@x.example")[0].channel_id for user in users
    }
    unconfirmed = applying.stage.school.create(users[2], "email", "u@x.example", confirmed=False)[0].channel_id
    rows = [f"{user},email,extra{user}@x.example,absent" for user in users[:2]]
    number = await applying.planned(*rows, f"{users[2]},email,u@x.example,absent")
    applying.stage.school.retire(extra[users[0]])
    applying.stage.school.readdress(extra[users[1]], "elsewhere@x.example")
    applying.stage.school.confirm(unconfirmed)
    report = await applying.apply(number)
    assert report.exit_code == 3
    gone, readdressed, confirmed = await applying.actions(number)
    assert {row["status"] for row in (gone, readdressed, confirmed)} == {"skipped"}
    assert gone["note"] == "it is gone already"
    assert readdressed["note"] == f"channel {extra[users[1]]} has another address now"
    assert confirmed["note"] == "it was unconfirmed when the plan was made, and is active now"
    assert applying.writes() == 0
    assert await applying.plan_status(number) == "applied"


async def test_identity_changes_hands(applying: Applying) -> None:
    """Whoever is another person now, by the identifier that named the user, is left alone."""
    users = applying.stage.school.users
    one, two = islice((user for user in applying.desire.plain() if users[user].sis_user_id), 2)
    sis = users[one].sis_user_id
    number = await applying.planned(f"sis:{sis},email,new@x.example,present")
    applying.stage.school.change_sis_id(one, "elsewhere")
    applying.stage.school.change_sis_id(two, sis)
    report = await applying.apply(number)
    (action,) = await applying.actions(number)
    assert (report.exit_code, action["status"]) == (3, "skipped")
    assert action["note"] == f"sis_user_id:{sis} is another person now, user {two}"
    assert applying.writes() == 0


async def test_limit_goes_on_later(applying: Applying) -> None:
    """`--limit 2` does the first two users; the same plan goes on with the others."""
    users = sorted(islice(applying.desire.plain(), 5))
    number = await applying.planned(*(f"{user},email,n{user}@x.example,present" for user in users))
    first = await applying.apply(number, limit=2)
    assert (first.exit_code, first.left) == (0, 3)
    assert [row["user_id"] for row in await applying.actions(number) if row["status"] == "done"] == users[:2]
    assert await applying.plan_status(number) == "applying"
    second = await applying.apply(number)
    assert (second.left, await applying.plan_status(number)) == (0, "applied")
    assert await applying.statuses(number) == {"done": 5}
    assert applying.writes() == 5


async def test_only(applying: Applying) -> None:
    """`--only deletes` leaves creates out, and the deletes that lean on them; `--only creates` leaves deletes out."""
    one, two = islice(applying.desire.plain(), 2)
    extra = applying.stage.school.create(two, "email", "extra@x.example")[0].channel_id
    old = applying.desire.email(one)
    rows = (
        f"{one},email,new@x.example,present",
        f"{one},email,{old.address},absent",
        f"{two},email,extra@x.example,absent",
    )
    number = await applying.planned(*rows)
    allow = {"default_change": True}
    deletes = await applying.apply(number, only=Kind.DELETE, allow=allow)
    assert deletes.exit_code == 4
    assert [row["status"] for row in await applying.actions(number)] == ["planned", "withheld", "done"]
    assert extra not in applying.stage.channels_of(two)
    creates = await applying.apply(number, only=Kind.CREATE, allow=allow)
    assert (creates.exit_code, creates.left) == (0, 1)
    assert old.id in applying.stage.channels_of(one)
    assert (await applying.apply(number, allow=allow)).left == 0
    assert old.id not in applying.stage.channels_of(one)


async def test_guards_withhold(applying: Applying) -> None:
    """Too many deletes: all are withheld, the creates go on; with the right number expected they go."""
    applying.stage.instance["guards"] = {"max_deletes": 2, "max_delete_percent": 100.0}
    users = list(islice(applying.desire.plain(), 4))
    for user in users:
        applying.stage.school.create(user, "email", f"extra{user}@x.example")
    rows = [f"{user},email,extra{user}@x.example,absent" for user in users]
    number = await applying.planned(*rows[:3], f"{users[3]},email,new@x.example,present")
    report = await applying.apply(number)
    assert report.exit_code == 4
    assert "3 deletes (limit guards.max_deletes = 2, option --expect-deletes 3)" in report.findings[0].message
    assert await applying.statuses(number) == {"withheld": 3, "done": 1}
    assert (await applying.apply(number, allow={"expect_deletes": 2})).exit_code == 4
    assert (await applying.apply(number, allow={"expect_deletes": 3})).exit_code == 0
    assert await applying.statuses(number) == {"done": 4}


async def test_done_deletes_count(applying: Applying) -> None:
    """Deletes that were done under the plan count against the limit when it goes on."""
    applying.stage.instance["guards"] = {"max_deletes": 3, "max_delete_percent": 100.0}
    users = sorted(islice(applying.desire.plain(), 4))
    for user in users:
        applying.stage.school.create(user, "email", f"extra{user}@x.example")
    number = await applying.planned(*(f"{user},email,extra{user}@x.example,absent" for user in users))
    assert (await applying.apply(number, limit=2, allow={"expect_deletes": 4})).exit_code == 0
    assert await applying.statuses(number) == {"done": 2, "planned": 2}
    report = await applying.apply(number)
    assert (report.exit_code, (await applying.statuses(number))["done"]) == (4, 2)


async def test_last_email_is_asked_again(applying: Applying) -> None:
    """A delete that was harmless when it was planned, and would take the last deliverable address now, is withheld."""
    user = next(applying.desire.plain())
    extra = applying.stage.school.create(user, "email", "extra@x.example")[0].channel_id
    number = await applying.planned(f"{user},email,extra@x.example,absent")
    for channel in applying.stage.school.users[user].live_channels():
        if channel.type == "email" and channel.id != extra:
            applying.stage.school.retire(channel.id)
    report = await applying.apply(number, allow={"default_change": True, "expect_deletes": 1})
    assert report.exit_code == 4
    (action,) = await applying.actions(number)
    assert (action["status"], extra in applying.stage.channels_of(user)) == ("withheld", True)
    assert "without a deliverable e-mail" in action["note"]


async def test_default_that_nobody_approved(applying: Applying) -> None:
    """A delete that would move mail elsewhere than the plan says is withheld, also with --allow-default-change."""
    user = next(applying.desire.plain())
    old = applying.desire.email(user)
    number = await applying.planned(f"{user},email,new@x.example,present", f"{user},email,{old.address},absent")
    private = applying.stage.school.create(user, "email", "private@x.example")[0].channel_id
    report = await applying.apply(number, allow={"default_change": True})
    assert report.exit_code == 4
    create, delete = await applying.actions(number)
    assert (create["status"], delete["status"]) == ("done", "withheld")
    assert "private@x.example now, which the plan does not say" in delete["note"]
    assert {old.id, private} <= applying.stage.channels_of(user)


async def test_failing_create_keeps_the_old_address(applying: Applying) -> None:
    """Replace: where the create fails, the old address stays."""
    user = next(applying.desire.plain())
    old = applying.desire.email(user)
    number = await applying.planned(f"{user},email,new@x.example,present", f"{user},email,{old.address},absent")
    applying.stage.sandbox.add_fault(Fault(route="create", status=400, body='{"errors":{"path":[]}}'))
    report = await applying.apply(number, allow={"default_change": True})
    assert report.exit_code == 4
    create, delete = await applying.actions(number)
    assert (create["status"], delete["status"], delete["note"]) == (
        "refused",
        "withheld",
        "its replacement is not there",
    )
    assert old.id in applying.stage.channels_of(user)


async def test_canary(applying: Applying) -> None:
    """A token that may not skip confirmations: one person is mailed, nothing else is done, exit 4."""
    applying.stage.instance["guards"] = GENEROUS
    users = list(islice(applying.desire.plain(), 30))
    applying.stage.sandbox.add_token("weak", role=Role.SUPPORT, user_id=applying.stage.ids[1])
    number = await applying.planned(*(f"{user},email,n{user}@x.example,present" for user in users))
    applying.stage.instance["token"] = "weak"
    report = await applying.apply(number)
    assert report.exit_code == 4
    assert "the token has no right to skip confirmations" in report.findings[0].message
    assert (applying.messages(), applying.writes()) == (1, 1)
    statuses = await applying.statuses(number)
    assert statuses == {"done": 1, "withheld": 29}
    assert report.tally.messages == 1
    again = await applying.apply(number)
    assert (again.exit_code, applying.messages()) == (4, 1)
    assert "this token sent a message although none was to be sent" in again.findings[0].message
    applying.stage.instance["token"] = applying.stage.sandbox.token
    await applying.apply(number)
    assert ((await applying.statuses(number))["withheld"], applying.messages()) == (0, 1)


@pytest.mark.parametrize("lost", [False, True])
async def test_canary_that_nobody_sees(applying: Applying, lost: bool) -> None:  # noqa: FBT001  (a case)
    """Where the first create cannot be looked after, its answer counts; without one nobody else is mailed either."""
    users = list(islice(applying.desire.plain(), 5))
    applying.stage.sandbox.add_token("weak", role=Role.SUPPORT, user_id=applying.stage.ids[0])
    number = await applying.planned(*(f"{user},email,n{user}@x.example,present" for user in users))
    applying.stage.instance["token"] = "weak"
    applying.stage.sandbox.add_fault(Fault(route="list_channels", status=500, first=2))
    if lost:
        applying.stage.sandbox.add_fault(Fault(kind="reset_after", route="create"))
    report = await applying.apply(number)
    assert (applying.messages(), applying.writes()) == (1, 1)
    assert report.exit_code == 4
    assert report.tally.messages == 1
    assert await applying.statuses(number) == {"uncertain": 1, "withheld": 4}


async def test_refused_delete(applying: Applying) -> None:
    """401 on a channel is a refusal: recorded, not retried, and a warning in the next plan."""
    user = next(applying.desire.plain())
    channel = applying.stage.school.create(user, "email", "sis@x.example")[0].channel_id
    next(c for c in applying.stage.school.users[user].channels if c.id == channel).sis_locked = True
    row = f"{user},email,sis@x.example,absent"
    number = await applying.planned(row)
    report = await applying.apply(number)
    (action,) = await applying.actions(number)
    assert (report.exit_code, action["status"], action["attempts"]) == (3, "refused", 1)
    assert applying.writes() == 1
    assert await applying.plan_status(number) == "applied"
    (again,) = (await applying.desire.plan(applying.desire.csv(row), max_age=None)).users
    assert (again.warnings, suspicious(again)) == ((Warn.SIS_REFUSED,), [channel])


async def test_tug_of_war(applying: Applying) -> None:
    """A channel that came back after a delete of ours is a warning in the next plan; one that we revived is not."""
    one, two = islice(applying.desire.plain(), 2)
    rows = [f"{user},email,extra{user}@x.example,absent" for user in (one, two)]
    ids = [applying.stage.school.create(u, "email", f"extra{u}@x.example")[0].channel_id for u in (one, two)]
    assert (await applying.apply(await applying.planned(*rows))).exit_code == 0
    applying.stage.school.revive(ids[0])
    back = await applying.planned(f"{two},email,extra{two}@x.example,present")
    assert (await applying.apply(back)).exit_code == 0
    plan = await applying.desire.plan(applying.desire.csv(*rows), max_age=None)
    assert {user.diff.desired.user_id: user.warnings for user in plan.users} == {one: (Warn.SIS_REAPPEARED,), two: ()}


def suspicious(user: PlannedUser) -> list[int]:
    """The channels that are suspicious."""
    return [known.channel_id for known in user.suspicions]


async def test_refused_delete_moves_no_mail(applying: Applying) -> None:
    """Two addresses are to go, and Canvas keeps the second: the default stays, and does not become that one."""
    user = next(applying.desire.plain())
    old, school = applying.desire.email(user), applying.stage.school
    second = school.create(user, "email", "second@x.example")[0].channel_id
    school.create(user, "email", "third@x.example")
    next(c for c in school.users[user].channels if c.id == second).sis_locked = True
    number = await applying.planned(f"{user},email,{old.address},absent", f"{user},email,second@x.example,absent")
    report = await applying.apply(number, allow={"default_change": True})
    first, other = await applying.actions(number)
    assert (report.exit_code, first["status"], other["status"]) == (4, "withheld", "refused")
    assert first["note"] == "the default address would become second@x.example now, which the plan does not say"
    assert old.id in applying.stage.channels_of(user)


async def test_lost_answers(applying: Applying) -> None:
    """A POST whose answer was lost is looked after, and repeated only by a later apply; a DELETE may be at once."""
    one, two, three = islice(applying.desire.plain(), 3)
    extra = applying.stage.school.create(three, "email", "extra@x.example")[0].channel_id
    number = await applying.planned(
        f"{one},email,a@x.example,present", f"{two},email,b@x.example,present", f"{three},email,extra@x.example,absent"
    )
    applying.stage.sandbox.add_fault(Fault(kind="reset_after", route="create", user_ids=frozenset({one}), times=1))
    applying.stage.sandbox.add_fault(Fault(kind="close", route="create", user_ids=frozenset({two}), times=1))
    applying.stage.sandbox.add_fault(Fault(kind="reset_after", route="delete", times=1))
    report = await applying.apply(number)
    assert report.exit_code == 3
    assert [row["status"] for row in await applying.actions(number)] == ["done", "failed", "done"]
    assert applying.desire.routes()["create"] == 2
    assert extra not in applying.stage.channels_of(three)
    again = await applying.apply(number)
    assert (again.exit_code, again.left) == (0, 0)
    assert [row["attempts"] for row in await applying.actions(number)] == [1, 2, 1]
    assert sum(address == "b@x.example" for _, address, _ in applying.live(two)) == 1


async def test_lost_message_is_not_sent_twice(applying: Applying) -> None:
    """A create that mails a person and whose answer was lost is never sent again: nobody is mailed twice."""
    user = next(applying.desire.plain())
    block = f"  - {{user: {user}, channels: [{{type: email, address: a@x.example, skip_confirmation: false}}]}}\n"
    number = await applying.planned(users=block)
    assert (await applying.apply(number)).exit_code == 4  # max_messages = 0
    applying.stage.sandbox.add_fault(Fault(kind="close", route="create", times=1))
    allow = {"max_messages": 1}
    assert (await applying.apply(number, allow=allow)).exit_code == 3
    (action,) = await applying.actions(number)
    assert (action["status"], action["messaged"]) == ("skipped", True)
    assert await applying.plan_status(number) == "applied"
    assert applying.messages() == 0


@pytest.mark.parametrize("moved", ["http://localhost:{port}", "http://127.0.0.1:1", "https://127.0.0.1:{port}"])
async def test_another_address_than_the_plans(applying: Applying, moved: str) -> None:
    """Another name (also of the same machine), port or scheme: Canvas hears nothing, and nothing is written."""
    user = next(applying.desire.plain())
    number = await applying.planned(f"{user},email,new@x.example,present")
    stage = applying.stage
    requests, runs = stage.sandbox.counters.requests, await stage.value("SELECT count(*) FROM worker.runs")
    stage.base_url = moved.format(port=stage.sandbox.base_url.rpartition(":")[2])
    with pytest.raises(PlanError, match=f"the plan is for main at {stage.sandbox.base_url}. Make a new one"):
        await applying.apply(number)
    assert stage.sandbox.counters.requests == requests
    assert (await applying.statuses(number), await applying.plan_status(number)) == ({}, "open")
    assert await stage.value("SELECT count(*) FROM worker.runs") == runs


async def test_revoked_token(applying: Applying) -> None:
    """A bad token stops the apply; what was not done stays planned, and the same plan goes on with a good one."""
    users = list(islice(applying.desire.plain(), 6))
    number = await applying.planned(*(f"{user},email,n{user}@x.example,present" for user in users))
    for route, first in (("create", 3), ("get_user", 2)):
        applying.stage.sandbox.add_fault(
            Fault(route=route, first=first, status=401, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'})
        )
    with pytest.raises(TokenRefused):
        await applying.apply(number)
    assert set(await applying.statuses(number)) <= {"done", "planned", "started"}
    applying.stage.sandbox.clear_faults()
    report = await applying.apply(number)
    assert (report.exit_code, report.left) == (0, 0)
    assert await applying.statuses(number) == {"done": 6}
    await applying.assert_equal(users)


async def test_token_revoked_between_two_attempts(applying: Applying) -> None:
    """A delete whose answer was lost, and whose second attempt met a bad token, was done, and the journal learns it."""
    user = next(applying.desire.plain())
    extra = applying.stage.school.create(user, "email", "extra@x.example")[0].channel_id
    number = await applying.planned(f"{user},email,extra@x.example,absent")
    applying.stage.sandbox.add_fault(Fault(kind="reset_after", route="delete", times=1))
    for route, first in (("delete", 1), ("get_user", 2)):
        applying.stage.sandbox.add_fault(
            Fault(route=route, first=first, status=401, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'})
        )
    with pytest.raises(TokenRefused):
        await applying.apply(number)
    assert extra not in applying.stage.channels_of(user)
    assert await applying.statuses(number) == {"uncertain": 1}
    applying.stage.sandbox.clear_faults()
    report = await applying.apply(number)
    assert (report.exit_code, report.left, await applying.statuses(number)) == (0, 0, {"done": 1})


async def test_failures_in_a_row_stop(applying: Applying) -> None:
    """Ten refusals in a row stop an apply; the rest is withheld."""
    applying.stage.instance["guards"] = {**GENEROUS, "max_failures": 4}
    users = list(islice(applying.desire.plain(), 40))
    number = await applying.planned(*(f"{user},email,n{user}@x.example,present" for user in users))
    applying.stage.sandbox.add_fault(Fault(route="create", status=400, body='{"errors":{}}'))
    report = await applying.apply(number)
    statuses = await applying.statuses(number)
    assert report.exit_code == 4
    assert "4 actions in a row were refused or failed" in report.findings[0].message
    assert statuses["refused"] < 4 + 8
    assert statuses["refused"] + statuses["withheld"] == 40


async def test_one_writer(applying: Applying) -> None:
    """While somebody else writes, nothing is applied."""
    user = next(applying.desire.plain())
    number = await applying.planned(f"{user},email,new@x.example,present")
    async with applying.stage.rooms() as rooms, writing(rooms.database, "main", "run", rooms.clock):
        with pytest.raises(LockHeld):
            await applying.apply(number)
    assert applying.writes() == 0


async def test_shrunken_document_stays_shrunken(applying: Applying) -> None:
    """What the guard withheld once it withholds again: only a plan that was carried out to its end is a measure."""
    applying.stage.instance["guards"] = GENEROUS
    users = list(islice(applying.desire.plain(), 6))
    for user in users:
        applying.stage.school.create(user, "email", f"extra{user}@x.example")
    rows = [f"{user},email,n{user}@x.example,present" for user in users]
    assert (await applying.apply(await applying.planned(*rows))).exit_code == 0
    for _ in range(2):
        report = await applying.apply(await applying.planned(f"{users[0]},email,extra{users[0]}@x.example,absent"))
        assert report.exit_code == 4
        assert "the document has 1 user where the last applied one had 6" in report.findings[0].message
    last = await applying.planned(f"{users[0]},email,extra{users[0]}@x.example,absent")
    assert (await applying.apply(last, allow={"empty": True})).exit_code == 0

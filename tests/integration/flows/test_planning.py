"""Plans: what would change, read from where, and that nothing is written."""

import time
from itertools import islice
from pathlib import Path

import pytest

from sync_worker.desired.diff import Kind
from sync_worker.desired.entries import Terms
from sync_worker.desired.model import Mode
from sync_worker.desired.plan import Warn, totals
from sync_worker.desired.render.as_json import plan_from_json, plan_to_json
from sync_worker.flows.progress import Progress
from sync_worker.sandbox import Fault
from tests.integration.flows.desire import Desire, facts
from tests.integration.flows.harness import Stage, quick, staged


async def test_creates_and_deletes(desire: Desire) -> None:
    """What is missing is created, what is absent is deleted, creates first for each user, users by number."""
    one, two, three = islice(desire.plain(), 3)
    old = desire.email(two)
    document = desire.csv(
        f"{two},email,{old.address.upper()},absent",
        f"{three},email,new@x.example,present",
        f"{one},email,first@x.example,present",
        f"{two},email,second@x.example,present",
    )
    with desire.untouched():
        plan = await desire.plan(document)
    assert facts(plan.changes()) == [
        ("create", one, "email", "first@x.example"),
        ("create", two, "email", "second@x.example"),
        ("delete", two, "email", old.address),
        ("create", three, "email", "new@x.example"),
    ]
    delete = next(change for change in plan.changes() if change.kind is Kind.DELETE)
    assert (delete.channel_id, delete.replaced, delete.where) == (old.id, True, "desired.csv:2")
    assert (plan.source.users, plan.unchanged, plan.source.unresolved) == (3, 0, ())
    assert plan_from_json(plan_to_json(plan)) == plan


async def test_planning_writes_nothing(desire: Desire) -> None:
    """Neither to Canvas nor to the mirror and its ledger, not even a row version."""
    users = list(islice(desire.plain(), 5))
    before = await desire.mirror()
    with desire.untouched():
        await desire.plan(desire.csv(*[f"{user},email,new{user}@x.example,present" for user in users]))
        await desire.plan(desire.csv(*[f"{user},email,a@x.example,absent" for user in users]), max_age=None)
    assert await desire.mirror() == before


async def test_only_who_differs_is_read(desire: Desire) -> None:
    """The mirror answers for everybody whom it is fresh for, and nobody whom the document does not name is read."""
    same, other, third = islice(desire.plain(), 3)
    rows = [f"{user},email,{desire.email(user).address},present" for user in (same, third)]
    document = desire.csv(*rows, f"{other},email,new@x.example,present")
    plan = await desire.plan(document)
    assert (totals(plan).creates, plan.unchanged, plan.source.users) == (1, 2, 3)
    assert desire.routes() == {"list_channels": 1}
    await desire.plan(document)
    assert desire.lists() == {other}
    await desire.plan(document, max_age=None)
    assert desire.lists() == {same, other, third}


async def test_a_stale_mirror_is_no_filter(desire: Desire, stage: Stage) -> None:
    """Who was read too long ago, not read at all, or has deletions that are not settled is read live."""
    stale, pending, fresh = islice(desire.plain(), 3)
    document = desire.csv(*[f"{u},email,{desire.email(u).address},present" for u in (stale, pending, fresh)])
    await stage.fetch("UPDATE worker.batches SET done_at = done_at - interval '1 day' RETURNING 1")
    await stage.run(f"id:{pending},{fresh}")
    await stage.fetch(
        "INSERT INTO worker.candidates SELECT 'main', id, user_id, 1, now(), 'absent' "
        "FROM mirror.communication_channels WHERE user_id = $1 RETURNING 1",
        pending,
    )
    desire.routes()
    assert (await desire.plan(document)).empty
    assert desire.lists() == {stale, pending}


async def test_the_live_state_counts(desire: Desire, stage: Stage) -> None:
    """What the mirror does not know yet is seen where it is read: what is done already is not planned."""
    one, two = islice(desire.plain(), 2)
    stage.school.create(one, "email", "new@x.example")
    gone = desire.email(two)
    stage.school.retire(gone.id)
    plan = await desire.plan(desire.csv(f"{one},email,NEW@x.example,present", f"{two},email,{gone.address},absent"))
    assert (plan.empty, plan.unchanged) == (True, 2)


async def test_who_cannot_be_read_is_told(desire: Desire, stage: Stage) -> None:
    """Gone, forbidden and in trouble: each with its place, nothing planned from an old mirror; trouble is counted."""
    gone, closed, broken, fine = islice(desire.plain(), 4)
    stage.school.delete_user(gone)
    stage.school.delete_user(closed, answer="401")
    stage.sandbox.add_fault(Fault(route="list_channels", user_ids=frozenset({broken}), status=500))
    rows = [f"{user},email,{desire.email(user).address},absent" for user in (broken, fine)]
    document = desire.csv(f"{gone},email,a@x.example,present", f"{closed},email,a@x.example,present", *rows)
    progress = Progress()
    plan = await desire.plan(document, progress=progress)
    assert {change.user_id for change in plan.changes()} == {fine}
    assert plan.source.users == 1
    places = [text.split(": ")[0:2] for text in plan.source.unresolved]
    assert sorted(places) == [
        ["desired.csv:2", f"user {gone}"],
        ["desired.csv:3", f"user {closed}"],
        ["desired.csv:4", f"user {broken}"],
    ]
    assert progress.failed == 1


async def test_who_is_not_found_is_told_in_the_order_of_the_document(desire: Desire, stage: Stage) -> None:
    """By line, and line 10 behind line 9: not by number, and not by who answered first."""
    users = sorted(islice(desire.plain(), 11), reverse=True)
    for user in users:
        stage.school.delete_user(user)
    rows = [f"{user},email,a@x.example,present" for user in users]
    rows.insert(5, "sis:NOBODY,email,a@x.example,present")
    plan = await desire.plan(desire.csv(*rows))
    lines = [int(text.split(":")[1]) for text in plan.source.unresolved]
    assert lines == list(range(2, 14))


async def test_who_may_not_be_read_is_not_believed_from_the_mirror(desire: Desire, stage: Stage) -> None:
    """A user that the last run could not read keeps its rows; they are no proof of anything."""
    user = next(desire.plain())
    address = desire.email(user).address
    stage.school.delete_user(user, answer="401")
    await stage.run(f"id:{user}")
    assert await stage.state(user) != "present"
    plan = await desire.plan(desire.csv(f"{user},email,{address},present"))
    assert len(plan.source.unresolved) == 1


async def test_rows_of_a_user_far_apart(desire: Desire) -> None:
    """They belong together wherever they stand."""
    users = list(islice(desire.plain(), 10))
    rows = [f"{user},email,{part}{user}@x.example,present" for part in "ab" for user in users]
    plan = await desire.plan(desire.csv(*rows))
    assert facts(plan.changes()) == [("create", u, "email", f"{part}{u}@x.example") for u in users for part in "ab"]


async def test_an_empty_document(desire: Desire) -> None:
    """Nobody is named: nothing to do, nobody read."""
    document = desire.write("empty.yaml", "version: 1\nusers: []\n")
    plan = await desire.plan(document)
    assert (plan.empty, plan.source.users, plan.users, desire.routes()) == (True, 0, (), {})
    assert (await desire.plan(desire.csv())).empty


async def test_mode_and_manage(desire: Desire, stage: Stage) -> None:
    """The command line wins over the document; what is outside manage is told and left alone, as push always is."""
    user = next(desire.plain())
    stage.school.create(user, "sms", "+15551234567")
    await stage.run(f"id:{user}")
    keep = desire.email(user).address
    live = stage.school.users[user].live_channels()
    others = {c.address for c in live if c.type == "email"} - {keep}
    document = desire.csv(f"{user},email,{keep},present", f"{user},sms,+15559999999,present", f"{user},push,x,present")
    plan = await desire.plan(document)
    assert plan.empty
    assert [left.why for left in plan.users[0].diff.unmanaged] == [
        "type sms is not in manage",
        "push channels are never touched",
    ]
    exact = Terms(forced_mode=Mode.EXACT, forced_manage=frozenset({"email", "sms", "push"}))
    plan = await desire.plan(document, terms=exact)
    deletes = {change.address for change in plan.changes() if change.kind is Kind.DELETE}
    assert deletes == {c.address for c in live if c.type == "sms"} | others
    assert facts(plan.changes())[0] == ("create", user, "sms", "+15559999999")


async def test_the_last_address(desire: Desire) -> None:
    """A person who would be left without one is warned of; planning goes on."""
    user = next(desire.plain())
    plan = await desire.plan(desire.yaml(f"  - {{user: {user}, mode: exact, channels: []}}\n"))
    assert Warn.LOSES_LAST_EMAIL in plan.users[0].warnings
    assert not plan.empty


async def test_carried_out_it_is_empty(desire: Desire, stage: Stage) -> None:
    """Plan, carry out, plan: the second plan is empty, with and without a run between."""
    users = list(islice(desire.plain(), 40))
    entries = "".join(
        f"  - {{user: {user}, mode: {mode}, channels: [{{type: email, address: n{user}@x.example}}]}}\n"
        for user, mode in zip(users, ["exact", "add"] * 20, strict=True)
    )
    document = desire.yaml(entries)
    plan = await desire.plan(document)
    assert (totals(plan).creates, totals(plan).users) == (40, 40)
    assert totals(plan).deletes >= 20
    desire.carry_out(plan)
    assert (await desire.plan(document)).empty
    await stage.run()
    again = await desire.plan(document)
    assert (again.empty, again.unchanged) == (True, 40)


@pytest.mark.long
async def test_a_large_document(database_url: str, tmp_path: Path) -> None:
    """4,500 users, two rows each, one in a hundred with a change: seconds, and only those 45 are read."""
    async with staged(database_url, options=quick(users=5_200)) as stage:
        await stage.run()
        desire = Desire(stage=stage, folder=tmp_path)
        users = list(islice(desire.plain(), 4_500))
        live = [f"{user},email,{desire.email(user).address},present" for user in users]
        absent = [f"{user},email,left{user}@x.example,absent" for user in users]
        for number in range(0, len(users), 100):
            live[number] = f"{users[number]},email,new{number}@x.example,present"
        desire.routes()
        started = time.perf_counter()
        plan = await desire.plan(desire.csv(*live, *absent))
        assert time.perf_counter() - started < 60  # some 3 s where nothing else runs
        assert (totals(plan).creates, plan.unchanged, plan.source.users) == (45, 4_455, 4_500)
        assert len(desire.lists()) == 45
        desire.carry_out(plan)
        assert (await desire.plan(desire.csv(*live, *absent))).empty

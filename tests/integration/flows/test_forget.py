"""Forgetting a person: nothing is left but a hash, nobody else is touched, and no run brings the person back."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from sync_worker.errors import PlanError, UsageError
from sync_worker.flows.privacy.forget import forget
from sync_worker.flows.privacy.person import find_person, held_on
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.byhand import Wanted, plan_create
from sync_worker.flows.push.saving import load_plan
from sync_worker.flows.push.undo import plan_undo
from sync_worker.mirror.lock import writing
from sync_worker.mirror.migrations import migrations
from sync_worker.sandbox import Fault
from sync_worker.users.refs import parse_ref
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage
from tests.integration.flows.seeds import Seeds
from tests.integration.flows.traces import contents, traces

OTHERS = (
    "mirror.users", "mirror.user_history", "mirror.communication_channels", "mirror.channel_history",
    "worker.candidates", "worker.failures", "worker.actions",
)  # fmt: skip


@dataclass(kw_only=True)
class Life:
    """One person who is in every table, and another one beside."""

    applying: Applying
    user: int
    other: int
    texts: list[str]  # addresses and identifiers, former ones too
    applied: int  # run
    open_plan: int
    hand_plan: int

    async def forget(self, **given: Any) -> dict[str, int]:
        """In a process of its own."""
        async with (
            self.applying.stage.rooms() as rooms,
            writing(rooms.database, "main", "forget", rooms.clock) as writer,
        ):
            until_next_run = given.pop("until_next_run", False)
            return await forget(writer, rooms.clock, self.user, until_next_run=until_next_run, **given)

    async def traces(self) -> dict[str, int]:
        """Where the person is named."""
        return await traces(self.applying.stage.database_url, self.user, self.texts)

    async def others(self) -> dict[str, list[Any]]:
        """All rows of other people."""
        url = self.applying.stage.database_url
        return {table: await contents(url, table, self.user) for table in OTHERS}


@pytest.fixture
async def life(seeds: Seeds, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Life]:
    """A year in the life of one user."""

    async def build(stage: Stage) -> Life:
        await stage.run()
        return await _lived(Desire(stage=stage, folder=tmp_path_factory.mktemp("life")))

    async with seeds.grown("life", build) as (stage, made):
        applying = Applying(stage=stage, desire=Desire(stage=stage, folder=tmp_path))
        yield replace(made, applying=applying)


async def _lived(desire: Desire) -> Life:
    stage, applying = desire.stage, Applying(stage=desire.stage, desire=desire)
    stage.instance["guards"] = GENEROUS
    people = (user for user in desire.plain() if stage.school.users[user].sis_user_id)
    user, other = islice(people, 2)
    person = stage.school.users[user]
    before = [channel.address for channel in person.live_channels() if channel.type != "push"]
    former = person.sis_user_id
    for each in (user, other):
        stage.school.create(each, "email", f"extra{each}@x.example")
        stage.school.create(each, "sms", f"+1 555 {each} 99")
        stage.school.readdress(desire.email(each).id, f"moved{each}@x.example")
    stage.school.change_sis_id(user, f"CHANGED-{user}")
    await stage.run()  # history of channels and identifiers
    rows = [f"{each},email,new{each}@x.example,present" for each in (user, other)]
    reason = f"user {user} asked, and {user} again: new{user}@x.example"
    report = await applying.apply(await applying.planned(*rows), reason=reason, allow={"default_change": True})
    async with stage.rooms() as rooms:
        wanted = Wanted(type="email", address=f"hand{user}@x.example", skip_confirmation=True)
        by_hand = await plan_create(rooms, parse_ref(f"sis:CHANGED-{user}"), wanted)
    hand_plan = await applying.save(by_hand, "hand")
    stage.sandbox.add_fault(Fault(route="list_channels", user_ids=frozenset({user}), status=500))
    await stage.run(f"id:{other},{user}", f"sis:{former}")  # a failure by number, one by a former SIS id
    seen = desire.csv(*rows, f"{other},email,later{other}@x.example,present")
    lost = await applying.save(await desire.plan(seen, only=(f"id:{user},{other}",), max_age=None))
    stage.sandbox.clear_faults()
    waiting = [f"{each},email,wish{each}@x.example,present" for each in (user, other)]
    open_plan = await applying.planned(*waiting)
    for each in (user, other):
        stage.school.retire(min(stage.channels_of(each)))
    await stage.run(max_tombstones=0)  # candidates, held by the brake
    assert lost
    return Life(
        applying=applying,
        user=user,
        other=other,
        texts=[*before, f"{user}@x.example", f"555 {user}", former, f"CHANGED-{user}", person.login_id],
        applied=report.run_id,
        open_plan=open_plan,
        hand_plan=hand_plan,
    )


async def test_nothing_is_left(life: Life) -> None:
    """Of a person who is everywhere no text, list or number of any table holds a trace, and nobody else changes."""
    stage = life.applying.stage
    found = await life.traces()
    assert {table.rpartition(".")[0] for table in found} == {
        *OTHERS, "worker.plans", "worker.runs", "worker.batches",
    }  # fmt: skip
    assert {"worker.runs.users_spec", "worker.plans.document", "worker.actions.reason"} <= set(found)
    others = await life.others()
    async with stage.rooms() as rooms:
        held = (await held_on(rooms.database, "main", life.user, rooms.clock.now())).counts
    counts = await life.forget()
    assert await life.traces() == {}
    assert set(counts) == set(held)
    assert all(counts[table] >= count for table, count in held.items())
    after = await life.others()
    # the reason of the other's action named the person
    actions = [json.loads(row) for row in after["worker.actions"]]
    assert {row["reason"] for row in actions} == {"[forgotten] asked, and [forgotten] again: [forgotten]"}
    told = {json.loads(row)["reason"] for row in others["worker.actions"]}.pop()
    restored = [json.dumps({**row, "reason": told}, sort_keys=True) for row in actions]
    assert restored == [json.dumps(json.loads(row), sort_keys=True) for row in others["worker.actions"]]
    assert {**after, "worker.actions": None} == {**others, "worker.actions": None}
    assert await stage.value("SELECT count(*) FROM worker.forgotten") == 1


async def test_the_search_sees_every_kind_of_column(life: Life) -> None:
    """A table that is added later is covered: its texts, lists and documents are searched."""
    stage = life.applying.stage
    await life.forget()
    await stage.fetch("CREATE TABLE worker.later (said text, names text[], ids bigint[], body jsonb, user_id bigint)")
    await stage.fetch(
        "INSERT INTO worker.later VALUES ('user ' || $1, ARRAY[$1], ARRAY[$1::bigint], jsonb_build_object('a', $1), "
        "$1::bigint)",
        str(life.user),
    )
    assert set(await life.traces()) == {f"worker.later.{name}" for name in ("said", "names", "ids", "body", "user_id")}


async def test_plans(life: Life) -> None:
    """Those that waited are rejected; all can still be read, without the person and with everybody else."""
    applying = life.applying
    await life.forget()
    assert await applying.plan_status(life.open_plan) == "rejected"
    assert await applying.plan_status(life.hand_plan) == "rejected"
    async with applying.stage.rooms() as rooms:
        for row in await applying.stage.fetch("SELECT id FROM worker.plans ORDER BY id"):
            kept = await load_plan(rooms.database, rooms.clock, ("main",), row["id"])
            assert kept is not None
            people = {user.diff.desired.user_id for user in kept.plan.users}
            assert people == (set() if row["id"] == life.hand_plan else {life.other})
    assert await applying.stage.value("SELECT document FROM worker.plans WHERE id = $1", life.hand_plan) == (
        "channels create [forgotten]"
    )
    with pytest.raises(PlanError, match="may not be carried out any more"):
        await applying.apply(life.open_plan)


@pytest.mark.long
async def test_no_run_brings_the_person_back(life: Life) -> None:
    """Neither a listing nor a spec that names the person by number; everybody else is read."""
    stage = life.applying.stage
    await life.forget()
    report = await stage.run(settle_held=True)
    assert (report.exit_code, report.coverage_percent) == (0, 100.0)
    assert report.figures.users_total == len(stage.ids) - 1
    assert await life.traces() == {}
    assert await stage.live() == {i: row for i, row in stage.truth().items() if row["user_id"] != life.user}
    report = await stage.run(f"id:{life.user},{life.other}")
    assert report.figures.users_total == 1
    assert set(await life.traces()) == {"worker.runs.users_spec"}  # what somebody typed since
    await stage.run(f"sis:CHANGED-{life.user}")
    assert {name.rpartition(".")[0] for name in await life.traces()} == {"worker.runs"}


async def test_until_next_run(life: Life) -> None:
    """The next run reads the person again, also where a hash was there; the mirror is the school."""
    stage = life.applying.stage
    await life.forget(until_next_run=True)
    assert await life.traces() == {}
    assert await stage.value("SELECT count(*) FROM worker.forgotten") == 0
    await stage.run(settle_held=True)
    await stage.assert_equal()
    await life.forget()
    await stage.run()
    assert await stage.rows_of(life.user) == {}
    await life.forget(until_next_run=True)
    await stage.run()
    await stage.assert_equal()


async def test_a_plan_leaves_the_person_out(life: Life) -> None:
    """A document that names the person says so as an unresolved reference, by its place alone; by hand is refused."""
    applying, stage = life.applying, life.applying.stage
    await life.forget()
    for name in (str(life.user), f"sis:CHANGED-{life.user}"):
        rows = [f"{name},email,late{life.user}@x.example,present", f"{life.other},email,late@x.example,present"]
        document = applying.desire.csv(*rows)
        plan = await applying.desire.plan(document)
        assert [change.user_id for change in plan.changes()] == [life.other]
        assert plan.source.unresolved == (f"{document.name}:2: this user was forgotten",)
        await applying.save(plan)
        some = await applying.desire.plan(document, only=(f"id:{life.other}",))
        assert some.source.unresolved == ()
    assert await life.traces() == {}
    async with stage.rooms() as rooms:
        wanted = Wanted(type="email", address="b@x.example", skip_confirmation=True)
        with pytest.raises(UsageError, match="was forgotten"):
            await plan_create(rooms, parse_ref(str(life.user)), wanted)


async def test_a_plan_that_was_being_made_meanwhile(life: Life) -> None:
    """It is saved after the person was forgotten; no apply carries it out."""
    applying = life.applying
    document = applying.desire.csv(f"{life.user},email,late{life.user}@x.example,present")
    plan = await applying.desire.plan(document)
    await life.forget()
    with pytest.raises(PlanError, match="names somebody who was forgotten"):
        await applying.apply(await applying.save(plan))
    await life.forget()
    assert await life.traces() == {}


async def test_undo_and_the_guards(life: Life) -> None:
    """What was done counts as before; undo takes back what it did to others, and says what it leaves."""
    applying, stage = life.applying, life.applying.stage
    columns = "kind, status, messaged, unattended, settled_at, plan_id, ordinal, run_id"
    query = f"SELECT {columns} FROM worker.actions ORDER BY id"  # noqa: S608  (constants)
    before = await stage.fetch(query)
    await life.forget()
    assert await stage.fetch(query) == before
    async with stage.rooms() as rooms:
        undoing = await plan_undo(rooms, life.applied, Progress())
    assert [change.user_id for change in undoing.plan.changes()] == [life.other]
    assert undoing.notes[0] == "1 action on somebody who was forgotten since"
    assert applying.live(life.user)


async def test_an_action_in_doubt(life: Life) -> None:
    """Nobody looks after it any more, and it still counts."""
    stage = life.applying.stage
    await stage.fetch("UPDATE worker.actions SET status = 'started' WHERE user_id = $1", life.user)
    await life.forget()
    assert (await stage.run()).exit_code == 0
    (row,) = await stage.fetch("SELECT user_id, status, address FROM worker.actions WHERE status = 'uncertain'")
    assert row == {"user_id": 0, "status": "uncertain", "address": ""}
    assert await life.traces() == {}


async def test_an_unfinished_run(life: Life) -> None:
    """A run that goes on does not read the person, waits for nobody, and counts whom it has read."""
    stage = life.applying.stage
    await life.forget(until_next_run=True)
    run = (await stage.run(settle_held=True)).run_id
    await stage.fetch("UPDATE worker.runs SET status = 'interrupted' WHERE id = $1", run)
    await stage.fetch(
        "INSERT INTO worker.batches (run_id, number, reason, user_ids) VALUES ($1, 90, 'source', ARRAY[$2::bigint])",
        run,
        life.user,
    )
    await life.forget()
    report = await stage.run()
    assert (report.run_id, report.resumed, report.exit_code, report.coverage_percent) == (run, True, 0, 100.0)
    assert await life.traces() == {}


async def test_another_instance_is_untouched(life: Life) -> None:
    """The same number at another Canvas is somebody else."""
    stage = life.applying.stage
    await stage.fetch("INSERT INTO worker.instances (instance) VALUES ('other')")
    await stage.fetch(
        "INSERT INTO mirror.users (instance, id, state, first_seen_at, changed_at) VALUES ('other', $1, 'present', "
        "now(), now())",
        life.user,
    )
    await life.forget()
    assert await life.traces() == {"mirror.users.id": 1}


async def test_channels_of_somebody_else_before(life: Life) -> None:
    """Channels that came with a merged account: their former versions have the person's address, and go too."""
    stage = life.applying.stage
    merged = next(user for user in life.applying.desire.plain() if user not in {life.user, life.other})
    addresses = [c.address for c in stage.school.users[merged].live_channels() if c.type == "email"]
    stage.school.merge_users(merged, life.user)
    await stage.run(settle_held=True)
    moved = "SELECT count(*) FROM mirror.channel_history WHERE address = ANY ($1::text[])"
    assert await stage.value(moved, addresses)
    await life.forget()
    assert await stage.value(moved, addresses) == 0
    assert await stage.state(merged) == "gone"


async def test_shared_identifiers(life: Life) -> None:
    """A SIS id that names somebody else by now is theirs: their failures stay."""
    stage = life.applying.stage
    former = next(text for text in life.texts if text.startswith("S"))
    await stage.fetch("UPDATE mirror.users SET sis_user_id = $1 WHERE id = $2", former, life.other)
    failures = "SELECT count(*) FROM worker.failures WHERE reference = 'sis_user_id:' || $1"
    assert await stage.value(failures, former) == 1
    await life.forget()
    assert await stage.value(failures, former) == 1


async def test_whom_a_reference_means(life: Life) -> None:
    """Numbers, SIS ids and logins; one that is unknown or names two is an error that says what to do."""
    stage = life.applying.stage
    login = stage.school.users[life.user].login_id
    async with stage.rooms() as rooms:
        for text in (str(life.user), f"sis:CHANGED-{life.user}", f"login:{login}"):
            assert await find_person(rooms.database, "main", parse_ref(text)) == life.user
        with pytest.raises(UsageError, match=r"no user for sis_user_id:NOBODY. Name the user by the number"):
            await find_person(rooms.database, "main", parse_ref("sis:NOBODY"))
        await stage.fetch("UPDATE mirror.users SET login_id = $1 WHERE id = $2", login, life.other)
        with pytest.raises(UsageError, match=r"2 users \(an identifier that changed hands\)"):
            await find_person(rooms.database, "main", parse_ref(f"login:{login}"))


def test_no_extension_is_needed() -> None:
    """PostgreSQL as it comes is enough."""
    assert "EXTENSION" not in "".join(migration.text for migration in migrations())


async def test_names_in_other_places(life: Life) -> None:
    """A document and a list of users named after the person, a login in other letters, the remarks about others."""
    applying, stage = life.applying, life.applying.stage
    sis, login = f"CHANGED-{life.user}", stage.school.users[life.user].login_id
    assert login
    rows = [f"{life.other},email,more{life.other}@x.example,present,with {login.upper()}"]
    document = applying.desire.write(f"{sis}.csv", "user,type,address,state,reason\n" + "\n".join(rows) + "\n")
    plan = await applying.save(await applying.desire.plan(document, max_age=None))
    listed = applying.desire.write(f"{sis}.txt", f"{life.other}\n")
    await stage.run(f"file:{listed}", f"login:{login.upper()}")
    found = set(await life.traces())
    assert {"worker.comparisons.document", "worker.plans.content", "worker.runs.users_spec"} <= found
    async with stage.rooms() as rooms:
        held = await held_on(rooms.database, "main", life.user, rooms.clock.now())
    assert held.counts["worker.comparisons"] == 1
    assert plan in {row["id"] for row in held.tables["worker.plans"]}
    assert (await life.forget())["worker.comparisons"] == 1
    assert await life.traces() == {}
    async with stage.rooms() as rooms:
        kept = await load_plan(rooms.database, rooms.clock, ("main",), plan)
    assert kept is not None
    (change,) = kept.plan.changes()
    assert (change.user_id, change.where, change.reason) == (life.other, "[forgotten].csv:2", "with [forgotten]")

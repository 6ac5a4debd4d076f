"""`plan --users`: only some of the users whom a document names."""

from dataclasses import replace
from itertools import islice

import pytest

from sync_worker.desired.guards import Allowances, Done, rule
from sync_worker.desired.plan import Plan, totals
from sync_worker.desired.render.as_json import plan_from_json, plan_to_json
from sync_worker.errors import CanvasUnreachable, DocumentError, SourceError
from sync_worker.flows.progress import Progress
from sync_worker.sandbox import Fault
from sync_worker.users.specs import QuerySpec
from tests.integration.flows.desire import Desire, facts
from tests.integration.flows.harness import Stage
from tests.unit.desired.builders import LIMITS


def planned(plan: Plan) -> set[int]:
    """Whom it is about."""
    return {user.diff.desired.user_id for user in plan.users}


async def forget(stage: Stage) -> None:
    """Let the mirror know nobody."""
    await stage.fetch("DELETE FROM mirror.communication_channels RETURNING 1")
    await stage.fetch("DELETE FROM mirror.users RETURNING 1")
    stage.sandbox.counters.reset()


async def test_only_those(desire: Desire) -> None:
    """Nobody else is planned, read or counted; the document is the whole one."""
    users = list(islice(desire.plain(), 20))
    rows = [f"{user},email,new@x.example,present" for user in users[:10]]
    rows += [f"{user},email,{desire.email(user).address},present" for user in users[10:]]
    document = desire.csv(*rows)
    plan = await desire.plan(document, only=[f"id:{users[3]},{users[12]}", f"id:{users[4]}"], max_age=None)
    assert facts(plan.changes()) == [("create", user, "email", "new@x.example") for user in (users[3], users[4])]
    assert desire.lists() == {users[3], users[4], users[12]}
    assert (plan.unchanged, plan.source.users, plan.source.unresolved) == (1, 20, ())
    assert plan.source.only == (f"id:{users[3]},{users[12]}", f"id:{users[4]}")
    assert plan.managed_live < (await desire.plan(document)).managed_live
    assert plan_from_json(plan_to_json(plan)) == plan


async def test_it_is_no_shrunken_document(desire: Desire) -> None:
    """The guards measure the document, not the part of it that is planned."""
    users = list(islice(desire.plain(), 20))
    document = desire.csv(*[f"{user},email,{desire.email(user).address},absent" for user in users])
    plan = await desire.plan(document, only=[f"id:{users[0]}"])
    assert totals(plan).deletes == 1
    same = replace(plan, source=replace(plan.source, users_before=20))
    assert rule(same, LIMITS, Allowances(), Done()).tripped == ()
    shrunken = replace(plan, source=replace(plan.source, users_before=50))
    assert "the document has 20 users where" in str(rule(shrunken, LIMITS, Allowances(), Done()).tripped[0])


async def test_every_kind_of_spec(desire: Desire, stage: Stage) -> None:
    """As for `run`: a listing, a file, names, a query; those whom the document does not name do not matter."""
    users = [stage.school.users[user] for user in islice(desire.plain(), 6)]
    document = desire.csv(*[f"{user.id},email,new@x.example,present" for user in users])
    names = desire.write("users.txt", f"{users[1].id}\nsis:{users[2].sis_user_id}\n{stage.ids[5]}\n")
    desire.write("users.sql", f"SELECT id FROM mirror.users WHERE id IN ({users[3].id}, {stage.ids[6]})")  # noqa: S608  (a test's own)
    cases = {
        "account:self": {user.id for user in users},
        f"file:{names}": {users[1].id, users[2].id},
        f"query:{desire.folder / 'users.sql'}": {users[3].id},
        f"login:{users[4].login_id}": {users[4].id},
        f"id:1~{users[5].id}": {users[5].id},
        "self": set(),
    }
    for spec, wanted in cases.items():
        assert planned(await desire.plan(document, only=[spec])) == wanted, spec


async def test_a_document_by_query(desire: Desire) -> None:
    """Restricted like any other one."""
    one, two = islice(desire.plain(), 2)
    path = desire.write("wanted.sql", f"SELECT unnest(ARRAY[{one}, {two}]) AS user, 'email' AS type, 'a@x' AS address")
    plan = await desire.plan(QuerySpec(path=path), only=[f"id:{two}"])
    assert (planned(plan), plan.source.users) == ({two}, 2)


async def test_unknown_names_of_others_are_not_asked_about(desire: Desire, stage: Stage) -> None:
    """As soon as everybody meant is found; that some of them lead to nobody does not count then."""
    users = [stage.school.users[user] for user in islice(desire.plain(), 3)]
    strangers = [f"sis:NOBODY{number},email,a@x.example,present" for number in range(30)]
    document = desire.csv(*strangers, *[f"{user.id},email,new@x.example,present" for user in users])
    plan = await desire.plan(document, only=[f"id:{users[0].id}", f"sis:{users[1].sis_user_id}"])
    assert planned(plan) == {users[0].id, users[1].id}
    assert plan.source.unresolved == ()
    assert desire.routes() == {"get_user": 1, "list_channels": 2}


@pytest.mark.parametrize("by", ["sis", "id", "login", "self"])
async def test_an_empty_mirror(desire: Desire, stage: Stage, by: str) -> None:
    """Trying one person before the first load costs some requests, however many people the document names."""
    await forget(stage)
    users = [u for u in stage.school.users.values() if u.id in {stage.ids[0], *desire.plain()} and u.sis_user_id]
    user = users[0] if by == "self" else users[7]
    spec = {"sis": f"sis:{user.sis_user_id}", "id": f"id:{user.id}", "login": f"login:{user.login_id}", "self": "self"}
    document = desire.csv(*[f"sis:{u.sis_user_id},email,new@x.example,present" for u in users])
    plan = await desire.plan(document, only=[spec[by]])
    assert planned(plan) == {user.id}
    assert plan.source.users == len(users)
    assert desire.routes() == {"get_user": 1, "list_channels": 1}


async def test_a_name_that_only_canvas_knows(desire: Desire, stage: Stage) -> None:
    """Where somebody meant is not found otherwise, the other names are asked about: one of them may be the person."""
    user, other = (stage.school.users[u] for u in islice(desire.plain(), 2))
    stage.school.change_sis_id(user.id, "NEW")
    await stage.fetch(
        "UPDATE mirror.users SET integration_id = NULL, login_id = NULL WHERE id = $1 RETURNING 1", user.id
    )
    stage.sandbox.counters.reset()
    rows = ("sis:NEW,email,new@x.example,present", f"{other.id},email,new@x.example,present")
    plan = await desire.plan(desire.csv("sis:NOBODY,email,a@x.example,present", *rows), only=[f"id:{user.id}"])
    assert (planned(plan), plan.source.unresolved) == ({user.id}, ())
    assert 1 <= desire.routes()["get_user"] <= 3


async def test_a_name_that_is_no_identifier(desire: Desire) -> None:
    """A global number, another login: it is asked about as well; whom it does not lead to is left alone."""
    user = next(desire.plain())
    rows = (f"1~{user},email,new@x.example,present", "sis:NOBODY,email,a@x.example,present")
    plan = await desire.plan(desire.csv(*rows), only=["account:self"])
    assert (planned(plan), plan.source.unresolved) == ({user}, ())
    assert desire.routes()["get_user"] == 2


async def test_canvas_knows_better_than_the_mirror(desire: Desire, stage: Stage) -> None:
    """A name that the specs say too is whoever has it now."""
    old, new = (stage.school.users[u] for u in islice(desire.plain(), 2))
    name = str(old.sis_user_id)
    stage.school.change_sis_id(old.id, "OTHER")
    stage.school.change_sis_id(new.id, name)
    plan = await desire.plan(desire.csv(f"sis:{name},email,new@x.example,present"), only=[f"sis:{name}"])
    assert planned(plan) == {new.id}


async def test_who_is_not_in_the_document(desire: Desire) -> None:
    """Nothing is planned for them."""
    one, two = islice(desire.plain(), 2)
    plan = await desire.plan(desire.csv(f"{one},email,new@x.example,present"), only=[f"id:{two}"])
    assert (plan.users, plan.unchanged, plan.source.users) == ((), 0, 1)
    assert desire.routes() == {}
    rows = (f"{one},email,new@x.example,present", "sis:NOBODY,email,a@x.example,present")
    plan = await desire.plan(desire.csv(*rows), only=[f"id:{two}"])
    assert (plan.users, plan.source.unresolved, desire.routes()) == ((), (), {"get_user": 1})


async def test_a_spec_that_leads_to_nobody_is_told(desire: Desire) -> None:
    """Once, with the place in the document if it is there, else in the spec."""
    user = next(desire.plain())
    document = desire.csv(f"{user},email,new@x.example,present", "sis:LOST,email,a@x.example,present")
    plan = await desire.plan(document, only=[f"id:{user}", "sis:LOST,TYPO"])
    assert planned(plan) == {user}
    assert [": ".join(text.split(": ")[:2]) for text in plan.source.unresolved] == [
        "desired.csv:3: sis_user_id:LOST",
        "sis:LOST,TYPO: sis_user_id:TYPO",
    ]


async def test_no_answer_about_somebody_meant(desire: Desire, stage: Stage) -> None:
    """Is counted: the exit code will say that the plan is not all of it. Canvas answers others: it is no outage."""
    user = next(desire.plain())
    document = desire.csv(f"{user},email,new@x.example,present", "sis:X,email,a@x.example,present")
    progress = Progress()
    plan = await desire.plan(document, only=[f"id:{user}"], progress=progress)
    assert (planned(plan), plan.source.unresolved, progress.failed) == ({user}, (), 0)
    stage.sandbox.add_fault(Fault(route="get_user", status=500, times=2))
    plan = await desire.plan(document, only=[f"id:{user}", "sis:X"], progress=progress)
    assert (planned(plan), len(plan.source.unresolved), progress.failed) == ({user}, 1, 1)
    stage.sandbox.add_fault(Fault(route="get_user", status=500, times=2))
    with pytest.raises(CanvasUnreachable, match="no usable answer about anybody"):
        await desire.plan(document, only=[f"id:{stage.ids[90]}"], progress=progress)


async def test_two_names_for_one_of_them(desire: Desire, stage: Stage) -> None:
    """An error as ever, also where only the walk shows it."""
    user = stage.school.users[next(desire.plain())]
    await forget(stage)
    document = desire.csv(f"{user.id},email,a@x.example,present", f"sis:{user.sis_user_id},email,b@x.example,present")
    with pytest.raises(DocumentError, match=f"are the same Canvas user {user.id}"):
        await desire.plan(document, only=[f"sis:{user.sis_user_id}"])


async def test_sources_that_cannot_be_walked(desire: Desire, stage: Stage) -> None:
    """Told as for a run; the document comes first."""
    document = desire.csv(f"{next(desire.plain())},email,a@x.example,present")
    with pytest.raises(SourceError, match="cannot be listed"):
        await desire.plan(document, only=["account:999"])
    with pytest.raises(SourceError, match="cannot be read"):
        await desire.plan(document, only=["file:none.csv"])
    stage.sandbox.add_fault(Fault(route="list_users", status=500))
    with pytest.raises(CanvasUnreachable):
        await desire.plan(document, only=["account:self"])
    with pytest.raises(DocumentError):
        await desire.plan(desire.csv("x,email,a@x.example,present"), only=["account:999"])

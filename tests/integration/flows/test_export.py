"""Exports: the mirror as a document, now, as it was, or what was lost."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from sync_worker.desired.document import check
from sync_worker.desired.plan import totals
from sync_worker.errors import UsageError
from sync_worker.flows.look.exporting import named_users
from sync_worker.mirror.export import Selection
from sync_worker.users.specs import parse_spec
from tests.integration.flows.desire import Desire, facts
from tests.integration.flows.harness import Stage


async def now(stage: Stage) -> Any:
    """The database's time."""
    return await stage.value("SELECT clock_timestamp()")


async def test_planning_it_changes_nothing(desire: Desire, stage: Stage) -> None:
    """Every e-mail and SMS channel of the mirror is in it, and nothing is to be done; nobody is read."""
    document, counts = await desire.exported()
    plan = await desire.plan(document)
    assert (plan.empty, plan.users, plan.source.unresolved) == (True, (), ())
    rows = (await stage.live()).values()
    wanted = {row["id"] for row in rows if row["type"] in {"email", "sms"}}
    assert counts.channels + counts.unwritable == len(wanted)
    assert (plan.source.users, check(document).entries) == (counts.users, counts.channels)
    assert {row["type"] for row in rows} > {"email", "sms"}
    assert set(desire.routes()) <= {"get_user"}  # numbers beyond a shard
    assert (await desire.plan(document, max_age=None)).empty


async def test_names(desire: Desire, stage: Stage) -> None:
    """A SIS id where it names one user of the mirror, else the number."""
    one, two, three = (stage.school.users[user] for user in islice(desire.plain(), 3))
    await stage.fetch("UPDATE mirror.users SET sis_user_id = 'SAME' WHERE id = ANY ($1) RETURNING 1", [one.id, two.id])
    await stage.fetch("UPDATE mirror.users SET sis_user_id = ' x ' WHERE id = $1 RETURNING 1", stage.ids[60])
    text = (await desire.exported())[0].read_text()
    assert f"  - user: {one.id}\n" in text
    assert f"  - user: {two.id}\n" in text
    assert f"  - user: {stage.ids[60]}\n" in text
    assert f'  - user: "sis:{three.sis_user_id}"\n' in text


async def test_some_users(desire: Desire, stage: Stage) -> None:
    """Only those that are named; a name that the mirror does not know is an error."""
    one, two = (stage.school.users[user] for user in islice(desire.plain(), 2))
    specs = [parse_spec(f"sis:{one.sis_user_id}"), parse_spec(f"id:{two.id}")]
    async with stage.rooms() as rooms:
        users = await named_users(rooms.database, "main", specs)
        with pytest.raises(UsageError, match="the mirror has no user for sis_user_id:X"):
            await named_users(rooms.database, "main", [parse_spec("sis:X")])
        with pytest.raises(UsageError, match="account:self is not available"):
            await named_users(rooms.database, "main", [parse_spec("account:self")])
    assert users == (one.id, two.id)
    assert (await desire.exported(Selection(users=users)))[1].users == 2


async def test_what_was_lost_comes_back(desire: Desire, stage: Stage) -> None:
    """What was alive then and is not now; planning and doing it gives back just that."""
    users = list(islice(desire.plain(), 4))
    lost = {user: desire.email(user) for user in users[:3]}
    then = await now(stage)
    for channel in lost.values():
        stage.school.retire(channel.id)
    stage.school.create(users[0], "email", lost[users[0]].address.upper())  # back already, written otherwise
    stage.school.create(users[3], "email", "new@x.example")
    await stage.run()
    document, counts = await desire.exported(Selection(as_of=then, only_missing=True))
    assert (counts.users, counts.channels) == (2, 2)
    plan = await desire.plan(document)
    assert facts(plan.changes()) == [("create", user, "email", lost[user].address) for user in sorted(users[1:3])]
    desire.carry_out(plan)
    await stage.run()
    assert (await desire.plan(document)).empty
    assert (await desire.exported(Selection(as_of=then, only_missing=True)))[1].channels == 0


async def test_tombstones(desire: Desire, stage: Stage) -> None:
    """Without a time: all that was ever deleted and is not there; users who are gone are counted and left out."""
    user, gone = islice(desire.plain(), 2)
    channel = desire.email(user)
    stage.school.retire(channel.id)
    stage.school.delete_user(gone)
    await stage.run()
    document, counts = await desire.exported(Selection(only_missing=True))
    assert asdict(counts) == {"users": 1, "channels": 1, "sms": 0, "unwritable": 0, "gone": 1}
    assert totals(await desire.plan(document)).creates == 1


async def test_as_it_was(desire: Desire, stage: Stage) -> None:
    """At each moment between runs an export is what the mirror held then: deletes, revivals, new addresses, moves."""
    moments, held = [], []
    user, other = islice(desire.plain(), 2)
    channel = desire.email(user)

    async def look() -> None:
        await stage.run()
        moments.append(await now(stage))
        held.append((await desire.exported())[0].read_text())

    await look()
    stage.school.retire(channel.id)
    await look()
    stage.school.revive(channel.id)
    await look()
    stage.school.readdress(channel.id, "moved@x.example")
    stage.school.create(other, "email", "b@x.example", confirmed=False)
    await look()
    stage.sandbox.churn(0.2, 1)
    await look()
    assert len(set(held)) == 4  # what was revived is as it was before
    for moment, text in zip(moments[:4], held[:4], strict=True):
        was = (await desire.exported(Selection(as_of=moment)))[0].read_text()
        assert _channels(was) == _channels(text)
    assert (await desire.exported(Selection(as_of=moments[4])))[0].read_text() == held[4]
    assert (await desire.exported(Selection(as_of=datetime(2001, 1, 1, tzinfo=UTC))))[1].channels == 0
    later = moments[4] + timedelta(days=1)
    assert (await desire.exported(Selection(as_of=later)))[0].read_text() == held[4]


def _channels(text: str) -> list[str]:
    """The channels alone: SIS ids may have changed hands since."""
    return [line for line in text.splitlines() if line.startswith("      - ")]


async def test_what_nobody_confirmed_is_not_confirmed(desire: Desire, stage: Stage) -> None:
    """An unconfirmed address comes back unconfirmed, or not at all."""
    user = next(desire.plain())
    stage.school.create(user, "email", "new@x.example", confirmed=False)
    await stage.run(f"id:{user}")
    text = (await desire.exported(Selection(users=(user,))))[0].read_text()
    assert '{type: email, address: "new@x.example", skip_confirmation: false}' in text


async def test_what_no_document_can_hold(desire: Desire, stage: Stage) -> None:
    """It is left out and counted."""
    user = next(desire.plain())
    await stage.fetch("UPDATE mirror.communication_channels SET address = 'no at' WHERE user_id = $1 RETURNING 1", user)
    _, counts = await desire.exported(Selection(users=(user,)))
    assert (counts.users, counts.unwritable > 0) == (0, True)


@pytest.mark.usefixtures("desire")
async def test_the_function_for_people(stage: Stage) -> None:
    """reporting.channels_as_of gives the live channels of one instance, push and all."""
    rows = await stage.fetch("SELECT * FROM reporting.channels_as_of(now(), 'main')")
    assert {row["id"] for row in rows} == set(await stage.live())
    assert await stage.fetch("SELECT * FROM reporting.channels_as_of(now(), 'other')") == []

"""SMS numbers are the same by what they dial, all along the way from a document to Canvas and back."""

from collections.abc import Iterator
from itertools import islice

import pytest

from sync_worker.desired.entries import Terms
from sync_worker.desired.model import Mode
from sync_worker.errors import DocumentError, UsageError
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.byhand import Wanted, plan_create, plan_delete
from sync_worker.flows.push.undo import plan_undo
from sync_worker.sandbox import Fault
from sync_worker.users.refs import parse_ref
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.desire import Desire, facts
from tests.integration.flows.harness import Stage

SMS = Terms(forced_manage=frozenset({"sms"}))
EXACT = Terms(forced_manage=frozenset({"sms"}), forced_mode=Mode.EXACT)
SPELLINGS = ("(555) 026-1041", "+1 555 026 1041", "1.555.026.1041")


def without_numbers(stage: Stage) -> Iterator[int]:
    """Users with an ordinary number and without SMS channels."""
    for user in stage.ids[20:]:
        if user < 10**9 and all(channel.type != "sms" for channel in stage.school.users[user].live_channels()):
            yield user


async def give(stage: Stage, *addresses: str, user: int | None = None) -> int:
    """A user with these SMS channels, mirrored."""
    user = user or next(without_numbers(stage))
    for address in addresses:
        stage.school.create(user, "sms", address)
    await stage.run()
    stage.sandbox.counters.reset()
    return user


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_another_spelling_is_no_change(desire: Desire, stage: Stage, spelling: str) -> None:
    """Nothing is created, nothing deleted, and nobody is read: the mirror knows it all."""
    stage.instance["phone_region"] = "US"
    user = await give(stage, "555-026-1041", "5550261042@TXT.att.net")
    document = desire.csv(f"{user},sms,{spelling},", f"{user},sms,5550261042@txt.att.net,")
    plan = await desire.plan(document, terms=EXACT)
    assert (facts(plan.changes()), plan.unchanged, desire.lists()) == ([], 1, set())


async def test_without_a_region_a_number_is_itself(desire: Desire, stage: Stage) -> None:
    """Nobody can say which country is meant; with the country's code it is the same everywhere."""
    one, two = islice(without_numbers(stage), 2)
    await give(stage, "555-026-1041", user=one)
    await give(stage, "+1 555-026-1041", user=two)
    plan = await desire.plan(desire.csv(f"{one},sms,(555) 026-1041,", f"{two},sms,+15550261041,"), terms=EXACT)
    assert facts(plan.changes()) == [("create", one, "sms", "(555) 026-1041"), ("delete", one, "sms", "555-026-1041")]


@pytest.mark.parametrize("spelling", ["555-026-1041", *SPELLINGS])
async def test_absent_in_another_spelling(desire: Desire, stage: Stage, spelling: str) -> None:
    """A number that is to go is found, though the database knows one spelling of it only."""
    stage.instance["phone_region"] = "US"
    user = await give(stage, "555-026-1041")
    plan = await desire.plan(desire.csv(f"{user},sms,{spelling},absent"), terms=SMS)
    assert facts(plan.changes()) == [("delete", user, "sms", "555-026-1041")]


async def test_a_number_twice_in_a_document(desire: Desire, stage: Stage) -> None:
    """Two spellings are one number, also where one is to be there and the other not."""
    stage.instance["phone_region"] = "US"
    user = next(without_numbers(stage))
    rows = [f"{user},sms,{SPELLINGS[0]},", f"{user},sms,{SPELLINGS[1]},absent", f"{user},sms,5550261041,"]
    with pytest.raises(DocumentError) as caught:
        await desire.plan(desire.csv(*rows), terms=SMS)
    assert "desired.csv:3: address: the same sms address is present in desired.csv:2 and absent" in str(caught.value)
    assert "desired.csv:4: address: the same sms address is already in desired.csv:2" in str(caught.value)


async def test_it_came_in_another_spelling_meanwhile(applying: Applying) -> None:
    """What somebody else created after planning is there; a lost answer finds what it created."""
    stage = applying.stage
    stage.instance |= {"phone_region": "US", "guards": GENEROUS}
    one, two = islice(without_numbers(stage), 2)
    wish = "manage: [sms], channels: [{type: sms, address: 555-026-1041}]"
    number = await applying.planned(users=f"  - {{user: {one}, {wish}}}\n  - {{user: {two}, {wish}}}\n")
    stage.school.create(one, "sms", SPELLINGS[1])
    stage.sandbox.add_fault(Fault(kind="close", route="create", user_ids=frozenset({two}), times=1))
    await applying.apply(number)
    stage.school.create(two, "sms", SPELLINGS[1])
    report = await applying.apply(number)
    assert report.exit_code == 0
    assert "existed" in await applying.statuses(number)
    assert [c.address for c in stage.school.users[one].live_channels() if c.type == "sms"] == [SPELLINGS[1]]


async def test_undo_takes_back_its_own_spelling_only(applying: Applying) -> None:
    """A number that somebody else has added since, in another spelling, stays."""
    stage = applying.stage
    stage.instance |= {"phone_region": "US", "guards": GENEROUS}
    user = next(without_numbers(stage))
    wish = "manage: [sms], channels: [{type: sms, address: 555-026-1041}]"
    report = await applying.apply(await applying.planned(users=f"  - {{user: {user}, {wish}}}\n"))
    stage.school.create(user, "sms", SPELLINGS[1])
    async with stage.rooms() as rooms:
        undoing = await plan_undo(rooms, report.run_id, Progress())
    assert facts(undoing.plan.changes()) == [("delete", user, "sms", "555-026-1041")]


async def test_undo_does_not_bring_a_number_back_twice(applying: Applying) -> None:
    """It is there again already, in another spelling."""
    stage = applying.stage
    stage.instance |= {"phone_region": "US", "guards": GENEROUS}
    user = await give(stage, "555-026-1041")
    gone = "manage: [sms], absent: [{type: sms, address: +15550261041}]"
    report = await applying.apply(await applying.planned(users=f"  - {{user: {user}, {gone}}}\n"))
    stage.school.create(user, "sms", SPELLINGS[1])
    async with stage.rooms() as rooms:
        assert (await plan_undo(rooms, report.run_id, Progress())).plan.empty


async def test_by_hand(desire: Desire, stage: Stage) -> None:
    """A create knows every spelling; a delete takes the one channel that was named."""
    stage.instance["phone_region"] = "US"
    user = await give(stage, "555-026-1041", SPELLINGS[1])
    ref = parse_ref(str(user))
    first, _ = (c for c in stage.school.users[user].live_channels() if c.type == "sms")
    async with stage.rooms() as rooms:
        wanted = Wanted(type="sms", address="15550261041", skip_confirmation=True)
        assert (await plan_create(rooms, ref, wanted)).empty
        for name in (str(first.id), "555-026-1041"):
            plan = await plan_delete(rooms, ref, name)
            assert facts(plan.changes()) == [("delete", user, "sms", "555-026-1041")]
        with pytest.raises(UsageError, match="2 channels"):
            await plan_delete(rooms, ref, SPELLINGS[0])
    assert desire.routes()


async def test_an_export_can_be_planned(desire: Desire, stage: Stage) -> None:
    """Who has a number in two spellings has it once in the export, and keeps both."""
    stage.instance["phone_region"] = "US"
    await give(stage, "555-026-1041", SPELLINGS[1])
    document, counts = await desire.exported()
    plan = await desire.plan(document, terms=Terms(forced_mode=Mode.EXACT), max_age=None)
    assert counts.sms > 0
    assert [change for change in plan.changes() if change.type == "sms"] == []

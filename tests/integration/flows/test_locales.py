"""What is planned, given back and forgotten does not depend on the locale of the database."""

# ruff: noqa: RUF001  (letters that look alike are what is tested)

from collections.abc import AsyncIterator
from itertools import islice

import pytest

from sync_worker.clock import Clock
from sync_worker.flows.privacy.forget import forget
from sync_worker.mirror.database import connect
from sync_worker.mirror.export import Selection
from sync_worker.mirror.lock import writing
from sync_worker.mirror.migrations import migrate
from tests.conftest import Cluster
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.desire import Desire, facts
from tests.integration.flows.harness import Stage
from tests.integration.flows.test_export import now
from tests.integration.mirror.encodings import encoded

pytestmark = pytest.mark.own_school


@pytest.fixture(params=["C", "full", "Turkish"])
async def database_url(request: pytest.FixtureRequest, cluster: Cluster, clock: Clock) -> AsyncIterator[str]:
    """A database with the schema, in a locale whose `lower()` is not that of Canvas."""
    async with encoded(cluster, "UTF8", request.param) as url:
        async with connect(url) as database:
            await migrate(database, clock)
        yield url


async def test_whoever_has_everything_is_taken_out(desire: Desire, stage: Stage) -> None:
    """By the mirror alone, whatever the letters; who lacks something is not."""
    one, two, three = list(desire.plain())[:3]
    for user in (one, two, three):
        stage.school.create(user, "email", "ÅSA.IÇI@Σ.example")
    await stage.run()
    desire.routes()
    rows = [f"{one},email,åsa.içi@σ.example,present", f"{two},email,ÅSA.İÇI@Σ.EXAMPLE,present"]
    plan = await desire.plan(desire.csv(*rows))
    assert (plan.unchanged, plan.empty, desire.routes()) == (2, True, {})
    plan = await desire.plan(desire.csv(*rows, f"{three},email,åsa.içi@σ.example,absent"))
    assert facts(plan.changes()) == [("delete", three, "email", "ÅSA.IÇI@Σ.example")]
    ending = desire.csv(f"{three},email,åsa.içi@ς.example,present")  # another address
    assert facts((await desire.plan(ending)).changes()) == [("create", three, "email", "åsa.içi@ς.example")]


async def test_what_is_back_already_is_not_given_back(desire: Desire, stage: Stage) -> None:
    """Written in other letters."""
    one, two = list(desire.plain())[:2]
    channels = [stage.school.create(user, "email", "Åsa.IΣ@x.example")[0] for user in (one, two)]
    await stage.run()
    then = await now(stage)
    for channel in channels:
        stage.school.retire(channel.channel_id)
    stage.school.create(one, "email", "åSA.iσ@X.example")
    await stage.run()
    document, counts = await desire.exported(Selection(as_of=then, only_missing=True))
    assert counts.channels == 1
    assert facts((await desire.plan(document)).changes()) == [("create", two, "email", "Åsa.IΣ@x.example")]


async def test_somebody_is_forgotten_in_any_letters(applying: Applying, stage: Stage) -> None:
    """In what was said of others; a longer word in which the address stands is somebody else's."""
    stage.instance["guards"] = GENEROUS
    one, two = islice(applying.desire.plain(), 2)
    stage.school.create(one, "email", "zoë.iσ@bücher.example")
    await stage.run()
    number = await applying.planned(f"{two},email,new@x.example,present")
    await applying.apply(number, reason="as ZOË.IΣ@BÜCHER.EXAMPLE asked, not ôzoë.iσ@bücher.example")
    async with stage.rooms() as rooms, writing(rooms.database, "main", "forget", rooms.clock) as writer:
        await forget(writer, rooms.clock, one, until_next_run=False)
    (action,) = await applying.actions(number)
    assert action["reason"] == "as [forgotten] asked, not ôzoë.iσ@bücher.example"

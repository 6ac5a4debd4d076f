"""An instance is a mirror of one Canvas."""

import pytest

from sync_worker.errors import WrongCanvas
from sync_worker.mirror.binding import Binding, bind, binding, check, rebind
from sync_worker.mirror.database import Database
from sync_worker.mirror.lock import writing
from tests.integration.mirror.stage import ORIGIN, Stage, StillClock, at

OTHER = "https://other.example.com"


async def bound(database: Database, clock: StillClock, root: int | None, instance: str = "main") -> Binding:
    """Bind at a first run."""
    async with writing(database, instance, "run", clock) as writer:
        assert await binding(database, instance) is None
        await bind(writer, clock, None, ORIGIN, root)
    result = await binding(database, instance)
    assert result is not None
    return result


async def test_the_first_run_binds(database: Database) -> None:
    """Taking the lock alone does not."""
    clock = StillClock()
    assert await bound(database, clock, 1) == Binding(instance="main", origin=ORIGIN, root_account_id=1, bound_at=at(0))
    await bound(database, clock, None, "second")


@pytest.mark.parametrize(
    ("origin", "root", "message"),
    [
        (OTHER, 1, f"mirror of {ORIGIN}, but base_url is now {OTHER}"),
        (OTHER, None, "db rebind"),
        (ORIGIN, 2, "root account 1 .* says root account 2"),
    ],
)
async def test_another_canvas_is_refused(database: Database, origin: str, root: int | None, message: str) -> None:
    """Nothing is written; the message says what to do."""
    clock = StillClock()
    before = await bound(database, clock, 1)
    async with writing(database, "main", "run", clock) as writer:
        with pytest.raises(WrongCanvas, match=message):
            await bind(writer, clock, before, origin, root)
    assert await binding(database, "main") == before


async def test_an_unknown_root_account_is_no_contradiction(database: Database) -> None:
    """The token may not see it; what is once learned stays."""
    clock = StillClock()
    before = await bound(database, clock, None)
    check(before, ORIGIN, 1)
    clock.time = at(9)
    async with writing(database, "main", "run", clock) as writer:
        await bind(writer, clock, before, ORIGIN, 1)
        learned = await binding(database, "main")
        assert learned == Binding(instance="main", origin=ORIGIN, root_account_id=1, bound_at=at(0))
        await bind(writer, clock, learned, ORIGIN, None)
    assert await binding(database, "main") == learned


async def test_a_binding_that_appeared_meanwhile_is_not_overwritten(stage: Stage) -> None:
    """Binding is for instances that have none."""
    await bind(stage.writer, stage.clock, None, OTHER, 2)
    now = await binding(stage.database, "main")
    assert now is not None
    assert (now.origin, now.root_account_id) == (ORIGIN, 1)


async def test_a_person_may_rebind(database: Database) -> None:
    """To another origin, with another root account or none that is known."""
    clock = StillClock()
    await bound(database, clock, 1)
    clock.time = at(5)
    async with writing(database, "main", "db rebind", clock) as writer:
        await rebind(writer, clock, OTHER, None)
    expected = Binding(instance="main", origin=OTHER, root_account_id=None, bound_at=at(5))
    assert await binding(database, "main") == expected

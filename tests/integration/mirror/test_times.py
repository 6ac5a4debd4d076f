"""Times of our own that lie in the future: none is overlooked, and each can be repaired."""

import re
from datetime import timedelta
from typing import Any, Final

from sync_worker.mirror.clocks import TOLERANCE, future_values, repair_times
from sync_worker.mirror.database import Database
from sync_worker.mirror.sql import statement
from tests.integration.mirror.stage import Stage, channel, snapshot

CANVAS_SAYS: Final = frozenset(
    {"created_at", "last_bounce_at", "last_transient_bounce_at", "last_suppression_bounce_at"}
)
RIGHTLY: Final = {
    "worker.plans.expires_at": "a plan is good until then",
    "worker.migrations.applied_at": "the database's own time, compared with nothing",
}
"""Columns that may lie in the future, and why."""

COLUMNS: Final = """
    SELECT c.table_schema || '.' || c.table_name AS place, c.column_name AS name
    FROM information_schema.columns c
    JOIN information_schema.tables t USING (table_schema, table_name)
    WHERE c.table_schema IN ('mirror', 'worker') AND c.data_type = 'timestamp with time zone'
        AND t.table_type = 'BASE TABLE'
"""


async def test_every_time_of_our_own_is_looked_at_and_repaired(database: Database) -> None:
    """A new column is added to sql/queries/clocks.sql, or to the exemptions above, with a reason."""
    async with database.session() as session:
        columns = [(row["place"], row["name"]) for row in await session.connection.fetch(COLUMNS)]
    ours = [c for c in columns if c[1] not in CANVAS_SAYS and ".".join(c) not in RIGHTLY]
    assert len(ours) > 30
    looked = statement("future_values")
    repaired = "".join(statement(f"repair_{what}") for what in ("channels", "users", "runs", "ledger"))
    for place, name in ours:
        (part,) = re.findall(rf"'{place}'[^']*", looked)
        assert re.search(rf"\b{name}\b", part), f"{place}.{name} is not looked at"
        updates = re.findall(rf"UPDATE {place}\b.*?WHERE", repaired, re.DOTALL)
        assert any(re.search(rf"\b{name} =", update) for update in updates), f"{place}.{name} is not repaired"


async def test_what_canvas_says_is_its_own_business(stage: Stage) -> None:
    """Its clock may be ahead of ours: no finding, no repair."""
    times: dict[str, Any] = dict.fromkeys(CANVAS_SAYS, stage.clock.time + timedelta(days=400))
    await stage.commit(snapshot(1, -1, channel(10, **times)))
    assert await future_values(stage.database, stage.clock, ["main"]) == ()
    before = await stage.row(10)
    assert await repair_times(stage.writer, stage.clock) == ()
    assert await stage.row(10) == before


async def test_a_little_ahead_is_nothing(stage: Stage) -> None:
    """Two machines are never at the same second."""
    await stage.commit(snapshot(1, TOLERANCE.total_seconds() / 60, channel(10)))
    assert await future_values(stage.database, stage.clock, ["main"]) == ()
    await stage.commit(snapshot(1, TOLERANCE.total_seconds() / 60 + 0.1, channel(10), channel(11)))
    assert [each.place for each in await future_values(stage.database, stage.clock, ["main"])] == [
        "mirror.communication_channels"
    ]
    assert await future_values(stage.database, stage.clock, ["other"]) == ()

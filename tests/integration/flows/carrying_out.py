"""Applying plans against the school of a test."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sync_worker.desired.guards import Allowances
from sync_worker.desired.plan import Plan
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.flows.push.apply import ApplyRequest, apply
from sync_worker.flows.push.saving import load_plan, save_plan
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.stop import Stop
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Row, Stage

GENEROUS = {"max_creates": 10_000, "max_deletes": 10_000, "max_delete_percent": 100.0}
"""Guards that let numbers pass."""


@dataclass(kw_only=True)
class Applying:
    """Plans documents, saves the plans, applies them, and looks at what became of them."""

    stage: Stage
    desire: Desire
    sent: int = 0  # messages before the test began

    async def planned(self, *rows: str, users: str = "") -> int:
        """Plan a document of rows, or of a YAML list of users, reading everybody live; save it; its number."""
        document = self.desire.yaml(users) if users else self.desire.csv(*rows)
        return await self.save(await self.desire.plan(document, max_age=None))

    async def save(self, plan: Plan, kind: str = "document") -> int:
        async with self.stage.rooms() as rooms:
            return await save_plan(rooms.database, rooms.instance, plan, kind, whole=kind == "document")

    async def apply(self, number: int, *, stop: Stop | None = None, **given: Any) -> ApplyReport:
        """One apply in a context of its own, as in a process of its own; `allow` holds allowances."""

        async def once() -> ApplyReport:
            async with self.stage.rooms() as rooms:
                return await self.apply_in(rooms, number, stop=stop, **given)

        return await asyncio.create_task(once())

    async def apply_in(
        self, rooms: Rooms, number: int, *, stop: Stop | None = None, progress: Progress | None = None, **given: Any
    ) -> ApplyReport:
        allowances = Allowances(**given.pop("allow", {}))
        kept = await load_plan(rooms.database, rooms.clock, ("main",), number)
        assert kept is not None
        request = ApplyRequest(plan_id=number, plan=kept.plan, allowances=allowances, **given)
        return await apply(rooms, request, stop=stop or Stop(), progress=progress or Progress())

    # --- looking

    async def actions(self, plan: int | None = None) -> list[Row]:
        """The journal in its order."""
        query = "SELECT * FROM worker.actions WHERE plan_id = $1 OR $1::bigint IS NULL ORDER BY id"
        return await self.stage.fetch(query, plan)

    async def statuses(self, plan: int | None = None) -> Counter[str]:
        return Counter(row["status"] for row in await self.actions(plan))

    async def plan_status(self, number: int) -> str:
        status: str = await self.stage.value("SELECT status FROM worker.plans WHERE id = $1", number)
        return status

    def live(self, user_id: int) -> set[tuple[str, str, str]]:
        """Type, address and state of a user's live channels at the school."""
        return {(c.type, c.address, c.state) for c in self.stage.school.users[user_id].live_channels()}

    def __post_init__(self) -> None:
        self.sent = self.messages()

    def messages(self) -> int:
        """Confirmation messages that have gone out since the test began."""
        ever: int = sum(c.messages for user in self.stage.school.users.values() for c in user.channels)
        return ever - self.sent

    def writes(self) -> int:
        """Writing calls since the last look."""
        routes = self.desire.routes()
        return sum(routes.get(name, 0) for name in ("create", "delete", "delete_by_address", "delete_push"))

    async def assert_equal(self, user_ids: Iterable[int]) -> None:
        """What the mirror has of these users is what the school has."""
        ids = list(user_ids)
        truth = {i: row for i, row in self.stage.truth().items() if row["user_id"] in ids}
        assert await self.stage.rows_of(*ids) == truth

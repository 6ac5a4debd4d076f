"""Planning desired states against the school of a test."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sync_worker.desired import writing
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.entries import Terms
from sync_worker.desired.plan import Plan
from sync_worker.flows.look.exporting import TERMS, Exported, export
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.planning import PlanRequest, make_plan
from sync_worker.mirror.export import Selection
from sync_worker.users.specs import QuerySpec, parse_spec
from tests.integration.flows.harness import Stage

FRESH = timedelta(hours=1)
HEAD = "user,type,address,state\n"
WRITES = {"create", "delete", "delete_by_address", "delete_push"}


@dataclass(kw_only=True)
class Desire:
    """Writes documents, plans them, and carries plans out by hand."""

    stage: Stage
    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def csv(self, *rows: str) -> Path:
        """A document of rows."""
        return self.write("desired.csv", HEAD + "".join(f"{row}\n" for row in rows))

    def yaml(self, users: str, defaults: str = "") -> Path:
        """A document with this list of users."""
        said = f"defaults: {{{defaults}}}\n" if defaults else ""
        return self.write("desired.yaml", f"version: 1\n{said}users:\n{users}")

    async def plan(
        self,
        document: Path | QuerySpec,
        *,
        terms: Terms | None = None,
        max_age: timedelta | None = FRESH,
        only: Iterable[str] = (),
        progress: Progress | None = None,
    ) -> Plan:
        """Plan in rooms of its own."""
        specs = tuple(map(parse_spec, only))
        request = PlanRequest(document=document, terms=terms or Terms(), max_age=max_age, only=specs)
        async with self.stage.rooms() as rooms:
            return await make_plan(rooms, request, progress or Progress())

    def carry_out(self, plan: Plan) -> None:
        """Do at the school what the plan says, creates first."""
        for change in plan.changes():
            if change.kind is Kind.CREATE:
                self.stage.school.create(change.user_id, change.type, change.address)
            else:
                self.stage.school.retire(change.channel_id)

    async def exported(self, selection: Selection | None = None) -> tuple[Path, Exported]:
        """An export as a file of YAML."""
        counts, form = Exported(), writing.yaml(TERMS)
        text = form.head + form.first
        async with self.stage.rooms() as rooms:
            async for user in export(
                rooms.database, "main", selection or Selection(), counts, rooms.instance.phone_region
            ):
                text += form.user(user)
        return self.write("export.yaml", text if counts.users else form.head + form.nobody), counts

    # --- looking

    def email(self, user_id: int) -> Any:
        """The first live e-mail channel of a user."""
        return next(c for c in self.stage.school.users[user_id].live_channels() if c.type == "email")

    def plain(self) -> Iterator[int]:
        """Users with an ordinary number and a live, active e-mail address, and no other trait that matters."""
        for user_id in self.stage.ids[20:]:
            channels = self.stage.school.users[user_id].live_channels()
            if user_id < 10**9 and any(c.type == "email" and c.state == "active" for c in channels):
                yield user_id

    def routes(self) -> dict[str, int]:
        """How often each route was called since the last look."""
        routes = dict(self.stage.sandbox.counters.by_route)
        self.stage.sandbox.counters.reset()
        return routes

    def lists(self) -> set[int]:
        """Whose channels were asked for since the last look."""
        lists = set(self.stage.sandbox.counters.channel_lists)
        self.stage.sandbox.counters.reset()
        return lists

    async def mirror(self) -> list[Any]:
        """Everything in the mirror's tables and the ledger."""
        tables = ("mirror.communication_channels", "mirror.channel_history", "mirror.users", "mirror.user_history")
        ledger = ("worker.instances", "worker.runs", "worker.batches", "worker.failures", "worker.candidates")
        query = "SELECT to_jsonb(t)::text AS row, xmin::text FROM {} t ORDER BY 1"
        return [await self.stage.fetch(query.format(table)) for table in (*tables, *ledger)]

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Nothing is written to Canvas meanwhile."""
        before = list(self.stage.school.live_channels())
        yield
        assert list(self.stage.school.live_channels()) == before
        assert not WRITES & set(self.stage.sandbox.counters.by_route)


def facts(changes: Iterable[Change]) -> list[tuple[str, int, str, str]]:
    """Changes without their notes."""
    return [(change.kind.value, change.user_id, change.type, change.address) for change in changes]

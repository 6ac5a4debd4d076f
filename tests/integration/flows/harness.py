"""A school, its mirror, and runs between the two, as the program makes them but for the command line."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import asyncpg
from typing_extensions import override

from sync_worker.clock import Clock
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.pull import PullRequest, pull
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.pull.verdict import Limits
from sync_worker.flows.rooms import Rooms, open_rooms
from sync_worker.flows.stop import Stop
from sync_worker.mirror.database import connect
from sync_worker.sandbox import Sandbox, SandboxOptions
from sync_worker.sandbox.clock import Clock as CanvasClock
from sync_worker.settings import Settings
from sync_worker.users.specs import parse_spec

Row = dict[str, Any]

TIMES: Final = ("created_at", "last_bounce_at", "last_transient_bounce_at", "last_suppression_bounce_at")
SEEN: Final = (
    "id", "user_id", "type", "address", "position", "workflow_state", "bounce_count", "last_bounce_at",
    "last_bounce_summary", "last_transient_bounce_at", "last_transient_bounce_summary",
    "last_suppression_bounce_at", "created_at",
)  # fmt: skip
"""The columns that hold what Canvas says."""

GENEROUS: Final = Limits(
    max_tombstones=1000,
    max_tombstone_percent=5.0,
    percent_from=200,
    min_coverage_percent=95.0,
    min_listing_percent=50.0,
    empty_answers_from=10,
)
"""The defaults of `[brake]`."""


def quick(**given: Any) -> SandboxOptions:
    """A school of a hundred without throttle and pauses, unless said otherwise."""
    return SandboxOptions(**{"users": 100, "throttle": False, "mean_server_time": 0.0, **given})


class PatientClock(CanvasClock):
    """Canvas's time, in which what hangs does so until it is let go: how fast the machine is makes no difference."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()

    @override
    async def sleep(self, seconds: float) -> None:
        await (self.let_go.wait() if seconds else super().sleep(seconds))


def as_row(channel: Mapping[str, Any]) -> Row:
    """A channel of the sandbox's dump in the types of the database."""
    times = {name: datetime.fromisoformat(channel[name]) if channel[name] else None for name in TIMES}
    return {name: times.get(name, channel[name]) for name in SEEN}


def expected(channels: Iterable[Mapping[str, Any]]) -> dict[int, Row]:
    """The sandbox's dump by channel id."""
    return {channel["id"]: as_row(channel) for channel in channels}


async def live(database_url: str, instance: str = "main") -> dict[int, Row]:
    """The live rows of the mirror by channel id, as far as Canvas says them."""
    rows = await fetch(
        database_url,
        f"SELECT {', '.join(SEEN)} FROM mirror.communication_channels WHERE instance = $1 AND deleted_at IS NULL",  # noqa: S608  (constants)
        instance,
    )
    return {row["id"]: row for row in rows}


async def fetch(database_url: str, query: str, *args: Any) -> list[Row]:
    """Rows of a query of a test's own."""
    connection = await asyncpg.connect(database_url)
    try:
        return [dict(row) for row in await connection.fetch(query, *args)]
    finally:
        await connection.close()


@dataclass(kw_only=True)
class Stage:
    """One instance on one school."""

    sandbox: Sandbox
    database_url: str
    clock: Clock = field(default_factory=Clock)
    instance: Row = field(default_factory=dict)  # settings of [instances.main] beside the usual ones
    run_table: Row = field(default_factory=dict)  # [run]
    database_table: Row = field(default_factory=dict)  # [database]
    limits: Limits = GENEROUS
    base_url: str = ""  # another one than the sandbox's

    @property
    def school(self) -> Any:
        """The school; mypy knows its class from the sandbox."""
        return self.sandbox.school

    @property
    def ids(self) -> list[int]:
        """Every user, in order; the first owns the token."""
        return list(self.sandbox.school.users)

    def settings(self) -> Settings:
        """Small batches, short pauses, two attempts, no patience with outages."""
        instance = {
            "base_url": self.base_url or self.sandbox.base_url,
            "token": self.sandbox.token,
            "max_attempts": 2,
            "backoff_base": "10ms",
            **self.instance,
            "guards": {"settle_after": "0s", **self.instance.get("guards", {})},
        }
        return Settings(
            database={"url": self.database_url, "patience": "0s", **self.database_table},
            instances={"main": instance},
            run={"batch_size": 10, "grace_period": "2s", "outage_patience": "0s", **self.run_table},
        )

    @asynccontextmanager
    async def rooms(self) -> AsyncIterator[Rooms]:
        """The rooms of a process of its own."""
        settings = self.settings()
        async with (
            connect(self.database_url) as database,
            open_rooms(settings, database, "main", self.clock) as rooms,
        ):
            yield rooms

    def request(
        self, *specs: str, limits: Limits | None = None, fresh: bool = False, settle_held: bool = False, **brake: Any
    ) -> PullRequest:
        """The whole account unless said otherwise; `brake` overrides limits, and may hold the `kind` of run."""
        parsed = tuple(parse_spec(text) for text in specs or ("account:self",))
        kind = brake.pop("kind", "run")
        weighed = replace(limits or self.limits, **brake)
        return PullRequest(kind=kind, specs=parsed, limits=weighed, fresh=fresh, settle_held=settle_held)

    async def run(
        self, *specs: str, stop: Stop | None = None, progress: Progress | None = None, **given: Any
    ) -> RunReport:
        """One run to its end, in a context of its own as in a process of its own."""
        request = self.request(*specs, **given)

        async def once() -> RunReport:
            async with self.rooms() as rooms:
                return await pull(rooms, request, stop=stop or Stop(), progress=progress or Progress())

        return await asyncio.create_task(once())

    # --- looking

    async def live(self) -> dict[int, Row]:
        """The live rows of the mirror."""
        return await live(self.database_url)

    def truth(self) -> dict[int, Row]:
        """The live rows as they should be."""
        return expected(self.sandbox.school.live_channels())

    async def assert_equal(self) -> None:
        """The mirror is the school, field by field."""
        assert await self.live() == self.truth()

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        """Rows of a query of a test's own."""
        return await fetch(self.database_url, query, *args)

    async def value(self, query: str, *args: Any) -> Any:
        """The one value of a query of a test's own."""
        (row,) = await self.fetch(query, *args)
        (found,) = row.values()
        return found

    async def state(self, user_id: int) -> str | None:
        """What the mirror says about a user."""
        rows = await self.fetch("SELECT state FROM mirror.users WHERE id = $1", user_id)
        return rows[0]["state"] if rows else None

    async def tombstones(self) -> set[int]:
        """The ids of channels that are marked as deleted."""
        return {
            r["id"]
            for r in await self.fetch("SELECT id FROM mirror.communication_channels WHERE deleted_at IS NOT NULL")
        }

    async def candidates(self) -> dict[int, int | None]:
        """The channels that wait for a second read or a person: the run that holds each."""
        rows = await self.fetch("SELECT channel_id, held_run_id FROM worker.candidates")
        return {row["channel_id"]: row["held_run_id"] for row in rows}

    async def last_run(self) -> Row:
        """The latest row of the ledger."""
        return (await self.fetch("SELECT * FROM worker.runs ORDER BY id DESC LIMIT 1"))[0]

    def channels_of(self, user_id: int) -> set[int]:
        """The ids of a user's live channels at the school."""
        return {channel.id for channel in self.sandbox.school.users[user_id].live_channels()}

    async def rows_of(self, *user_ids: int) -> dict[int, Row]:
        """The live rows of some users."""
        return {i: row for i, row in (await self.live()).items() if row["user_id"] in user_ids}


@asynccontextmanager
async def staged(
    database_url: str, *, options: SandboxOptions | None = None, canvas_clock: CanvasClock | None = None, **given: Any
) -> AsyncIterator[Stage]:
    """A running sandbox with an empty mirror."""
    async with Sandbox(options or quick(), clock=canvas_clock) as sandbox:
        yield Stage(sandbox=sandbox, database_url=database_url, **given)

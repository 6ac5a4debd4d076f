"""Where the matrix is played: a school of users made for it, its mirror, and a clock that hurries the worker's waits.

One scene serves many cells: each cell strikes users of its own, and ends with a run without trouble.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Self

import asyncpg
from typing_extensions import override

from sync_worker.clock import Clock
from sync_worker.sandbox import Fault, Sandbox, SandboxOptions
from sync_worker.sandbox.model import Channel, User
from sync_worker.sandbox.render import channel_json, dump, user_json
from tests.faults.trouble import ALONE, SLOW, TOKEN, Spot
from tests.integration.canvas.harness import RawServer, raw_server
from tests.integration.flows.harness import SEEN, Row, Stage

HURRY: Final = 50.0
"""Worker's seconds in a real one: half a second of backoff after a refusal takes ten milliseconds."""

PER_PAGE: Final = 3
CHANNELS: Final = 6  # of a new user: two pages
ATTEMPTS: Final = 2

INSTANCE: Final[Row] = {
    "per_page": PER_PAGE,
    "max_attempts": ATTEMPTS,
    "backoff_base": "100ms",
    "max_body_mb": 1,
    "guards": {"max_creates": 10**6, "max_deletes": 10**6, "max_delete_percent": 100.0, "max_failures": 0},
}
SHORT: Final[Row] = {"request_timeout": "1s"}
IMPATIENT: Final[Row] = {"throttle_patience": "5s"}  # a tenth of a real second: only where the quota never comes back
SINGLE: Final[Row] = {"max_concurrency": 1}  # one connection, so that none is left when connections are refused

Databases = Callable[[], Awaitable[str]]
"""Makes a database with the schema and nothing in it; its URL."""


class HurriedClock(Clock):
    """Waits are short; before the first of them after `shut` is over, Canvas listens again."""

    def __init__(self) -> None:
        self.before_waiting: Callable[[], Awaitable[None]] | None = None

    @override
    def monotonic(self) -> float:
        return super().monotonic() * HURRY

    @override
    async def sleep(self, seconds: float) -> None:
        if self.before_waiting is not None:
            await self.before_waiting()
        await super().sleep(seconds / HURRY)

    @override
    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return super().call_later(seconds / HURRY, callback)


@dataclass(kw_only=True)
class Watched(Stage):
    """A stage that is looked at over one connection: the matrix looks often."""

    connection: "asyncpg.Connection[asyncpg.Record]"

    @override
    async def fetch(self, query: str, *args: Any) -> list[Row]:
        return [dict(row) for row in await self.connection.fetch(query, *args)]

    @override
    async def live(self) -> dict[int, Row]:
        query = f"SELECT {', '.join(SEEN)} FROM mirror.communication_channels WHERE deleted_at IS NULL"  # noqa: S608  (constants)
        return {row["id"]: row for row in await self.fetch(query)}


@dataclass(kw_only=True)
class Scene:
    """One school with its mirror."""

    stage: Stage
    clock: HurriedClock
    elsewhere: RawServer
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def sandbox(self) -> Sandbox:
        """Canvas."""
        return self.stage.sandbox

    # --- people

    def newcomer(self) -> int:
        """A new user with two pages of addresses, and a SIS id that begins with V."""
        number = next(self.numbers)
        user_id = self.sandbox.school.add_user(f"Victim {number}", sis_user_id=f"V{number}")[0].user_id
        for n in range(CHANNELS):
            self.sandbox.school.create(user_id, "email", f"v{number}.{n}@example.com")
        return user_id

    def user(self, user_id: int) -> User:
        """At the school."""
        return self.sandbox.school.users[user_id]

    def live(self, user_id: int) -> list[Channel]:
        """A user's channels at the school in the order of Canvas."""
        return list(self.user(user_id).live_channels())

    def change(self, user_id: int) -> None:
        """Two addresses go, one of either page; two come."""
        channels = self.live(user_id)
        self.sandbox.school.retire(channels[0].id)
        self.sandbox.school.retire(channels[-2].id)
        for _ in range(2):
            self.sandbox.school.create(user_id, "email", f"new{next(self.numbers)}@example.com")

    def second_page(self, user_id: int) -> tuple[str, str]:
        """A user's last page with an item twice, and with one left out."""
        items = [channel_json(c, bounces=True, bounce_count=True) for c in self.live(user_id)]
        return dump(items[PER_PAGE - 1 :]), dump(items[PER_PAGE + 1 :])

    def second_page_of_users(self) -> tuple[str, str]:
        """The same of the listing."""
        school = self.sandbox.school
        items = [user_json(school.users[i], admin=True) for i in school.listed(1)]
        return dump(items[PER_PAGE - 1 :]), dump(items[PER_PAGE + 1 :])

    # --- trouble

    def strike(self, fault: Fault, *, passing: bool) -> Callable[[], int]:
        """From now on; `passing`: whoever refuses connections takes them again as soon as somebody waits.

        Returns how often it has struck.
        """
        self.clock.before_waiting = self.sandbox.reopen if passing else None
        self.sandbox.add_fault(fault)
        rule = self.sandbox._faults._rules[-1]
        return lambda: rule.struck

    async def calm(self) -> None:
        """No more trouble."""
        self.sandbox.clear_faults()
        self.clock.before_waiting = None
        await self.sandbox.reopen()

    # --- looking

    async def rows(self) -> dict[int, dict[int, Row]]:
        """The live rows of the mirror, by user."""
        return by_user((await self.stage.live()).values())

    def truth(self) -> dict[int, dict[int, Row]]:
        """The live rows as they should be, by user."""
        return by_user(self.stage.truth().values())

    async def nothing_leaked(self, *texts: str) -> None:
        """No table of the worker and no message holds the token, and nobody else was ever asked."""
        tables = ("runs", "failures", "actions", "plans")
        union = " UNION ALL ".join(f"SELECT to_jsonb(t)::text AS row FROM worker.{table} t" for table in tables)  # noqa: S608  (constants)
        rows = [row["row"] for row in await self.stage.fetch(union)]
        assert not [text for text in (*rows, *texts) if TOKEN in text]
        assert self.elsewhere.requests == []

    async def nobody_alive_is_buried(self) -> None:
        """No channel that lives at the school has a tombstone."""
        channels = self.sandbox.school.channels
        assert not {i for i in await self.stage.tombstones() if channels[i].live}


def by_user(rows: Iterable[Row]) -> dict[int, dict[int, Row]]:
    """Rows of the mirror, or as it should be, by user and channel."""
    found: dict[int, dict[int, Row]] = {}
    for row in rows:
        found.setdefault(row["user_id"], {})[row["id"]] = row
    return found


class Scenes:
    """A scene for each use, made when it is first needed, and made anew after something went wrong in it."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases
        self._stack = AsyncExitStack()
        self._scenes: dict[str, Scene] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def of(self, use: str, kinds: Iterable[str]) -> AsyncIterator[Scene]:
        """The scene of a use, set up for these kinds of trouble."""
        scene = self._scenes.pop(use, None) or await self._made()
        asked = set(kinds)
        chosen = ((SHORT, bool(asked & SLOW)), (SINGLE, bool(asked & ALONE)))
        scene.stage.instance = {**INSTANCE, **{k: v for table, here in chosen if here for k, v in table.items()}}
        yield scene
        await scene.calm()
        self._scenes[use] = scene

    async def _made(self) -> Scene:
        clock = HurriedClock()
        sandbox = await self._stack.enter_async_context(
            Sandbox(SandboxOptions(users=1, throttle=False, mean_server_time=0.0, token=TOKEN))
        )
        elsewhere = await self._stack.enter_async_context(raw_server("HTTP/1.1 200 OK\nContent-Length: 2", b"[]"))
        url = await self._databases()
        connection = await asyncpg.connect(url)
        self._stack.push_async_callback(connection.close)
        stage = Watched(sandbox=sandbox, database_url=url, clock=clock, connection=connection)
        scene = Scene(stage=stage, clock=clock, elsewhere=elsewhere)
        for _ in range(4):
            scene.newcomer()
        await stage.run()
        return scene


def spot(scene: Scene, column: str, user_id: int | None, *, once: bool) -> Spot:
    """What of a scene a cell of this column strikes."""
    repeated, shifted = "", ""
    if column == "list n" and user_id is not None:
        repeated, shifted = scene.second_page(user_id)
    if column == "users n":
        repeated, shifted = scene.second_page_of_users()
    return Spot(
        **_PLACES[column],
        user_id=user_id,
        times=1 if once else None,
        elsewhere=scene.elsewhere.base_url,
        repeated=repeated,
        shifted=shifted,
    )


_CHANNELS: Final[Row] = {"route": "list_channels", "is_list": True, "has_owner": True}
_USERS: Final[Row] = {"route": "list_users", "is_list": True}
_FIRST: Final[Row] = {"before": ("get_account", None)}
_LOOKED: Final[Row] = {"before": ("list_channels", 2), "is_list": False, "has_owner": True}
_PLACES: Final[dict[str, Row]] = {
    "list 1": {**_CHANNELS, **_FIRST, "page": 1},
    "list n": {**_CHANNELS, "before": ("list_channels", 1), "page": 2},
    "users 1": {**_USERS, **_FIRST, "page": 1},
    "users n": {**_USERS, "before": ("list_users", 1), "page": 2},
    "user": {**_FIRST, "route": "get_user", "is_list": False},
    "create": {**_LOOKED, "route": "create"},
    "delete": {**_LOOKED, "route": "delete"},
    "by address": {**_FIRST, "route": "delete_by_address", "is_list": False, "has_owner": True},
}

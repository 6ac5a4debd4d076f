"""Rooms that count the steps of a flow: before and after each request, each begin and each commit.

What happens at a step is up to the test; `dying` is the process that is killed there, as `kill -9` kills: no cleanup of
ours runs, the server closes the connection, PostgreSQL rolls back.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from typing_extensions import override
from yarl import URL

from sync_worker.canvas.answers import Answer, Asked
from sync_worker.canvas.transport import Broken, Form, OnHeaders, Transport
from sync_worker.clock import Clock
from sync_worker.desired.diff import Kind
from sync_worker.desired.guards import Allowances
from sync_worker.errors import SyncWorkerError
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.flows.push.apply import ApplyRequest, apply
from sync_worker.flows.push.saving import load_plan
from sync_worker.flows.rooms import Rooms, open_rooms
from sync_worker.flows.stop import Stop
from sync_worker.mirror.database import Database, Session, connect
from sync_worker.settings import Settings

Step = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An apply, as a process of its own can be told of it."""

    plan_id: int
    allow: Mapping[str, Any]
    limit: int | None = None
    only: Kind | None = None
    unattended: bool = False
    kind: str = "apply"


async def carry_out(rooms: Rooms, order: Order, stop: Stop) -> ApplyReport:
    """The apply that was ordered."""
    kept = await load_plan(rooms.database, rooms.clock, ("main",), order.plan_id)
    assert kept is not None
    request = ApplyRequest(
        plan_id=order.plan_id,
        plan=kept.plan,
        allowances=Allowances(**order.allow),
        limit=order.limit,
        only=order.only,
        unattended=order.unattended,
        kind=order.kind,
    )
    return await apply(rooms, request, stop=stop, progress=Progress())


def stepping(rooms: Rooms, step: Step) -> Rooms:
    """The same rooms; each step is told."""
    transport = _Transport.like(rooms.client._transport, step)
    rooms.client._transport = rooms.client._asker._transport = transport
    return replace(rooms, database=_Database.like(rooms.database, step))


class _Transport(Transport):
    _step: Step

    @classmethod
    def like(cls, other: Transport, step: Step) -> "_Transport":
        made = cls.__new__(cls)
        made.__dict__.update(other.__dict__, _step=step)
        return made

    @override
    async def exchange(
        self, asked: Asked, url: URL, form: Form | None, on_headers: OnHeaders, token: str = ""
    ) -> Answer | Broken:
        self._step()
        came = await super().exchange(asked, url, form, on_headers, token)
        self._step()
        return came


class _Database(Database):
    _step: Step

    @classmethod
    def like(cls, other: Database, step: Step) -> "_Database":
        made = cls.__new__(cls)
        made.__dict__.update(other.__dict__, _step=step)
        return made

    @override
    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        self._step()
        async with super().transaction() as session:
            yield session
            self._step()
        self._step()


class Countdown:
    """Does something at the n-th step, once."""

    def __init__(self, number: int, what: Callable[[], None]) -> None:
        self._left = number
        self._what = what

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._what()


def dying(settings: Settings, database_url: str, order: Order, number: int, clock: Clock) -> None:
    """Carry an order out in this process, and be killed at the n-th step, if there are so many."""

    async def run() -> None:
        kill = Countdown(number, lambda: os.kill(os.getpid(), signal.SIGKILL))
        async with connect(database_url) as database, open_rooms(settings, database, "main", clock) as rooms:
            await carry_out(stepping(rooms, kill), order, Stop())

    with suppress(SyncWorkerError):  # it came to an end of its own before the step
        asyncio.run(run())

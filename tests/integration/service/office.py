"""Jobs on the school of a test, and everybody who is told of them."""

import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from typing_extensions import override

from sync_worker.clock import Clock
from sync_worker.flows.job import Job, Onlooker, Outcome, pulling, run_job, run_prune
from sync_worker.flows.push.reconcile import Wishes
from sync_worker.flows.rooms import Opened
from sync_worker.flows.stop import Stop
from sync_worker.mirror.database import connect
from sync_worker.service.aftermath import after_job
from sync_worker.service.board import Board
from sync_worker.service.telling import Teller
from sync_worker.settings import Settings
from tests.integration.flows.harness import Stage

LISTENER = """
import json, os, sys, time
said = json.load(sys.stdin)
said["environment"] = sorted(key for key in os.environ if key.startswith(("SYNC_WORKER", "NOTIFY", "WATCHDOG")))
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(said) + chr(10))
sys.exit(int(open(sys.argv[2]).read()))
"""
"""Writes down what it hears; ends with the code in a file."""


class LaterClock(Clock):
    """Real time, some days on."""

    ahead = timedelta()

    @override
    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead  # noqa: TID251  (this is a clock)


@dataclass(kw_only=True)
class Office:
    """Runs the job again and again, as nights go by."""

    stage: Stage
    folder: Path
    clock: LaterClock = field(default_factory=LaterClock)
    notify: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)  # tables
    teller: Teller = field(default_factory=lambda: Teller(os.environ))
    board: Board = field(default_factory=Board)

    def settings(self) -> Settings:
        said, code = self.folder / "said", self.folder / "code"
        if not code.exists():
            code.write_text("0")
        command = [sys.executable, "-c", LISTENER, str(said), str(code)]
        tables = self.stage.settings().model_dump(exclude_unset=True)
        return Settings(**{**tables, "notify": {"command": command, **self.notify}, **self.more})

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Opened]:
        async with connect(self.stage.database_url) as database:
            yield Opened(settings=self.settings(), database=database, names=("main",), clock=self.clock)

    async def job(self, kind: str = "run") -> Outcome:
        """The job, and all that follows."""
        async with self.opened() as opened:
            wishes = Wishes() if kind == "run" else None
            job = Job(kind=kind, flow=pulling(kind), wishes=wishes)
            onlooker = Onlooker(showing=self.board.watching(Onlooker().showing))
            outcome = await run_job(opened, "main", job, stop=Stop(), onlooker=onlooker)
            await after_job(opened, (outcome,), self.teller)
        return outcome

    async def prune(self) -> Outcome:
        """The job that reads nobody, and all that follows."""
        async with self.opened() as opened:
            outcome = await run_prune(opened, "main")
            await after_job(opened, (outcome,), self.teller)
        return outcome

    async def night(self) -> list[str]:
        """The next night's job; the events that were told."""
        await self.job()
        self.clock.ahead += timedelta(days=1)
        return [said["event"] for said in self.heard()]

    def heard(self) -> list[dict[str, Any]]:
        """What the command was told since the last look."""
        file = self.folder / "said"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]


@dataclass(kw_only=True)
class Monitor:
    """A service that expects heartbeats."""

    url: str = ""
    calls: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)  # of the next answers; then 200


@asynccontextmanager
async def monitoring() -> AsyncIterator[Monitor]:
    """A real HTTP server."""
    monitor = Monitor()

    async def answer(request: web.Request) -> web.Response:
        monitor.calls.append(f"{request.method} {request.path}")
        return web.Response(status=monitor.statuses.pop(0) if monitor.statuses else 200)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        monitor.url = f"http://127.0.0.1:{runner.addresses[0][1]}/secret-uuid"
        yield monitor
    finally:
        await runner.cleanup()

"""One command that meets one loss of the database at one moment, and the plain command after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest

from sync_worker.desired.plan import fingerprint
from sync_worker.embedded import commands
from sync_worker.errors import SyncWorkerError
from sync_worker.flows.progress import Progress
from sync_worker.flows.waiting import backoff
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.consistency import contradictions
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Row, Stage, quick, staged
from tests.outages.server import Server
from tests.outages.wire import Blow, Line, Moment, Wire, wired

USERS: Final = 60
ACTED: Final = 12
"""Users of the plan; each gets an address and loses one."""

ALLOW: Final = {"default_change": True}


@dataclass(frozen=True, kw_only=True)
class End:
    """What came of a command."""

    code: int
    error: str = ""  # its class
    said: str = ""
    starts: int = 0  # how often it began its run
    run_id: int = 0


@dataclass(kw_only=True)
class Scene:
    """A school, a database of its own behind a wire, and a command."""

    server: Server
    wire: Wire
    stage: Stage
    direct: str  # past the wire
    folder: Path
    command: str
    plan: int = 0
    users: tuple[int, ...] = ()  # of the plan
    document: Path = Path()
    told: str = ""  # fingerprint of the plan as it is without trouble

    @property
    def applying(self) -> Applying:
        return Applying(stage=self.stage, desire=Desire(stage=self.stage, folder=self.folder))

    # --- before

    async def prepare(self) -> None:
        """What has to be there before the command."""
        self.stage.database_url = self.direct
        self.stage.instance["guards"] = GENEROUS
        if self.command == "backfill":
            return
        if self.command == "run":
            await self.stage.run()
            self._change()
            return
        users = self.users = tuple(islice(self._plain(), ACTED))
        for user in users:
            self.stage.school.create(user, "email", f"old{user}@x.example")
        await self.stage.run()
        rows = [
            row
            for user in users
            for row in (f"{user},email,new{user}@x.example,present", f"{user},email,old{user}@x.example,absent")
        ]
        applying = self.applying
        self.document = applying.desire.csv(*rows)
        plan = await applying.desire.plan(self.document)
        self.told = fingerprint(plan)
        if self.command == "apply":
            self.plan = await applying.save(plan)
        self.stage.sandbox.counters.reset()

    def _plain(self) -> Any:
        return (user for user in self.applying.desire.plain() if len(self.stage.channels_of(user)) == 1)

    def _change(self) -> None:
        """Some of everything, and few enough deletions for the brake."""
        self.stage.sandbox.churn(0.2, 7)
        for user in islice(self._plain(), 4):
            self.stage.school.retire(min(self.stage.channels_of(user)))
            self.stage.school.create(user, "email", f"fresh{user}@x.example")

    # --- the command

    async def struck(self, moment: Moment, blow: Blow) -> End:
        """The command over the wire, with a blow to come."""
        self.stage.database_url = self.wire.url
        self.wire.strike(moment, blow)
        end = await self.go()
        assert self.wire.struck == 1, f"{moment} never came"
        await self.wire.over.wait()
        self.stage.database_url = self.direct
        return end

    async def go(self) -> End:
        """The command, to its end; what it waits for comes back."""
        progress = Progress()
        back = asyncio.create_task(self._bring_back(progress))
        try:
            return await self._go(progress)
        except SyncWorkerError as error:
            return End(
                code=error.exit_code,
                error=type(error).__name__,
                said=str(error),
                starts=progress.starts,
                run_id=progress.run_id,
            )
        finally:
            back.cancel()

    async def _go(self, progress: Progress) -> End:
        match self.command:
            case "apply":
                report = await self.applying.apply(self.plan, progress=progress, allow=ALLOW)
                assert report.left == 0
                assert report.tally.wrong == 0
                return End(code=report.exit_code, starts=progress.starts, run_id=report.run_id)
            case "plan":
                plan = await self.applying.desire.plan(self.document, progress=progress)
                assert fingerprint(plan) == self.told
                self.plan = await self.applying.save(plan)
                return End(code=0)
            case kind:
                pulled = await self.stage.run(kind=kind, progress=progress)
                return End(code=pulled.exit_code, starts=progress.starts, run_id=pulled.run_id)

    async def _bring_back(self, progress: Progress) -> None:
        """Start the server again as soon as the command waits for it."""
        while True:
            if progress.waiting is not None and not self.server.alive:
                await self.server.start()
            await self.stage.clock.sleep(0.02)

    # --- afterwards

    async def afterwards(self) -> None:
        """One plain `run`: equal, consistent, and every action once."""
        self.stage.database_table["patience"] = "0s"
        report = await self.stage.run()
        assert report.exit_code == 0, report.findings
        await self.stage.assert_equal()
        assert await self.stage.candidates() == {}
        assert await self.stage.fetch("SELECT reference FROM worker.failures WHERE resolved_at IS NULL") == []
        assert await contradictions(self.direct) == {}
        if self.command == "apply":
            await self._check_actions()

    async def _check_actions(self) -> None:
        actions = await self.applying.actions(self.plan)
        assert [action["status"] for action in actions] == ["done"] * 2 * ACTED
        assert await self.applying.plan_status(self.plan) == "applied"
        assert {action["run_id"] for action in actions} <= set(await self._runs("apply"))
        for user in self.users:
            self._check_once(user, [action for action in actions if action["user_id"] == user])

    def _check_once(self, user: int, actions: list[Row]) -> None:
        """At the school itself: one create, one delete, nobody was mailed; no more calls than the journal tells."""
        channels = self.stage.school.users[user].channels
        assert [c.live for c in channels if c.address == f"new{user}@x.example"] == [True]
        assert [c.live for c in channels if c.address == f"old{user}@x.example"] == [False]
        assert sum(c.messages for c in channels) == 0
        assert self.stage.sandbox.counters.writes[user] <= sum(action["attempts"] for action in actions)

    async def _runs(self, kind: str) -> list[int]:
        return [row["id"] for row in await self.stage.fetch("SELECT id FROM worker.runs WHERE kind = $1", kind)]


@asynccontextmanager
async def scene(server: Server, folder: Path, command: str, *, patience: str) -> AsyncIterator[Scene]:
    """A scene before its command; the database is looked for some times a second."""
    name = await server.database()
    direct = server.dsn(name)
    path = f"{server.home}/.s.PGSQL.5432"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "FIRST", 0.05)
        patch.setattr(backoff, "LONGEST", 0.2)
        async with (
            wired(path, name, commands.ROLE) as wire,
            staged(direct, options=quick(users=USERS), database_table={"patience": patience}) as stage,
        ):
            made = Scene(server=server, wire=wire, stage=stage, direct=direct, folder=folder, command=command)
            await made.prepare()
            yield made
    if not server.alive:
        await server.start()
    await server.drop(name)


# --- blows ----------------------------------------------------------------------------------------------


def shut_down(server: Server) -> Blow:
    """`pg_ctl stop -m immediate`; whoever waits for it has it started again."""

    async def blow(_: Wire, __: Line) -> None:
        await asyncio.to_thread(server.crash)

    return blow


def cut_one(_: Server) -> Blow:
    """The connection at work."""

    async def blow(_: Wire, line: Line) -> None:
        line.cut()

    return blow


def cut_all(_: Server) -> Blow:
    """Every connection."""

    async def blow(wire: Wire, _: Line) -> None:
        wire.cut()

    return blow


def cut_lock(_: Server) -> Blow:
    """The lock's connection alone; the others live."""

    async def blow(wire: Wire, _: Line) -> None:
        wire.cut(lock=True)

    return blow

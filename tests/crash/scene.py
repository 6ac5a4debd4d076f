"""Where commands are struck: one school, and a database as each command finds it, cloned for each time."""

import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sync_worker.clock import Clock
from sync_worker.sandbox import Sandbox
from tests.crash.canvas import Deed, Watched
from tests.crash.child import Blow, play
from tests.integration.flows.forks import FORK
from tests.integration.flows.harness import Stage, quick

if TYPE_CHECKING:
    from tests.conftest import Cluster

SMALL: Final = 9
"""Users of the school before the document's; every second of them has some trait."""

CONFIG: Final = """
[database]
url = {url}
patience = "{patience}"
[run]
batch_size = 4
outage_patience = "0s"
[instances.main]
base_url = "{base_url}"
token = "{token}"
per_page = 5
guards = {{ settle_after = "0s" }}
"""

AUTO: Final = ("run", "--desired", "desired.csv", "--apply", "auto")
APPLY: Final = ("apply", "1", "--yes", "--max-messages", "1")
LIMIT: Final = 60.0
"""Seconds after which a process hangs."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """A command, as it begins."""

    name: str
    template: str  # the database
    school: dict[str, Any]
    command: tuple[str, ...]
    deeds: frozenset[Deed] = frozenset()  # what it is to do at Canvas
    messages: int = 0  # to people
    asked: Deed | None = None  # the create that sends one: where nobody knows whether it was sent, it is not sent again
    document: str = ""  # desired.csv

    @property
    def again(self) -> tuple[tuple[str, ...], ...]:
        """What is run after a kill: what writes to Canvas is said again, and then comes the nightly run."""
        return (("run",),) if not self.deeds else (self.command, ("run",))


@dataclass(kw_only=True)
class Player:
    """A process at work."""

    process: BaseProcess
    folder: Path

    @property
    def pid(self) -> int:
        """Its number."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def said(self) -> str:
        """What it has printed so far."""
        path = self.folder / f"out.{self.pid}"
        return path.read_text() if path.exists() else ""

    @property
    def steps(self) -> Counter[tuple[str, str, str]]:
        """The steps of one that came to its end, each with its number."""
        counts = json.loads((self.folder / f"steps.{self.pid}").read_text())
        return Counter({(what, side, kind): number for what, side, kind, number in counts})

    async def end(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        await until(lambda: not self.process.is_alive(), f"the end of {self.pid}")
        self.process.join()
        assert self.process.exitcode is not None
        return self.process.exitcode

    async def stopped(self) -> None:
        """Wait until it stands still, or has ended."""
        await until(lambda: self._state() in "TZ", f"process {self.pid} to stop")
        assert self._state() == "T", self.said

    def _state(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return "Z"


async def until(met: Callable[[], bool], what: str) -> None:
    """Look until it is so."""
    clock = Clock()
    deadline = clock.monotonic() + LIMIT
    while not met():
        assert clock.monotonic() < deadline, f"waited in vain for {what}"
        await clock.sleep(0.003)


@dataclass(kw_only=True)
class Place:
    """One act, begun anew: a database and a school of its own."""

    act: Act
    watched: Watched
    stage: Stage
    folder: Path
    patience: str = "0s"  # with a database that goes away
    players: list[Player] = field(default_factory=list)

    def start(self, arguments: tuple[str, ...], blow: Blow | None = None) -> Player:
        """Run a command line meanwhile."""
        config = CONFIG.format(
            url=json.dumps(self.stage.database_url),
            base_url=self.watched.sandbox.base_url,
            token=self.watched.sandbox.token,
            patience=self.patience,
        )
        (self.folder / "c.toml").write_text(config)
        (self.folder / "desired.csv").write_text(self.act.document)
        process = FORK.Process(target=play, args=(self.folder, arguments, blow))
        process.start()
        player = Player(process=process, folder=self.folder)
        self.players.append(player)
        return player

    async def run(self, *arguments: str, fine: Container[int] = (0,)) -> int:
        """Run a command line to its end, which is good; its exit code."""
        player = self.start(arguments)
        code = await player.end()
        assert code in fine, f"{arguments}: exit {code}\n{player.said}"
        return code

    async def quiet(self) -> None:
        """Wait until the server has missed everybody who is gone, and Canvas has answered everybody."""
        clock = Clock()
        deadline = clock.monotonic() + LIMIT
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        while self.watched.sandbox.counters.open or await self.stage.value(query):
            assert clock.monotonic() < deadline, "somebody is still at work"
            await clock.sleep(0.003)

    async def terminate(self, name: str = "%") -> int:
        """End the sessions of the worker with such a name, as keepalive does with those of a machine that is gone."""
        query = """
            SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE $1"""
        ended: int = await self.stage.value(query, name)
        return ended

    def close(self) -> None:
        """Nobody is left at work."""
        for player in self.players:
            if player.process.is_alive():
                player.process.kill()
                player.process.join()


class Theatre:
    """Makes places.

    Args:
        cluster: where databases are made.
        folder: for configurations and what processes say.
    """

    def __init__(self, cluster: "Cluster", folder: Path, sandbox: Sandbox) -> None:
        self._cluster = cluster
        self._folder = folder
        self._numbers = itertools.count(1)
        self.watched = Watched(sandbox=sandbox)
        self.acts: dict[str, Act] = {}

    @asynccontextmanager
    async def place(self, name: str) -> AsyncIterator[Place]:
        """An act, begun anew."""
        async with self._at(self.acts[name]) as place:
            yield place
            place.close()
            await self._cluster.drop(_database(place))

    @asynccontextmanager
    async def _at(self, act: Act) -> AsyncIterator[Place]:
        """The same, and its database stays."""
        folder = self._folder / str(next(self._numbers))
        folder.mkdir()
        self.watched.put_back(act.school)
        url = self._cluster.server.dsn(await self._cluster.create(act.template))
        place = Place(
            act=act, watched=self.watched, stage=Stage(sandbox=self.watched.sandbox, database_url=url), folder=folder
        )
        try:
            yield place
        finally:
            place.close()

    # --- how the acts come about -----------------------------------------------------------------------

    async def build(self) -> None:
        """Play the story once, undisturbed, and keep what each command begins with."""
        school = self.watched.school
        people = [school.add_user(f"Wanted {n}")[0].user_id for n in range(6)]
        for user in people:
            school.create(user, "email", f"first{user}@x.example")
            school.create(user, "email", f"old{user}@x.example")
        await self._after("backfill", ("backfill",), "template1")
        await self._after("run", ("run",), await self._left("backfill"), before=self._night)
        mirrored = await self._left("run")
        wishes = _wishes(people)
        silent = [wish for wish in wishes if wish.silent != "false"]
        await self._after("auto", AUTO, mirrored, deeds=_deeds(silent), document=_document(silent))
        planned = await self._left_by("auto", mirrored, _plan, document=_document(wishes))
        existed = wishes[-1]
        school.create(existed.user, "email", existed.address)
        before = {fact[:4] for fact in self.watched.facts()}
        deeds = _deeds(wishes[:-1])
        await self._after("apply", APPLY, planned, deeds=deeds, messages=1, asked=wishes[-2].deed)
        number = 0

        async def applied(place: Place) -> None:
            nonlocal number
            await place.run(*APPLY)
            number = await place.stage.value("SELECT max(id) FROM worker.runs")

        done = await self._left_by("apply", planned, applied)
        opposite = frozenset(("deleted" if what == "created" else "created", *rest) for what, *rest in deeds)
        await self._after("undo", ("undo", str(number), "--yes"), done, deeds=opposite)
        self.watched.put_back(self.acts["apply"].school)
        assert before == {fact[:4] for fact in self.watched.facts()}

    async def _after(
        self,
        name: str,
        command: tuple[str, ...],
        template: str,
        *,
        before: Callable[[], None] | None = None,
        **more: Any,
    ) -> None:
        """Note an act that begins with the school as it is now."""
        if before is not None:
            before()
        self.acts[name] = Act(name=name, template=template, school=self.watched.image(), command=command, **more)

    async def _left(self, name: str) -> str:
        """The database that an act leaves behind."""

        async def plainly(place: Place) -> None:
            await place.run(*place.act.command)

        return await self._left_by(name, self.acts[name].template, plainly)

    async def _left_by(
        self, name: str, template: str, work: Callable[[Place], Awaitable[None]], *, document: str = ""
    ) -> str:
        """What some work on the school as it is now leaves behind."""
        command = self.acts[name].command
        act = Act(name=name, template=template, school=self.watched.image(), command=command, document=document)
        async with self._at(act) as place:
            await work(place)
            await place.quiet()
            return _database(place)

    def _night(self) -> None:
        """What happens at the school before the `run`: every kind of change that the mirror has to follow."""
        school = self.watched.school
        users = [user for user in school.users if any(c.type == "email" for c in school.users[user].live_channels())]
        owner, retired, readdressed, bounced, deleted, merged, into, *_ = users
        assert owner == self.watched.sandbox.admin_id
        for user in (retired, users[-1]):
            school.retire(school.users[user].live_channels()[-1].id)
        school.readdress(school.users[readdressed].live_channels()[0].id, "elsewhere@x.example")
        school.bounce(next(c for c in school.users[bounced].live_channels() if c.type == "email").id)
        school.delete_user(deleted)
        school.merge_users(merged, into)
        newcomer = school.add_user("Newcomer")[0].user_id
        school.create(newcomer, "email", "newcomer@x.example")


def _database(place: Place) -> str:
    return place.stage.database_url.partition("?")[0].rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A row of the document."""

    user: int
    address: str
    state: str = "present"
    silent: str = "true"  # skip_confirmation

    @property
    def deed(self) -> Deed:
        """What it is at Canvas."""
        return ("created" if self.state == "present" else "deleted", self.user, "email", self.address)


def _wishes(people: list[int]) -> list[Wish]:
    """Creates, deletes, replacements, one message; the last one will be fulfilled by somebody else."""
    new, twice, old, moving, asked, existed = people
    return [
        Wish(user=new, address=f"new{new}@x.example"),
        Wish(user=twice, address=f"new{twice}@x.example"),
        Wish(user=twice, address=f"newer{twice}@x.example"),
        Wish(user=old, address=f"old{old}@x.example", state="absent", silent=""),
        Wish(user=moving, address=f"new{moving}@x.example"),
        Wish(user=moving, address=f"old{moving}@x.example", state="absent", silent=""),
        Wish(user=asked, address=f"new{asked}@x.example", silent="false"),
        Wish(user=existed, address=f"new{existed}@x.example"),
    ]


def _deeds(wishes: Iterable[Wish]) -> frozenset[Deed]:
    return frozenset(wish.deed for wish in wishes)


def _document(wishes: Iterable[Wish]) -> str:
    rows = [f"{wish.user},email,{wish.address},{wish.state},{wish.silent}\n" for wish in wishes]
    return "user,type,address,state,skip_confirmation\n" + "".join(rows)


async def _plan(place: Place) -> None:
    player = place.start(("plan", "--desired", "desired.csv"))
    assert await player.end() == 10, player.said


@asynccontextmanager
async def theatre(cluster: "Cluster", folder: Path) -> AsyncIterator[Theatre]:
    """All acts, ready."""
    async with Sandbox(quick(users=SMALL)) as sandbox:
        made = Theatre(cluster, folder, sandbox)
        with made.watched.seeing():
            await made.build()
            yield made

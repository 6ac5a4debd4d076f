"""The merge against a model of it: a small Canvas that changes between reads, and a mirror that follows.

The model is written from the rules (design.md: "Diff and mirror", "Deletions move last"), one channel at a time, in
plain Python; the real one is set-based SQL. Both see the same reads in the same order.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_worker.channels import Gone, Snapshot
from sync_worker.mirror.database import Database
from tests.integration.mirror.stage import Stage, at, channel, staged

USERS = (1, 2)
IDS = (11, 12)
Read = Snapshot | Gone

_numbers: Iterator[int] = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a channel is."""

    user: int
    address: str
    state: str
    position: int | None


@dataclass
class Canvas:
    """Who has what."""

    channels: dict[int, Version] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    retired: dict[int, Version] = field(default_factory=dict)

    def change(self, kind: str, number: int, version: Version | None) -> None:
        if version is not None:
            self.channels[number] = version
        elif kind == "retire" and number in self.channels:
            self.retired[number] = self.channels.pop(number)
        elif kind == "restore" and number in self.retired:
            self.channels[number] = self.retired[number]
        elif kind == "move" and number in self.channels:
            old = self.channels[number]
            self.channels[number] = replace(old, user=USERS[1] if old.user == USERS[0] else USERS[0])
        elif kind == "leave":
            self.gone.add(number)
        elif kind == "return":
            self.gone.discard(number)

    def read(self, user: int, minutes: int) -> Read:
        if user in self.gone:
            return Gone(user_id=user, read_at=at(minutes))
        return Snapshot(
            user_id=user,
            read_at=at(minutes),
            channels=tuple(
                channel(number, v.address, user_id=user, workflow_state=v.state, position=v.position)
                for number, v in self.channels.items()
                if v.user == user
            ),
        )

    def visible(self) -> dict[int, Version]:
        return {number: version for number, version in self.channels.items() if version.user not in self.gone}


@dataclass(frozen=True)
class Row:
    """A channel in the model's mirror."""

    version: Version
    since: int  # when the present version was first seen
    alive: bool = True


@dataclass
class Model:
    """The mirror as the rules say it should be."""

    rows: dict[int, Row] = field(default_factory=dict)
    waiting: dict[int, tuple[int, int]] = field(default_factory=dict)  # candidates: user and time of the read
    past: dict[int, list[tuple[Row, int]]] = field(default_factory=dict)  # superseded versions, and until when

    def merge(self, reads: list[Read]) -> None:
        seen: dict[int, tuple[int, Version]] = {}
        for read in sorted(reads, key=_time):
            for c in read.channels if isinstance(read, Snapshot) else ():
                v = Version(user=read.user_id, address=c.address, state=c.workflow_state, position=c.position)
                seen[c.id] = (_time(read), v)
        before = dict(self.rows)
        for number, (time, version) in seen.items():
            self._see(number, time, version)
        for read in reads:
            for number, row in before.items():
                mine = row.alive and row.version.user == read.user_id and row.since < _time(read)
                if mine and number not in seen:
                    self.waiting.setdefault(number, (read.user_id, _time(read)))

    def _see(self, number: int, time: int, version: Version) -> None:
        row = self.rows.get(number)
        if row is None or ((not row.alive or row.version != version) and time > row.since):
            self._supersede(number, Row(version, time))
        user, first = self.waiting.get(number, (0, 0))
        now = self.rows[number]
        if first <= time or (now.version.user != user and now.since == time):
            self.waiting.pop(number, None)

    def _supersede(self, number: int, new: Row) -> None:
        if number in self.rows:
            self.past.setdefault(number, []).append((self.rows[number], new.since))
        self.rows[number] = new

    def settle(self, reads: list[Read]) -> set[int]:
        """Returns what is buried."""
        self.merge(reads)
        buried = set()
        for read in reads:
            for number, (user, first) in list(self.waiting.items()):
                if user == read.user_id and first < _time(read):
                    del self.waiting[number]
                    row = self.rows[number]
                    if row.alive and row.version.user == user and row.since < _time(read):
                        self._supersede(number, Row(row.version, _time(read), alive=False))
                        buried.add(number)
        return buried

    def live(self) -> dict[int, Version]:
        return {number: row.version for number, row in self.rows.items() if row.alive}


def _time(read: Read) -> int:
    return round((read.read_at - at(0)).total_seconds() / 60)


VERSIONS = st.builds(
    Version,
    user=st.sampled_from(USERS),
    address=st.sampled_from(["a@x", "A@x"]),
    state=st.sampled_from(["active", "unconfirmed"]),
    position=st.sampled_from([None, 1]),
)
CHANGES = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(IDS), VERSIONS),  # create, revive, readdress, confirm, move
    st.tuples(st.sampled_from(["retire", "restore", "move"]), st.sampled_from(IDS), st.none()),
    st.tuples(st.sampled_from(["leave", "return"]), st.sampled_from(USERS), st.none()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Canvas changes, some users are read, and some of what was read is committed."""

    changes: list[tuple[str, int, Version | None]]
    users: list[int]
    then: str


STEPS = st.builds(
    Step,
    changes=st.lists(CHANGES, max_size=2),
    users=st.lists(st.sampled_from(USERS), max_size=2, unique=True),
    then=st.sampled_from(["together", "forwards", "backwards", "later", "settle"]),
)


class World:
    """Canvas, model and mirror, side by side."""

    def __init__(self, stage: Stage, channels: dict[int, Version]) -> None:
        self.stage = stage
        self.canvas = Canvas(dict(channels))
        self.model = Model()
        self.open: list[Read] = []  # read, not committed yet
        self.minutes = itertools.count(1)

    async def step(self, step: Step) -> None:
        for change in step.changes:
            self.canvas.change(*change)
        self.open += [self.canvas.read(user, next(self.minutes)) for user in step.users]
        match step.then:
            case "together":
                await self.commit(list({read.user_id: read for read in self.open}.values()))
            case "forwards":
                for read in self.open:
                    await self.commit([read])
            case "backwards":
                for read in reversed(self.open):
                    await self.commit([read])
            case "settle":
                await self.settle()
                return
            case _:
                return
        self.open = []

    async def commit(self, reads: list[Read]) -> None:
        if reads:
            await self.stage.commit(*reads)
            self.model.merge(reads)
            await self.compare()

    async def settle(self) -> None:
        """Read everybody with candidates again; nobody changes anything meanwhile."""
        users = sorted({user for user, _ in self.model.waiting.values()})
        reads = [self.canvas.read(user, next(self.minutes)) for user in users]
        merged = await self.stage.settle(*reads)
        buried = self.model.settle(reads)
        assert merged.deleted == len(buried)
        still_there = {c.id for read in reads if isinstance(read, Snapshot) for c in read.channels}
        assert not buried & still_there
        await self.compare()

    async def compare(self) -> None:
        """Live rows, tombstones and candidates are those of the model."""
        rows = await self.stage.query(
            "SELECT * FROM mirror.communication_channels WHERE instance = $1", self.stage.instance
        )
        assert {row["id"]: (_version(dict(row)), row["changed_at"], row["deleted_at"] is None) for row in rows} == {
            number: (row.version, at(row.since), row.alive) for number, row in self.model.rows.items()
        }
        waiting = await self.stage.query("SELECT * FROM worker.candidates WHERE instance = $1", self.stage.instance)
        assert {row["channel_id"]: (row["user_id"], row["read_at"]) for row in waiting} == {
            number: (user, at(time)) for number, (user, time) in self.model.waiting.items()
        }

    async def compare_history(self) -> None:
        """Versions follow each other without a gap, from the first sight to the present one."""
        for number, row in self.model.rows.items():
            past = self.model.past.get(number, [])
            history = await self.stage.history(number)
            seen = [(_version(old), old["deleted_at"] is None, old["valid_from"], old["valid_to"]) for old in history]
            assert seen == [(old.version, old.alive, at(old.since), at(until)) for old, until in past]
            now = await self.stage.row(number)
            edges = [now["first_seen_at"], *[old["valid_to"] for old in history]]
            assert edges == [*[old["valid_from"] for old in history], at(row.since)]
            assert now["changed_at"] == at(row.since)

    async def read_everybody(self) -> None:
        """A run that nothing disturbs: everybody, then everybody with candidates."""
        await self.commit([self.canvas.read(user, next(self.minutes)) for user in USERS])
        await self.settle()


def _version(row: Mapping[str, Any]) -> Version:
    return Version(user=row["user_id"], address=row["address"], state=row["workflow_state"], position=row["position"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    channels=st.fixed_dictionaries({}, optional=dict.fromkeys(IDS, VERSIONS)),
    steps=st.lists(STEPS, min_size=4, max_size=14),
)
async def test_the_mirror_follows_the_rules(
    database: Database, channels: dict[int, Version], steps: list[Step]
) -> None:
    """In any order of changes, reads and commits it is as the model; after an undisturbed run it equals Canvas."""
    async with staged(database, f"example_{next(_numbers)}") as stage:
        world = World(stage, channels)
        await world.read_everybody()
        for step in steps:
            await world.step(step)
        await world.read_everybody()
        assert world.model.live() == world.canvas.visible()
        await world.compare_history()

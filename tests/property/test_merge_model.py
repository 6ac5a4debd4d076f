"""The merge against a model of it: a small Canvas that changes between reads, and a mirror that follows.

The model is written from the rules (design.md: "Diff and mirror", "Deletions move last"), one channel at a time, in
plain Python; the real one is set-based SQL. Both see the same reads in the same order. The clock steps as it likes:
which read is the newer one is said by its number alone.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync_worker.channels import Gone, ReadOrder, Snapshot
from sync_worker.mirror.database import Database
from tests.integration.mirror.stage import Stage, at, channel, staged
from tests.sampling import examples

USERS = (1, 2)
IDS = (11, 12)
Read = Snapshot | Gone
DAY = 24 * 60
TICK = timedelta(microseconds=1)

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

    def read(self, user: int, number: int, minutes: int) -> Read:
        order = ReadOrder(epoch=1, number=number)
        if user in self.gone:
            return Gone(user_id=user, read_at=at(minutes), order=order)
        return Snapshot(
            user_id=user,
            read_at=at(minutes),
            order=order,
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
    number: int  # of the read that saw the present version first
    since: datetime  # when that was, but after the version before it
    alive: bool = True


@dataclass
class Model:
    """The mirror as the rules say it should be."""

    rows: dict[int, Row] = field(default_factory=dict)
    waiting: dict[int, tuple[int, Read]] = field(default_factory=dict)  # candidates: user and the read
    past: dict[int, list[tuple[Row, datetime]]] = field(default_factory=dict)  # superseded versions, and until when

    def merge(self, reads: list[Read]) -> int:
        """How many rows were newer than what the reads said otherwise."""
        seen: dict[int, tuple[Read, Version]] = {}
        for read in sorted(reads, key=_number):
            for c in read.channels if isinstance(read, Snapshot) else ():
                v = Version(user=read.user_id, address=c.address, state=c.workflow_state, position=c.position)
                seen[c.id] = (read, v)
        before = dict(self.rows)
        older = sum(not self._see(number, read, version) for number, (read, version) in seen.items())
        for read in reads:
            for number, row in before.items():
                if number not in seen and row.alive and row.version.user == read.user_id:
                    if row.number < _number(read):
                        self.waiting.setdefault(number, (read.user_id, read))
                    else:
                        older += 1
        return older

    def _see(self, number: int, read: Read, version: Version) -> bool:
        """False where the row says something else, and is newer."""
        row = self.rows.get(number)
        is_different = row is None or not row.alive or row.version != version
        is_newer = row is None or _number(read) > row.number
        if is_different and is_newer:
            self._supersede(number, version, read)
        if number in self.waiting:
            user, first = self.waiting[number]
            now = self.rows[number]
            if _number(first) <= _number(read) or (now.version.user != user and now.number == _number(read)):
                del self.waiting[number]
        return is_newer or not is_different

    def _supersede(self, number: int, version: Version, read: Read, *, alive: bool = True) -> None:
        since = read.read_at
        if number in self.rows:
            since = max(since, self.rows[number].since + TICK)
            self.past.setdefault(number, []).append((self.rows[number], since))
        self.rows[number] = Row(version, _number(read), since, alive=alive)

    def settle(self, reads: list[Read]) -> set[int]:
        """Second reads; the tombstones that they make."""
        self.merge(reads)
        buried = set()
        for read in reads:
            for number, (user, first) in list(self.waiting.items()):
                if user == read.user_id and _number(first) < _number(read):
                    del self.waiting[number]
                    row = self.rows[number]
                    if row.alive and row.version.user == user and row.number < _number(read):
                        self._supersede(number, row.version, read, alive=False)
                        buried.add(number)
        return buried

    def live(self) -> dict[int, Version]:
        return {number: row.version for number, row in self.rows.items() if row.alive}


def _number(read: Read) -> int:
    assert read.order is not None
    return read.order.number


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
    jump: int  # minutes by which the clock is set, before anybody is read


STEPS = st.builds(
    Step,
    changes=st.lists(CHANGES, max_size=2),
    users=st.lists(st.sampled_from(USERS), max_size=2, unique=True),
    then=st.sampled_from(["together", "forwards", "backwards", "later", "settle"]),
    jump=st.sampled_from([0, 0, 0, DAY, -DAY, -1, 40 * DAY, -40 * DAY]),
)


class World:
    """Canvas, model and mirror, side by side."""

    def __init__(self, stage: Stage, channels: dict[int, Version]) -> None:
        self.stage = stage
        self.canvas = Canvas(dict(channels))
        self.model = Model()
        self.open: list[Read] = []  # read, not committed yet
        self.numbers = itertools.count(1)
        self.ahead = 0  # minutes by which the clock is wrong

    async def step(self, step: Step) -> None:
        for change in step.changes:
            self.canvas.change(*change)
        self.ahead += step.jump
        self.open += [self.read(user) for user in step.users]
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

    def read(self, user: int) -> Read:
        number = next(self.numbers)
        return self.canvas.read(user, number, number + self.ahead)

    async def commit(self, reads: list[Read]) -> None:
        if reads:
            merged = await self.stage.commit(*reads)
            users = {read.user_id for read in reads}
            older = self.model.merge(reads)
            assert older <= merged.older <= older + len(users)  # states of users are counted too
            await self.compare()

    async def settle(self) -> None:
        """Read everybody with candidates again; nobody changes anything meanwhile."""
        users = sorted({user for user, _ in self.model.waiting.values()})
        reads = [self.read(user) for user in users]
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
            number: (row.version, row.since, row.alive) for number, row in self.model.rows.items()
        }
        waiting = await self.stage.query("SELECT * FROM worker.candidates WHERE instance = $1", self.stage.instance)
        assert {row["channel_id"]: (row["user_id"], row["read_at"]) for row in waiting} == {
            number: (user, read.read_at) for number, (user, read) in self.model.waiting.items()
        }

    async def compare_history(self) -> None:
        """Versions follow each other without a gap, from the first sight to the present one."""
        for number, row in self.model.rows.items():
            past = self.model.past.get(number, [])
            history = await self.stage.history(number)
            seen = [(_version(old), old["deleted_at"] is None, old["valid_from"], old["valid_to"]) for old in history]
            assert seen == [(old.version, old.alive, old.since, until) for old, until in past]
            now = await self.stage.row(number)
            edges = [now["first_seen_at"], *[old["valid_to"] for old in history]]
            assert edges == [*[old["valid_from"] for old in history], row.since]
            assert now["changed_at"] == row.since
            assert all(old["valid_from"] < old["valid_to"] for old in history)

    async def read_everybody(self) -> None:
        """A run that nothing disturbs: everybody, then everybody with candidates."""
        await self.commit([self.read(user) for user in USERS])
        await self.settle()


def _version(row: Mapping[str, Any]) -> Version:
    return Version(user=row["user_id"], address=row["address"], state=row["workflow_state"], position=row["position"])


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    channels=st.fixed_dictionaries({}, optional=dict.fromkeys(IDS, VERSIONS)),
    steps=st.lists(STEPS, min_size=4, max_size=14),
)
async def test_the_mirror_follows_the_rules(
    database: Database, channels: dict[int, Version], steps: list[Step]
) -> None:
    """In any order of changes, reads, commits and clock steps it is the model; an undisturbed run makes it Canvas."""
    async with staged(database, f"example_{next(_numbers)}") as stage:
        world = World(stage, channels)
        await world.read_everybody()
        for step in steps:
            await world.step(step)
        await world.read_everybody()
        assert world.model.live() == world.canvas.visible()
        await world.compare_history()

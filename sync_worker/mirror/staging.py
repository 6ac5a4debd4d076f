"""A desired state in temporary tables: PostgreSQL groups its rows by user and finds what stands twice.

Memory stays flat in the size of the document; nothing of it stays behind when the session ends.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from sync_worker.channels import SHARD, Channel, UserRef
from sync_worker.channels import RefKind as Kind
from sync_worker.mirror.chosen import Chosen
from sync_worker.mirror.clocks import TOLERANCE
from sync_worker.mirror.database import Database, Record, Session
from sync_worker.mirror.forgotten import Forgotten
from sync_worker.mirror.text import NulReplacer

CHUNK: Final = 5_000  # rows staged together
SHOWN: Final = 20  # problems told of one sort
WAS_FORGOTTEN: Final = "was forgotten"
"""The problem of a reference to somebody of whom nothing is to be kept."""
COLUMNS: Final = (
    "ref_kind", "ref_value", "ref_where", "mode", "manage", "type", "address", "folded", "compared", "state",
    "skip_confirmation", "reason", "entry_where",
)  # fmt: skip
_VALUES: Final = attrgetter(*COLUMNS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedItem:
    """One thing that a document says; a row of `desired_items`."""

    ref_kind: str
    ref_value: str
    ref_where: str
    mode: str
    manage: tuple[str, ...]
    type: str | None = None  # null, with all below: the head of a user object
    address: str | None = None
    folded: str | None = None  # in lower case
    compared: str | None = None  # by which addresses are compared: folded, or a number as E.164
    state: str | None = None
    skip_confirmation: bool | None = None
    reason: str | None = None
    entry_where: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedUser:
    """One user of the document, with what is wanted and what the mirror has."""

    user_id: int
    items: tuple[StagedItem, ...]
    read_at: datetime | None  # of the mirror's rows; None: they are older than asked for
    live: tuple[Channel, ...]  # what the mirror has


@dataclass(frozen=True, slots=True, kw_only=True)
class Satisfied:
    """Users who need nothing, according to a fresh mirror."""

    users: int
    managed_live: int  # their live channels of managed types


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTwice:
    """Two references that turn out to be one user."""

    user_id: int
    refs: tuple[str, ...]
    places: tuple[str, ...]


class Stage:
    """The staged document of one session; `chosen` are the users that a plan is restricted to, if it is."""

    def __init__(self, session: Session, instance: str) -> None:
        self._session = session
        self._instance = instance
        self.chosen = Chosen(session)

    async def add(self, items: Iterable[StagedItem]) -> None:
        """Take a part of the document in, or all of it."""
        chunk: list[tuple[Any, ...]] = []
        for item in items:
            chunk.append(_row(item))
            if len(chunk) >= CHUNK:
                await self._copy(chunk)
                chunk = []
        await self._copy(chunk)

    async def complete(self) -> None:
        """All of the document is in: find its references."""
        await self._session.execute("list_desired_users")
        await self._session.execute("index_desired_items")
        await self._session.execute("analyze_desired")

    async def _copy(self, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            await self._session.copy("desired_items", COLUMNS, rows)

    async def suspects(self) -> list[tuple[StagedItem, ...]]:
        """The items of references that may contradict themselves; the first ones."""
        refs = await self._session.fetch("suspect_references", SHOWN)
        groups = [await self._session.fetch("items_of_reference", *ref) for ref in refs]
        return [tuple(_item(row) for row in group) for group in groups]

    async def resolve_from_mirror(self) -> None:
        """Give references the ids that they are, or that the mirror knows; what it does not know stays open."""
        await self._session.execute("resolve_numbers", SHARD)
        await self._session.execute("resolve_from_mirror", self._instance)

    async def unresolved(self) -> AsyncIterator[list[UserRef]]:
        """References that are still open, some at a time; each has to be noted before the next are asked for."""
        last = ("", "")
        while rows := await self._session.fetch("unresolved_references", *last, SHOWN * 10):
            yield [UserRef(kind=Kind(row["ref_kind"]), value=row["ref_value"], where=row["ref_where"]) for row in rows]
            last = (rows[-1]["ref_kind"], rows[-1]["ref_value"])

    async def note(self, found: Sequence[tuple[UserRef, int | None, str | None]]) -> None:
        """Write down what references came to: an id, or a problem."""
        await self._session.execute(
            "note_resolved",
            [ref.kind.value for ref, _, _ in found],
            [ref.value for ref, _, _ in found],
            [user_id for _, user_id, _ in found],
            [problem for _, _, problem in found],
        )

    async def named_twice(self) -> tuple[NamedTwice, ...]:
        """Users that are named in two ways; the first ones."""
        rows = await self._session.fetch("named_twice", SHOWN)
        return tuple(
            NamedTwice(user_id=row["user_id"], refs=tuple(row["refs"]), places=tuple(row["places"])) for row in rows
        )

    async def count(self) -> int:
        """How many users are named so far as they are known."""
        number: int = await self._session.fetch_value("count_desired_users")
        return number

    async def count_references(self) -> int:
        """How many references the document has, without those that lead to nobody."""
        number: int = await self._session.fetch_value("count_references")
        return number

    async def leave_out(self, forgotten: Forgotten) -> None:
        """Plan nothing for whoever was forgotten; without their names, which would be kept with the plan."""
        last = 0
        while forgotten and (rows := await self._session.fetch("resolved_ids", last, CHUNK)):
            ids = [row["user_id"] for row in rows]
            await self._session.execute("leave_out_users", list(forgotten.among(ids)), WAS_FORGOTTEN)
            last = ids[-1]

    async def lost(self) -> tuple[str, ...]:
        """References that lead to nobody, with their place; all of them."""
        return tuple(map(_lost, await self._session.fetch("unresolved_problems")))

    async def find_fresh(self, since: datetime | None, now: datetime) -> None:
        """Find out for whom the mirror is as new as `since`; None: for nobody. What lies in the future is old."""
        await self._session.execute("index_resolved_users")
        await self._session.execute("analyze_resolved")
        if since is not None:
            await self._session.execute("find_fresh_users", self._instance, since, now + TOLERANCE)
            await self._session.execute("analyze_resolved")

    async def take_out_satisfied(self) -> Satisfied:
        """Compare whoever is fresh within the database; those who certainly need nothing are not among `users` then."""
        row = await self._session.fetch_row("take_out_satisfied", self._instance)
        return Satisfied(**dict(row or {"users": 0, "managed_live": 0}))

    async def users(self, size: int) -> AsyncIterator[list[StagedUser]]:
        """All resolved users in order of id, `size` at a time."""
        last = 0
        while rows := await self._session.fetch("desired_users_page", last, size):
            ids = [row["user_id"] for row in rows]
            items = _grouped(await self._session.fetch("items_of_users", ids))
            live = _grouped(await self._session.fetch("live_channels_of_users", self._instance, ids))
            yield [
                StagedUser(
                    user_id=row["user_id"],
                    items=tuple(_item(item) for item in items[row["user_id"]]),
                    read_at=row["read_at"],
                    live=tuple(_channel(channel) for channel in live.get(row["user_id"], ())),
                )
                for row in rows
            ]
            last = ids[-1]


@asynccontextmanager
async def staging(database: Database, instance: str) -> AsyncIterator[Stage]:
    """A session with empty staging tables."""
    async with database.dedicated(f"sync-worker plan {instance}") as session:
        for table in ("create_desired_items", "create_desired_users", "create_fresh_users", "create_chosen_users"):
            await session.execute(table)
        yield Stage(session, instance)


def _lost(row: Record) -> str:
    if row["problem"] == WAS_FORGOTTEN:
        return f"{row['ref_where']}: this user {WAS_FORGOTTEN}"
    return f"{row['ref_where']}: {row['ref_kind']}:{row['ref_value']}: {row['problem']}"


def _row(item: StagedItem) -> tuple[Any, ...]:
    clean = NulReplacer()
    return tuple([clean(value) if isinstance(value, str) else value for value in _VALUES(item)])


def _item(row: Record) -> StagedItem:
    values = {name: row[name] for name in COLUMNS}
    return StagedItem(**{**values, "manage": tuple(row["manage"])})


def _channel(row: Record) -> Channel:
    return Channel.model_construct(**{name: row[name] for name in Channel.model_fields})


def _grouped(rows: list[Record]) -> dict[int, list[Record]]:
    groups: dict[int, list[Record]] = {}
    for row in rows:
        groups.setdefault(row["user_id"], []).append(row)
    return groups

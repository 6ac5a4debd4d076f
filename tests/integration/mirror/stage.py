"""A writer at work on a real database, with a clock that stands still until a test moves it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from typing_extensions import override

from sync_worker.channels import Channel, Failure, Gone, ReadOrder, ReadOutcome, Snapshot, Unreadable, User
from sync_worker.clock import Clock
from sync_worker.mirror.binding import bind
from sync_worker.mirror.candidates import Candidates
from sync_worker.mirror.database import Database, Record
from sync_worker.mirror.ledger import Ledger
from sync_worker.mirror.lock import Writer, writing
from sync_worker.mirror.merge import Merged, Mirror
from sync_worker.mirror.runs import Batch, Reason, Run, RunRequest

ORIGIN = "https://school.example.com"
START = datetime(2026, 3, 1, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """So many minutes after the start of all tests."""
    return START + timedelta(minutes=minutes)


def drawn(minutes: float) -> ReadOrder:
    """The order of a read that began then, by a clock that never stepped."""
    return ReadOrder(epoch=1, number=round(minutes * 1000))


class StillClock(Clock):
    """The wall clock shows what the test says; everything else is real."""

    def __init__(self) -> None:
        self.time = START

    @override
    def now(self) -> datetime:
        return self.time


def request(**given: Any) -> RunRequest:
    """A run over the whole account, unless said otherwise."""
    usual: dict[str, Any] = {"kind": "run", "specs": ("account:self",), "fingerprint": "f"}
    return RunRequest(**{**usual, "resume_max_age": timedelta(hours=12), **given})


def channel(number: int, address: str = "a@example.com", **given: object) -> Channel:
    """A channel as an answer gives it; optional fields only where they are given."""
    required: dict[str, Any] = {
        "id": number,
        "user_id": 1,
        "type": "email",
        "address": address,
        "workflow_state": "active",
    }
    return Channel(**{**required, **given})


def snapshot(user_id: int, minutes: float, *channels: Channel) -> Snapshot:
    """A complete read."""
    return Snapshot(user_id=user_id, read_at=at(minutes), channels=channels, order=drawn(minutes))


def gone(user_id: int, minutes: float) -> Gone:
    """A 404."""
    return Gone(user_id=user_id, read_at=at(minutes), order=drawn(minutes))


def unreadable(user_id: int, minutes: float) -> Unreadable:
    """A 401 or 403."""
    return Unreadable(user_id=user_id, read_at=at(minutes), message="not yours", order=drawn(minutes))


def failure(user_id: int, minutes: float) -> Failure:
    """No answer that can be used."""
    return Failure(
        user_id=user_id, read_at=at(minutes), kind="trouble", status=502, message="bad gateway", order=drawn(minutes)
    )


@dataclass(kw_only=True)
class Stage:
    """One instance, its writer, and a run that is under way."""

    database: Database
    clock: StillClock
    writer: Writer
    ledger: Ledger
    mirror: Mirror
    candidates: Candidates
    run: Run

    @property
    def instance(self) -> str:
        return self.writer.instance

    async def batch(self, *user_ids: int, reason: Reason = Reason.SOURCE) -> Batch:
        """A batch of these users, claimed."""
        async with self.writer.transaction() as session:
            await session.execute("add_batch", self.run.id, reason.value, list(user_ids))
        batch = await self.ledger.claim(self.run)
        assert batch is not None
        assert batch.user_ids == user_ids
        return batch

    async def commit(self, *outcomes: ReadOutcome, reason: Reason = Reason.SOURCE) -> Merged:
        """Write a batch of these users."""
        batch = await self.batch(*dict.fromkeys(outcome.user_id for outcome in outcomes), reason=reason)
        return await self.mirror.commit(self.run, batch, outcomes)

    async def settle(self, *outcomes: ReadOutcome) -> Merged:
        """Write second reads."""
        return await self.mirror.settle(self.run, outcomes)

    async def next_run(self, **given: Any) -> Run:
        """Finish with this run, and begin another."""
        self.run = await self.ledger.open_run(request(fresh=True, **given))
        return self.run

    async def enrol(self, *users: User, account: str | None = None, size: int = 100) -> None:
        """Take in users, as a source names them."""
        async with self.ledger.enrolment(self.run, size) as enrolment:
            await enrolment.offer(users, account=account)
            await enrolment.flush(account=account)

    async def batches(self) -> list[tuple[int, ...]]:
        """The users of the run's batches."""
        rows = await self.query("SELECT user_ids FROM worker.batches WHERE run_id = $1 ORDER BY number", self.run.id)
        return [tuple(row["user_ids"]) for row in rows]

    async def query(self, text: str, *args: Any) -> list[Record]:
        async with self.database.session() as session:
            return await session.connection.fetch(text, *args)

    async def row(self, channel_id: int) -> dict[str, Any]:
        """A channel's present version."""
        query = "SELECT * FROM mirror.communication_channels WHERE instance = $1 AND id = $2"
        (row,) = await self.query(query, self.instance, channel_id)
        return dict(row)

    async def live(self) -> dict[int, str]:
        """The addresses of the live channels by id."""
        query = "SELECT id, address FROM mirror.communication_channels WHERE instance = $1 AND deleted_at IS NULL"
        return {row["id"]: row["address"] for row in await self.query(query, self.instance)}

    async def history(self, channel_id: int) -> list[dict[str, Any]]:
        """A channel's superseded versions, the oldest first."""
        query = "SELECT * FROM mirror.channel_history WHERE instance = $1 AND channel_id = $2 ORDER BY valid_to, id"
        return [dict(row) for row in await self.query(query, self.instance, channel_id)]

    async def waiting(self) -> dict[int, tuple[int, str]]:
        """The candidates: user and reason by channel."""
        query = "SELECT channel_id, user_id, reason FROM worker.candidates WHERE instance = $1"
        rows = await self.query(query, self.instance)
        return {row["channel_id"]: (row["user_id"], row["reason"]) for row in rows}

    async def user(self, user_id: int) -> dict[str, Any]:
        query = "SELECT * FROM mirror.users WHERE instance = $1 AND id = $2"
        (row,) = await self.query(query, self.instance, user_id)
        return dict(row)

    async def states(self) -> dict[int, str]:
        rows = await self.query("SELECT id, state FROM mirror.users WHERE instance = $1", self.instance)
        return {row["id"]: row["state"] for row in rows}

    async def user_history(self, user_id: int) -> list[dict[str, Any]]:
        query = "SELECT * FROM mirror.user_history WHERE instance = $1 AND user_id = $2 ORDER BY id"
        return [dict(row) for row in await self.query(query, self.instance, user_id)]

    async def open_failures(self) -> list[str]:
        """References that could not be read and have not been since."""
        query = "SELECT reference FROM worker.failures WHERE instance = $1 AND resolved_at IS NULL ORDER BY reference"
        return [row["reference"] for row in await self.query(query, self.instance)]

    async def run_row(self) -> dict[str, Any]:
        (row,) = await self.query("SELECT * FROM worker.runs WHERE id = $1", self.run.id)
        return dict(row)


@asynccontextmanager
async def staged(database: Database, instance: str = "main") -> AsyncIterator[Stage]:
    """Take the lock, bind the instance, open a run."""
    clock = StillClock()
    async with writing(database, instance, "run", clock) as writer:
        await bind(writer, clock, None, ORIGIN, 1)
        ledger = Ledger(database, writer, clock)
        yield Stage(
            database=database,
            clock=clock,
            writer=writer,
            ledger=ledger,
            mirror=Mirror(writer, clock),
            candidates=Candidates(database, writer),
            run=await ledger.open_run(request()),
        )


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    """A record without some columns."""
    return {key: value for key, value in record.items() if key not in names}


async def kill_backend(database: Database, pid: int) -> None:
    """What an administrator does, or a network; it has ended when this returns."""
    async with database.session() as session:
        await session.connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)


def ids(records: Sequence[dict[str, Any]]) -> list[int]:
    """The ids of some records."""
    return [record["id"] for record in records]

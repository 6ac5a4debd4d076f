"""The second read: only what is absent from two complete reads of its user becomes a tombstone."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from sync_worker.channels import Failure
from sync_worker.desired.render.words import counted
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.fetch import Reader, read_all, warn_of_nul
from sync_worker.flows.pull.verdict import IN_PART, Finding
from sync_worker.mirror.merge import Merged, Mirror
from sync_worker.mirror.runs import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the second reads came to."""

    merged: Merged = field(default_factory=Merged)
    unread: int = 0  # users that could not be read again


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondRead:
    """Reads users with candidates again, and makes tombstones of what is absent again."""

    mirror: Mirror
    run: Run
    read: Reader
    workers: int  # users read at a time at most
    progress: Progress
    held: bool = False  # a person has raised the brake: what it holds is settled too
    held_by: int | None = None  # a person has accepted what this run holds

    async def settle(self, users: AsyncIterator[tuple[int, ...]]) -> Settled:
        """Settle some users after the others; the sums.

        A user that cannot be read this time keeps its candidates; the next run goes on with them.
        """
        self.progress.phase = "reading again"
        settled = Settled()
        async for user_ids in users:
            order = await self.mirror.read_order()
            outcomes = [replace(each, order=order) for each in await read_all(user_ids, self.read, self.workers)]
            merged = await self.mirror.settle(self.run, outcomes, held=self.held, held_by=self.held_by)
            warn_of_nul(merged)
            unread = sum(isinstance(outcome, Failure) for outcome in outcomes)
            settled = Settled(merged=settled.merged + merged, unread=settled.unread + unread)
        return settled


def unread(settled: Settled) -> tuple[Finding, ...]:
    """Users whose second read failed."""
    if not settled.unread:
        return ()
    users = counted(settled.unread, "user", "users")
    message = f"{users} could not be read a second time; the deletions wait for the next run"
    return (Finding(exit_code=IN_PART, message=message),)

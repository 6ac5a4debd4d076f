"""Taking in the users of a run, each once, and forming batches of them.

Who is in the run already is known to a temporary table of the enrolment's own session: no Python set that grows, no
trace in the write-ahead log. Whoever was forgotten is left out: not read, and not written down.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from sync_worker.channels import User
from sync_worker.clock import Clock
from sync_worker.mirror.database import Session
from sync_worker.mirror.forgotten import Forgotten
from sync_worker.mirror.lock import Writer
from sync_worker.mirror.runs import Reason, Run
from sync_worker.mirror.text import NulReplacer


class Enrolment:
    """Takes in the users of a run, each once, and forms batches of them."""

    def __init__(self, writer: Writer, clock: Clock, run: Run, session: Session, batch_size: int) -> None:
        self._writer = writer
        self._clock = clock
        self._run = run
        self._session = session
        self._size = batch_size
        self._waiting: list[User] = []
        self.enrolled = 0  # users in batches, those of earlier starts included
        self.forgotten = Forgotten(writer.instance)  # who is left out

    async def offer(self, users: Iterable[User], *, account: str | None = None) -> int:
        """Take in users; returns the number of batches formed. `account`: whose listing named them."""
        formed = 0
        for user in users:
            if user.id in self.forgotten:
                continue
            self._waiting.append(user)
            if len(self._waiting) >= self._size:
                formed += await self.flush(account=account)
        return formed

    async def flush(self, *, account: str | None = None) -> int:
        """Form a batch of whoever waits; returns how many were formed (0 or 1)."""
        users, self._waiting = self._waiting, []
        if not users:
            return 0
        async with self._writer.transaction(self._session):
            await self._note_identifiers(users, account)
            return await self._add([user.id for user in users], Reason.SOURCE)

    async def add_failed_before(self, specs: Sequence[str]) -> int:
        """Put first whoever earlier runs of these specs could not read; returns the number of batches."""
        async with self._writer.transaction(self._session) as session:
            rows = await session.fetch("open_failures", self._writer.instance, list(specs))
            return await self._add_all([row["user_id"] for row in rows], Reason.FAILED_BEFORE)

    async def add_missing(self, accounts: Sequence[str]) -> int:
        """Add whoever complete listings of these accounts do not contain any more; returns the number of users."""
        async with self._writer.transaction(self._session) as session:
            missing: int = await session.fetch_value(
                "add_missing", self._writer.instance, list(accounts), self._run.id, self._size
            )
        self.enrolled += missing
        return missing

    async def close(self, specs: Sequence[str], listed: Mapping[str, int]) -> None:
        """All users of the run are in batches.

        Args:
            specs: what was walked to its end.
            listed: how many users the listing of each account contained; empty where none was walked.
        """
        async with self._writer.transaction(self._session) as session:
            await session.execute("mark_listed", self._run.id, json.dumps(listed) if listed else None)
            instance, now = self._writer.instance, self._clock.now()
            await session.execute("resolve_references", instance, list(specs), self._writer.epoch, now)

    async def _add_all(self, ids: list[int], reason: Reason) -> int:
        parts = [ids[at : at + self._size] for at in range(0, len(ids), self._size)]
        return sum([await self._add(part, reason) for part in parts])

    async def _add(self, ids: list[int], reason: Reason) -> int:
        new = [row["user_id"] for row in await self._session.fetch("add_walked_users", ids)]
        if new:
            await self._session.execute("add_batch", self._run.id, reason.value, new)
            self.enrolled += len(new)
        return bool(new)

    async def _note_identifiers(self, users: list[User], account: str | None) -> None:
        clean = NulReplacer()
        await self._session.execute(
            "note_identifiers",
            self._writer.instance,
            self._run.id,
            self._clock.now(),
            account,
            [user.id for user in users],
            [_given(user) for user in users],
            [clean(user.sis_user_id) for user in users],
            [clean(user.login_id) for user in users],
            [clean(user.integration_id) for user in users],
        )


def _given(user: User) -> int:
    """Bit i is set where the answer held identifier i; the order of `note_identifiers`."""
    names = ("sis_user_id", "login_id", "integration_id")
    return sum(1 << bit for bit, name in enumerate(names) if name in user.model_fields_set)

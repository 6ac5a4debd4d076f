"""What people were told and still holds, so that they are not told the same thing every night."""

from collections.abc import Iterable
from datetime import datetime

from sync_worker.mirror.database import Database


class Notices:
    """The table `worker.notices`, for one job of one instance."""

    def __init__(self, database: Database, instance: str, job: str) -> None:
        self._database = database
        self._key = (instance, job)

    async def told(self, event: str, fingerprint: str, now: datetime, *, since: datetime | None = None) -> bool:
        """Whether it was told, after `since` if that matters; a time that is still to come does not count."""
        async with self._database.session() as session:
            return bool(await session.fetch_value("was_told", *self._key, event, fingerprint, now, since))

    async def note(self, event: str, fingerprint: str, now: datetime) -> None:
        """It was told now; of a failure: it happened."""
        async with self._database.session() as session:
            await session.execute("note_told", *self._key, event, fingerprint, now)

    async def drop(self, event: str, keep: Iterable[str] = ()) -> bool:
        """Forget what holds no more; whether any of it was told."""
        async with self._database.session() as session:
            return bool(await session.fetch_value("drop_notices", *self._key, event, list(keep)))

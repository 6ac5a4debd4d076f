"""What people were told and still holds, so that they are not told the same thing every night."""

from collections.abc import Iterable
from datetime import datetime

from sync_worker.mirror.database import Database


class Notices:
    """The table `worker.notices`, for one job of one instance."""

    def __init__(self, database: Database, instance: str, job: str) -> None:
        self._database = database
        self._key = (instance, job)

    async def note(self, event: str, fingerprint: str, now: datetime, too_soon: datetime) -> bool:
        """Whether it is to be told: it never was, or not since `too_soon`; then it is noted as told."""
        async with self._database.session() as session:
            return await session.fetch_row("note_told", *self._key, event, fingerprint, now, too_soon) is not None

    async def drop(self, event: str, keep: Iterable[str] = ()) -> bool:
        """Forget what holds no more; whether any of it was told."""
        async with self._database.session() as session:
            return bool(await session.fetch_value("drop_notices", *self._key, event, list(keep)))

"""Reading the mirror for a desired state: channels with their users, now or at a time, or what is missing."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sync_worker.mirror.database import Database

PAGE: Final = 2_000  # rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which channels."""

    as_of: datetime | None = None  # None: now
    users: tuple[int, ...] | None = None  # None: everybody
    only_missing: bool = False  # only what is not alive now; without a time: all that is marked as deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedChannel:
    """One e-mail or SMS channel."""

    user_id: int
    type: str
    address: str
    workflow_state: str
    user_state: str  # mirror.users.state, now
    sis_user_id: str | None  # where it names this user and nobody else


async def channels(database: Database, instance: str, selection: Selection) -> AsyncGenerator[ExportedChannel]:
    """The channels by user and position, all as of one moment; memory stays flat."""
    users = None if selection.users is None else list(selection.users)
    async with database.transaction() as session:
        if selection.only_missing and selection.as_of is None:
            pages = session.stream("export_tombstones", instance, users, size=PAGE)
        else:
            given = (instance, selection.as_of, users, selection.only_missing)
            pages = session.stream("export_channels", *given, size=PAGE)
        async with aclosing(pages):
            async for page in pages:
                for row in page:
                    yield ExportedChannel(**row)

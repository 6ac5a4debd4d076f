"""People who were forgotten and are not to be read again, as keyed hashes of their numbers.

The hash is made here and not in PostgreSQL: HMAC needs pgcrypto there, which not every server has. It costs some
microseconds a user, and nothing in an instance that has forgotten nobody. Numbers are few, so whoever has hash and key
can try them all: the key keeps a dump of the one table, or of a view of it, from naming anybody, and no more.
"""

import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sync_worker.mirror.database import Database, Session

KEY_BYTES: Final = 32


class Forgotten:
    """Whom an instance has forgotten; memory is that of one hash for each of them."""

    def __init__(self, instance: str, key: bytes = b"", digests: Iterable[bytes] = ()) -> None:
        self._instance = instance
        self._key = key
        self._digests = frozenset(digests)

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __contains__(self, user_id: int) -> bool:
        return bool(self._digests) and digest(self._key, self._instance, user_id) in self._digests

    def among(self, user_ids: Iterable[int]) -> frozenset[int]:
        """Those of some users who were forgotten."""
        return frozenset(user_id for user_id in user_ids if user_id in self) if self else frozenset()


def digest(key: bytes, instance: str, user_id: int) -> bytes:
    """HMAC-SHA256 of an instance and a Canvas id."""
    return hmac.digest(key, f"{instance}:{user_id}".encode(), "sha256")


async def load(session: Session, instance: str) -> Forgotten:
    """Whom the instance has forgotten."""
    row = await session.fetch_row("forgotten_people", instance)
    return Forgotten(instance) if row is None else Forgotten(instance, row["key"], row["digests"])


async def forgotten(database: Database, instance: str) -> Forgotten:
    """The same, on a connection out of the pool."""
    async with database.session() as session:
        return await load(session, instance)


async def remember(session: Session, instance: str, user_id: int, now: datetime) -> None:
    """Never read this user again; in the transaction that forgets the person."""
    key: bytes = await session.fetch_value("forgetting_key", instance, secrets.token_bytes(KEY_BYTES))
    await session.execute("remember_forgotten", instance, digest(key, instance, user_id), now)


async def lift(session: Session, instance: str, user_id: int) -> None:
    """Read this user again from the next run on."""
    key: bytes = await session.fetch_value("forgetting_key", instance, secrets.token_bytes(KEY_BYTES))
    await session.execute("lift_forgotten", instance, digest(key, instance, user_id))

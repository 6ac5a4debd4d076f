"""The users that a plan is restricted to, in a temporary table beside the staged document."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Final

from sync_worker.channels import User, UserRef
from sync_worker.mirror.database import Session
from sync_worker.mirror.text import NulReplacer

PAGE: Final = 200  # users asked about together


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What is open while the chosen users are being found in the document."""

    open_references: int  # of the document, that may name anybody
    missing: int  # chosen users whom no reference is known to name
    untold: int  # of them, those without known identifiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """A reference of a spec that leads to nobody."""

    ref: UserRef
    where: str
    problem: str


class Chosen:
    """Whom a plan is about; belongs to the session of a staged document."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, users: Iterable[User]) -> None:
        """Choose users."""
        chosen, clean = list(users), NulReplacer()
        await self._session.execute(
            "choose_users",
            [user.id for user in chosen],
            [bool(user.model_fields_set - {"id"}) for user in chosen],
            [clean(user.sis_user_id) for user in chosen],
            [clean(user.login_id) for user in chosen],
            [clean(user.integration_id) for user in chosen],
        )

    async def add_strangers(self, strangers: Iterable[Stranger]) -> None:
        """Note who was meant to be chosen and cannot be; they are told with the document's lost references."""
        lost = list(strangers)
        await self._session.execute(
            "note_strangers",
            [stranger.ref.kind.value for stranger in lost],
            [stranger.ref.value for stranger in lost],
            [stranger.where for stranger in lost],
            [stranger.problem for stranger in lost],
        )

    async def match(self) -> None:
        """Give open references the chosen user that has such an identifier."""
        await self._session.execute("analyze_chosen")
        await self._session.execute("resolve_from_chosen")

    async def left(self) -> Left:
        """What is still open."""
        (row,) = await self._session.fetch("chosen_left")
        return Left(**row)

    async def untold(self) -> AsyncIterator[tuple[int, ...]]:
        """Missing users without known identifiers, some at a time."""
        last = 0
        while rows := await self._session.fetch("untold_users", last, PAGE):
            yield tuple(row["user_id"] for row in rows)
            last = rows[-1]["user_id"]

    async def keep(self) -> None:
        """Forget everybody else."""
        await self._session.execute("keep_chosen")

"""References to numeric ids: local numbers at once, others with one cached call each, some at a time.

A global number may be the other form of a local one: the one that Canvas answers with is the user's id, so that nobody
is in the mirror twice.

A reference that Canvas does not know is a failed reference and no more: SIS ids change, and the person may be
alive under another one. Nobody is ever "gone" because of it.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from sync_worker.channels import SHARD, RefKind, User, UserRef, by_id
from sync_worker.errors import NotFound, RequestFailed, SyncWorkerError
from sync_worker.tasks import TaskGroup

CACHED: Final = 10_000  # users remembered by reference
CONCURRENCY: Final = 16  # look-ups at a time; the gate decides below it


class LooksUp(Protocol):
    """What of the client is needed here."""

    async def get_user(self, user: UserRef) -> User:
        """One user, or an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedReference:
    """A reference that led to nobody."""

    ref: UserRef
    where: str  # file and line, or the spec
    kind: str  # errors.RequestFailed.kind
    status: int | None
    message: str
    what: str = ""  # the message without the request


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some users on their way into the ledger."""

    users: tuple[User, ...] = ()  # each once; identifiers where Canvas told them
    named: Mapping[UserRef, int] = field(default_factory=dict)  # whom the references led to, where there were any
    failures: tuple[FailedReference, ...] = ()


class Resolver:
    """Looks references up; remembers the latest ones.

    Args:
        client: asks Canvas.
        concurrency: calls at a time.
        cached: users remembered.
    """

    def __init__(self, client: LooksUp, *, concurrency: int = CONCURRENCY, cached: int = CACHED) -> None:
        self._client = client
        self._concurrency = concurrency
        self._cached = cached
        self._known: OrderedDict[UserRef, User] = OrderedDict()

    async def resolve(self, refs: Iterable[UserRef]) -> Chunk:
        """The users of some references (some hundred), each once, in their order.

        Raises:
            TokenRefused, ClientRefused, QuotaExhausted: about the run, not about a reference.
        """
        results = await self.outcomes(refs)
        found = {ref: result for ref, result in results.items() if isinstance(result, User)}
        return Chunk(
            users=tuple({user.id: user for user in found.values()}.values()),
            named={ref: user.id for ref, user in found.items()},
            failures=tuple(result for result in results.values() if isinstance(result, FailedReference)),
        )

    async def identified(self, ids: Iterable[int]) -> list[User]:
        """Users with the identifiers that Canvas tells, in order, one call each; whom it does not tell of is left out.

        Raises:
            TokenRefused, ClientRefused, QuotaExhausted: about the run, not about a user.
        """
        refs = list(dict.fromkeys(map(by_id, ids)))
        found: dict[UserRef, User | FailedReference] = {}
        await self._look_up(iter(refs), found)
        return [user for user in map(found.__getitem__, refs) if isinstance(user, User)]

    async def outcomes(self, refs: Iterable[UserRef]) -> dict[UserRef, User | FailedReference]:
        """What each of some references (some hundred) leads to, in their order.

        Raises:
            TokenRefused, ClientRefused, QuotaExhausted: about the run, not about a reference.
        """
        wanted = list(dict.fromkeys(refs))
        found: dict[UserRef, User | FailedReference] = {}
        await self._look_up(iter([ref for ref in wanted if not self._remembers(ref, found)]), found)
        return {ref: found[ref] for ref in wanted}

    def _remembers(self, ref: UserRef, found: dict[UserRef, User | FailedReference]) -> bool:
        if ref.kind is RefKind.ID and int(ref.value) < SHARD:
            found[ref] = User(id=int(ref.value))
        elif ref in self._known:
            self._known.move_to_end(ref)
            found[ref] = self._known[ref]
        return ref in found

    async def _look_up(self, unknown: Iterator[UserRef], found: dict[UserRef, User | FailedReference]) -> None:
        """Several workers share one iterator; the first error about the run ends all of them."""

        async def work() -> None:
            for ref in unknown:
                found[ref] = await self._one(ref)

        stop: Exception | None = None
        try:
            async with TaskGroup() as group:
                for number in range(self._concurrency):
                    group.create_task(work(), name=f"resolve-{number}")
        except* SyncWorkerError as errors:
            stop = errors.exceptions[0]
        if stop is not None:
            raise stop

    async def _one(self, ref: UserRef) -> User | FailedReference:
        try:
            user = await self._client.get_user(ref)
        except RequestFailed as error:
            if ref.kind is RefKind.ID and isinstance(error, NotFound):
                return User(id=int(ref.value))  # the read of its channels says that it is gone
            message = str(error)
            return FailedReference(
                ref=ref, where=ref.where, kind=error.kind, status=error.status, message=message, what=error.what
            )
        self._known[ref] = user
        if len(self._known) > self._cached:
            self._known.popitem(last=False)
        return user

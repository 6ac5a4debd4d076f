"""The walk over a source: users in chunks, as they arrive."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import islice
from typing import Final, Protocol

from sync_worker.channels import User, UserRef
from sync_worker.errors import Forbidden, NotFound, SourceError
from sync_worker.users.files import references
from sync_worker.users.queries import Mirrored, queried
from sync_worker.users.resolve import Chunk, LooksUp, Resolver
from sync_worker.users.specs import AccountSpec, FileSpec, NamedSpec, QuerySpec, Spec

CHUNK: Final = 500  # references read and resolved together


class Directory(LooksUp, Protocol):
    """What of the client is needed here."""

    def list_users(self, account: str) -> AsyncIterator[list[User]]:
        """The users of an account, page by page; raises where the listing breaks off."""


async def walk(
    spec: Spec, client: Directory, resolver: Resolver | None = None, mirror: Mirrored | None = None
) -> AsyncGenerator[Chunk]:
    """All users of a source; that it ends without an error is the proof that it was complete.

    Args:
        spec: which users.
        client: asks Canvas.
        resolver: shared by the walks of one run, so that its memory is too; made anew where there is none.
        mirror: where queries are asked; only they need it.

    Raises:
        SourceError: a file or a query is bad, or the account is not there or not to be listed.
        RequestFailed: a page of a listing could not be had.
        TokenRefused, ClientRefused, QuotaExhausted: about the run.
    """
    if isinstance(spec, AccountSpec):
        async for chunk in _listing(spec, client):
            yield chunk
        return
    resolver = resolver or Resolver(client)
    async with _references(spec, mirror) as refs:
        waiting = iter(refs)
        while some := list(islice(waiting, CHUNK)):
            yield await resolver.resolve(some)


@asynccontextmanager
async def _references(
    spec: FileSpec | QuerySpec | NamedSpec, mirror: Mirrored | None
) -> AsyncIterator[Iterable[UserRef]]:
    if not isinstance(spec, QuerySpec):
        yield references(spec.path) if isinstance(spec, FileSpec) else spec.refs
        return
    if mirror is None:
        raise SourceError("there is no mirror to ask here", where=spec.text)
    async with queried(mirror, spec) as refs:
        yield refs


async def _listing(spec: AccountSpec, client: Directory) -> AsyncIterator[Chunk]:
    try:
        async for page in client.list_users(spec.account):
            yield Chunk(users=tuple(page))
    except (NotFound, Forbidden) as error:
        raise SourceError(
            f"the account cannot be listed ({error.what})",
            where=spec.text,
            hint="Look at the account's number, and whether the token's user is an administrator there",
        ) from error

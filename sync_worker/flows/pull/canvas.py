"""What every flow does with Canvas before and while it reads: make sure it is the right one, and notice an outage."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial

from sync_worker.canvas.client import CanvasClient
from sync_worker.canvas.read import read_user
from sync_worker.channels import ReadOrder, ReadOutcome, RefKind, User, UserRef
from sync_worker.errors import Forbidden, NotFound, RefusedAlone, Rejected, RequestFailed
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.fetch import Reader
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.waiting.outage import OutageWatch, unreachable
from sync_worker.mirror.binding import bind, binding, check
from sync_worker.mirror.lock import Writer


async def bind_to_canvas(rooms: Rooms, writer: Writer, outage: OutageWatch | None = None) -> None:
    """Make sure that the Canvas that answers is the one that the mirror is of; binds at the first run.

    Args:
        rooms: Canvas and database.
        writer: of the instance.
        outage: sits an outage out; without it, a Canvas that does not answer is told at once.

    Raises:
        WrongCanvas: it is another one.
        CanvasUnreachable: it does not answer.
    """
    name, origin = rooms.instance.name, rooms.instance.origin
    bound = await binding(rooms.database, name)
    if bound is not None:
        check(bound, origin, None)  # before anything is sent
    await bind(writer, rooms.clock, bound, origin, await root_account(rooms, outage))


async def root_account(rooms: Rooms, outage: OutageWatch | None = None) -> int | None:
    """The root account of the Canvas that answers; None where this token may not see accounts.

    Raises:
        CanvasUnreachable: it does not answer.
    """
    try:
        ask = partial(rooms.client.get_account, rooms.instance.account)
        account = await (ask() if outage is None else outage.ask(ask))
    except (Forbidden, NotFound, Rejected, RefusedAlone):
        return None  # the origin has to do
    except RequestFailed as error:
        raise unreachable(error, rooms.instance.origin) from error
    return account.root_account_id or account.id


async def token_owner(rooms: Rooms, outage: OutageWatch | None = None) -> int | None:
    """Whose token it is; None where Canvas does not say. `outage` as above.

    Raises:
        CanvasUnreachable: it does not answer.
    """
    try:
        ask = partial(rooms.client.get_user, UserRef(kind=RefKind.SELF))
        return (await (ask() if outage is None else outage.ask(ask))).id
    except (Forbidden, NotFound, Rejected, RefusedAlone):
        return None
    except RequestFailed as error:
        raise unreachable(error, rooms.instance.origin) from error


def outage_watch(rooms: Rooms, progress: Progress) -> OutageWatch:
    """Notices an outage of everything, and sits it out; one for all that the run asks about single users."""
    return OutageWatch(
        partial(rooms.client.get_user, UserRef(kind=RefKind.SELF)),
        rooms.clock,
        origin=rooms.instance.origin,
        patience=rooms.settings.run.outage_patience.total_seconds(),
        progress=progress,
    )


def reader(rooms: Rooms, outage: OutageWatch) -> Reader:
    """Reads one user."""

    async def read(user_id: int) -> ReadOutcome:
        return await outage.read(partial(read_user, rooms.client, rooms.clock, user_id))

    return read


def ordered(read: Reader, draw: Callable[[], Awaitable[ReadOrder]]) -> Reader:
    """The same, for what is written to the mirror by itself: each read draws its order before it begins."""

    async def drawn(user_id: int) -> ReadOutcome:
        order = await draw()
        return replace(await read(user_id), order=order)

    return drawn


class PatientDirectory:
    """Looks users up, and sits outages out."""

    def __init__(self, client: CanvasClient, outage: OutageWatch) -> None:
        self._client = client
        self._outage = outage

    async def get_user(self, user: UserRef) -> User:
        """One user, or an error."""
        return await self._outage.ask(partial(self._client.get_user, user))

    def list_users(self, account: str) -> AsyncIterator[list[User]]:
        """The users of an account, page by page as they arrive; raises where the listing breaks off."""
        return self._client.list_users(account, through=self._outage.ask)

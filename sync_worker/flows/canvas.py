"""What every flow does with Canvas before and while it reads: make sure it is the right one, and notice an outage."""

from sync_worker.canvas.read import read_user
from sync_worker.channels import ReadOutcome, RefKind, UserRef
from sync_worker.errors import Forbidden, NotFound, Rejected, RequestFailed
from sync_worker.flows.fetch import Reader
from sync_worker.flows.outage import OutageWatch, is_trouble, unreachable
from sync_worker.flows.rooms import Rooms
from sync_worker.mirror.binding import bind, binding, check
from sync_worker.mirror.lock import Writer


async def bind_to_canvas(rooms: Rooms, writer: Writer) -> None:
    """Make sure that the Canvas that answers is the one that the mirror is of; binds at the first run.

    Raises:
        WrongCanvas: it is another one.
        CanvasUnreachable: it does not answer.
    """
    name, origin = rooms.instance.name, rooms.instance.origin
    bound = await binding(rooms.database, name)
    if bound is not None:
        check(bound, origin, None)  # before anything is sent
    await bind(writer, rooms.clock, bound, origin, await root_account(rooms))


async def root_account(rooms: Rooms) -> int | None:
    """The root account of the Canvas that answers; None where this token may not see accounts.

    Raises:
        CanvasUnreachable: it does not answer.
    """
    try:
        account = await rooms.client.get_account(rooms.instance.account)
    except (Forbidden, NotFound, Rejected):
        return None  # the origin has to do
    except RequestFailed as error:
        raise unreachable(error, rooms.instance.origin) from error
    return account.root_account_id or account.id


async def token_owner(rooms: Rooms) -> int | None:
    """Whose token it is; None where Canvas does not say.

    Raises:
        CanvasUnreachable: it does not answer.
    """
    try:
        return (await rooms.client.get_user(UserRef(kind=RefKind.SELF))).id
    except (Forbidden, NotFound, Rejected):
        return None
    except RequestFailed as error:
        raise unreachable(error, rooms.instance.origin) from error


def outage_watch(rooms: Rooms) -> OutageWatch:
    """Notices an outage of everything, which stops the run; one for all that the run asks about single users."""
    return OutageWatch(lambda: rooms.client.get_user(UserRef(kind=RefKind.SELF)), rooms.instance.origin)


def reader(rooms: Rooms, outage: OutageWatch | None = None) -> Reader:
    """Reads one user."""
    watch = outage or outage_watch(rooms)

    async def read(user_id: int) -> ReadOutcome:
        outcome = await read_user(rooms.client, rooms.clock, user_id)
        await watch.note(trouble=is_trouble(outcome))
        return outcome

    return read

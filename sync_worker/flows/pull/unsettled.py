"""Actions that a dead process, or a lost answer, left behind: Canvas is looked at before anything else is done."""

from sync_worker.channels import Failure, Gone, Snapshot, Unreadable
from sync_worker.desired.ceiling import Found, look
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.model import ACTIVE
from sync_worker.flows.pull.fetch import Reader
from sync_worker.flows.rooms import Rooms
from sync_worker.logs import get_logger
from sync_worker.mirror.actions import Action, Closing, Status, unsettled
from sync_worker.mirror.journal import Journal

log = get_logger(__name__)


async def settle_unsettled(rooms: Rooms, journal: Journal, read: Reader) -> tuple[Change, ...]:
    """Settle every action of the instance whose outcome nobody knows, as far as Canvas can be read.

    Returns:
        The creates that sent a message although none was to be sent: the token may not skip confirmations.
    """
    betrayed = []
    for action in await unsettled(rooms.database, rooms.instance.name):
        outcome = await read(action.user_id)
        if isinstance(outcome, Unreadable | Failure):
            log.warning("an action cannot be settled yet", action=action.id, reason=outcome.message)
            continue
        closing = settled(action, outcome)
        if closing is not None:
            await journal.close(action, closing, outcome)
            log.warning("an interrupted action was settled", action=action.id, status=closing.status.value)
            if closing.status is Status.DONE and closing.messaged and action.skip_confirmation:
                betrayed.append(change_of(action))
    return tuple(betrayed)


def settled(action: Action, outcome: Snapshot | Gone) -> Closing | None:
    """What an action in doubt has come to; None where it stays in doubt."""
    if action.kind == "delete_push":
        return _in_doubt(action, "the answer was lost; Canvas does not say which devices there are")
    if isinstance(outcome, Gone):
        status = Status.DONE if action.kind == Kind.DELETE else Status.SKIPPED
        return Closing(status=status, note="Canvas does not know this user any more")
    found = look(change_of(action), outcome.channels)
    if found.done:
        return _done(found)
    if found.repeatable:
        return Closing(status=Status.PLANNED, note=found.why)
    return _in_doubt(action, found.why, messaged=True)


def change_of(action: Action) -> Change:
    """The change that an action is to make."""
    return Change(
        kind=Kind(action.kind),
        user_id=action.user_id,
        type=action.type,
        address=action.address,
        channel_id=action.channel_id if action.kind == Kind.DELETE else None,
        skip_confirmation=action.skip_confirmation,
    )


def _done(found: Found) -> Closing:
    channel = found.channel
    return Closing(
        status=Status.DONE,
        note=found.why,
        channel_id=channel.id if channel else None,
        messaged=channel is not None and channel.workflow_state != ACTIVE,
    )


def _in_doubt(action: Action, why: str, *, messaged: bool = False) -> Closing | None:
    if action.status is Status.UNCERTAIN:
        return None
    return Closing(status=Status.UNCERTAIN, note=why, messaged=messaged)

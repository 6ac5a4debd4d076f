"""One user of an approved plan: read, create, verify, delete, verify; each call journalled before and after.

The read that verifies an action is what the next action of the same user starts from. Where a read fails, the user is
left alone from there on: an action whose call was sent stays `started`, and whoever writes next looks first.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from sync_worker.canvas.client import CanvasClient
from sync_worker.channels import Failure, Gone, ReadOutcome, RefKind, Snapshot, Unreadable, by_id, same_user
from sync_worker.desired.ceiling import Dropped, Standing, creates_due, deletes_due
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.guards import Allowances, GuardLimits
from sync_worker.desired.model import ACTIVE, key_of
from sync_worker.desired.plan import PlannedUser
from sync_worker.errors import (
    ClientRefused,
    Forbidden,
    NotFound,
    QuotaExhausted,
    Rejected,
    RequestFailed,
    TokenRefused,
)
from sync_worker.flows.caution import Caution
from sync_worker.flows.tally import Tally
from sync_worker.mirror.journal import Action, Aside, Closing, Journal, Status

_STATUS: Final = {
    Standing.EXISTED: Status.EXISTED,
    Standing.GONE: Status.SKIPPED,
    Standing.SKIPPED: Status.SKIPPED,
    Standing.WITHHELD: Status.WITHHELD,
}
_NO: Final = (Rejected, Forbidden, NotFound)
"""Canvas says no to this one request."""

_UNSENT: Final = (TokenRefused, ClientRefused, QuotaExhausted)
"""The call was surely not carried out, and the whole apply ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What of a plan is to be done for one user, as far as the guards allow it."""

    user: PlannedUser
    actions: dict[Change, Action]  # in the order of the plan

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.actions if change.kind is kind)


class Actor:
    """Carries out the tasks of one apply, user by user.

    Args:
        client: with the token for writing.
        read: reads one user.
        journal: of this run.
        rules: the guards that are asked again for each user.
        caution: says when to stop.
        tally: is counted up.
    """

    def __init__(
        self,
        *,
        client: CanvasClient,
        read: Callable[[int], Awaitable[ReadOutcome]],
        journal: Journal,
        rules: tuple[GuardLimits, Allowances],
        caution: Caution,
        tally: Tally,
    ) -> None:
        self._client = client
        self._read = read
        self._journal = journal
        self._rules = rules
        self._caution = caution
        self._tally = tally

    async def act(self, task: Task) -> None:
        """Do what is due for one user.

        Raises:
            TokenRefused, ClientRefused, Unreachable: the apply ends; what was sent is in the journal.
        """
        live = await self._person(task)
        if live is not None:
            live = await self._create_all(task, live)
        if live is not None:
            await self._delete_all(task, live)

    # --- who it is -------------------------------------------------------------------------------------

    async def _person(self, task: Task) -> Snapshot | None:
        """The user's channels now, if it is still the person whom the plan means."""
        stranger = await self._stranger(task)
        if stranger is not None:
            await self._give_up(task, *stranger)
            return None
        outcome = await self._read(task.user.diff.desired.user_id)
        match outcome:
            case Snapshot():
                return outcome
            case Gone():
                await self._give_up(task, Status.SKIPPED, "Canvas does not know this user any more", outcome)
            case Unreadable(message=message) | Failure(message=message):
                await self._give_up(task, Status.FAILED, message)
        return None

    async def _stranger(self, task: Task) -> tuple[Status, str] | None:
        """Why the user is not the one whom the document names, or None."""
        desired = task.user.diff.desired
        if desired.ref.kind is RefKind.ID:
            return None
        try:
            found = await self._client.get_user(desired.ref)
        except NotFound:
            return Status.SKIPPED, f"{desired.ref} leads to nobody now"
        except RequestFailed as error:
            return Status.FAILED, str(error)
        if not same_user(found.id, desired.user_id):
            return Status.SKIPPED, f"{desired.ref} is another person now, user {found.id}"
        return None

    async def _give_up(self, task: Task, status: Status, why: str, read: Gone | None = None) -> None:
        asides = [Aside(action=action, status=status, note=why) for action in task.actions.values()]
        await self._journal.set_aside(asides, read)
        for change in task.actions:
            self._tally.note(change, status, why)
        if status is Status.FAILED:
            self._caution.went_wrong(why)

    async def _drop(self, task: Task, dropped: tuple[Dropped, ...], read: Snapshot) -> None:
        """Write down what is not carried out, and why."""
        asides = [
            Aside(action=task.actions[each.change], status=_STATUS[each.standing], note=each.why) for each in dropped
        ]
        await self._journal.set_aside(asides, read if asides else None)
        for each in dropped:
            reached = each.standing in {Standing.EXISTED, Standing.GONE}
            self._tally.gone += each.standing is Standing.GONE
            self._tally.note(each.change, _STATUS[each.standing], None if reached else each.why)

    # --- creating --------------------------------------------------------------------------------------

    async def _create_all(self, task: Task, live: Snapshot) -> Snapshot | None:
        still = creates_due(task.of(Kind.CREATE), live.channels)
        await self._drop(task, still.dropped, live)
        for change in still.due:
            if self._caution.halted is not None:
                return None
            after = await self._create(task.actions[change], change, live)
            if after is None:
                return None
            live = after
        return live

    async def _create(self, action: Action, change: Change, live: Snapshot) -> Snapshot | None:
        if not await self._journal.start(action, live):
            return None
        error: RequestFailed | None = None
        try:
            await self._client.create_channel(
                by_id(change.user_id),
                type=change.type,
                address=change.address,
                skip_confirmation=change.skip_confirmation,
            )
        except RequestFailed as failed:
            error = failed
        except _UNSENT:
            await self._journal.close(action, Closing(status=Status.PLANNED), None)
            raise
        return await self._verify(action, change, error)

    # --- deleting --------------------------------------------------------------------------------------

    async def _delete_all(self, task: Task, live: Snapshot) -> None:
        waiting = task.of(Kind.DELETE)
        while waiting and self._caution.halted is None:
            still = deletes_due(task.user, waiting, live.channels, live.read_at, self._rules)
            await self._drop(task, still.dropped, live)
            if not still.due:
                return
            after = await self._delete(task.actions[still.due[0]], still.due[0], live)
            if after is None:
                return
            live, waiting = after, still.due[1:]

    async def _delete(self, action: Action, change: Change, live: Snapshot) -> Snapshot | None:
        if change.channel_id is None or not await self._journal.start(action, live):
            return None
        error: RequestFailed | None = None
        try:
            await self._client.delete_channel(by_id(change.user_id), change.channel_id)
        except RequestFailed as failed:
            error = failed
        except _UNSENT:
            await self._journal.close(action, Closing(status=Status.PLANNED), None)
            raise
        return await self._verify(action, change, error)

    # --- verifying -------------------------------------------------------------------------------------

    async def _verify(self, action: Action, change: Change, error: RequestFailed | None) -> Snapshot | None:
        """Read the user again, and close the action by what is there; None where the user is left alone from here."""
        after = await self._read(change.user_id)
        if isinstance(after, Unreadable | Failure):
            self._tally.note(change, Status.STARTED, f"the user could not be read again: {after.message}")
            self._caution.went_wrong(after.message)
            return None
        closing = (_created if change.kind is Kind.CREATE else _deleted)(change, error, after)
        await self._journal.close(action, closing, after)
        self._note(change, closing, after)
        return after if isinstance(after, Snapshot) else None

    def _note(self, change: Change, closing: Closing, after: Snapshot | Gone) -> None:
        self._tally.note(
            change,
            closing.status,
            None if closing.status is Status.DONE else closing.note,
            messaged=closing.messaged,
        )
        channels = after.channels if isinstance(after, Snapshot) else ()
        if closing.status in {Status.REFUSED, Status.FAILED, Status.UNCERTAIN}:
            self._caution.went_wrong(closing.note or closing.status)
        elif closing.status is Status.DONE and change.kind is Kind.CREATE:
            self._caution.created(change, next(each for each in channels if each.id == closing.channel_id))
        else:
            self._caution.went_well()


def _created(change: Change, error: RequestFailed | None, after: Snapshot | Gone) -> Closing:
    """What a create came to, by the read after it; the answer alone proves nothing."""
    if isinstance(after, Gone):
        return Closing(status=Status.SKIPPED, note="Canvas does not know this user any more")
    channel = next((each for each in after.channels if key_of(each.type, each.address) == change.key), None)
    refused = isinstance(error, _NO)
    if channel is not None and refused:
        return Closing(status=Status.EXISTED, note=str(error), channel_id=channel.id)
    if channel is not None:
        note = None if error is None else "the answer was lost, a look found it there"
        unconfirmed = channel.workflow_state != ACTIVE
        return Closing(status=Status.DONE, note=note, channel_id=channel.id, messaged=unconfirmed)
    if refused:
        return Closing(status=Status.REFUSED, note=str(error))
    what = str(error) if error else "Canvas answered that it is created"
    note = f"{what}; a look right after it did not find it"
    return Closing(status=Status.UNCERTAIN, note=note, messaged=not change.skip_confirmation)


def _deleted(change: Change, error: RequestFailed | None, after: Snapshot | Gone) -> Closing:
    """What a delete came to, by the read after it."""
    channels = after.channels if isinstance(after, Snapshot) else ()
    if all(channel.id != change.channel_id for channel in channels):
        return Closing(status=Status.DONE, note=None if error is None else f"{error}; a look found it gone")
    if isinstance(error, _NO):
        return Closing(status=Status.REFUSED, note=str(error))
    return Closing(status=Status.FAILED, note=str(error) if error else "Canvas says it is deleted, and still lists it")

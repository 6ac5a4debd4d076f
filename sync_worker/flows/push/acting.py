"""One user of an approved plan: read, create, verify, delete, verify; each call journalled before and after.

The read that verifies an action is what the next action of the same user starts from. Where a read fails, or the
outcome of a call is unknown, the user is left alone from there on: whoever writes next reads the user again first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from sync_worker.channels import Channel, Failure, Gone, ReadOutcome, RefKind, Snapshot, Unreadable, by_id, same_user
from sync_worker.desired.ceiling import Dropped, Standing, creates_due, deletes_due
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.guards import Rules
from sync_worker.desired.plan import PlannedUser
from sync_worker.errors import ClientRefused, NotFound, QuotaExhausted, RequestFailed, TokenRefused, Trouble, Withdrawn
from sync_worker.flows.pull.canvas import ordered, reader
from sync_worker.flows.pull.outcomes import contradicted, explained, look, made, settled
from sync_worker.flows.push.caution import Caution
from sync_worker.flows.push.closing import Response, completed_late, concluded, unread
from sync_worker.flows.push.ending import Ending, Sending
from sync_worker.flows.push.tally import Tally
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.waiting.outage import OutageWatch, is_trouble
from sync_worker.mirror.actions import Action, Aside, Closing, Status
from sync_worker.mirror.journal import Journal
from sync_worker.mirror.unknown import LATE_EFFECT, Agreed, Unknown

_STATUS: Final = {
    Standing.EXISTED: Status.EXISTED,
    Standing.GONE: Status.SKIPPED,
    Standing.SKIPPED: Status.SKIPPED,
    Standing.WITHHELD: Status.WITHHELD,
}

_REACHED: Final = frozenset({Standing.EXISTED, Standing.GONE})
"""It is as wanted already."""

_CHANGED: Final = "the user is not as it was before an outage of Canvas"

_ENDS: Final = (TokenRefused, ClientRefused, QuotaExhausted)
"""The whole apply ends; the call was not carried out, unless the error says that an attempt may have been."""

_STALE: Final = "Canvas's answer is older than what was done to this user a moment ago; apply again later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What of a plan is to be done for one user, as far as the guards allow it."""

    user: PlannedUser
    actions: dict[Change, Action]  # in the order of the plan

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """The changes of one kind."""
        return tuple(change for change in self.actions if change.kind is kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """What earlier applies have done: a read that contradicts it is stale, a late effect may be theirs."""

    recent: Mapping[int, Sequence[Action]] = field(default_factory=dict)  # by user: done less than `settle_after` ago
    done: Sequence[Action] = ()  # to users of whom something was sent and found not done


@dataclass(frozen=True, slots=True)
class _Why:
    """Why a user is left alone."""

    status: Status
    words: str
    trouble: bool = False  # it says more about the other side than about the user


class Actor:
    """Carries out the tasks of one apply, user by user.

    Args:
        rooms: with the token for writing.
        outage: sits an outage of Canvas out.
        journal: of this run.
        rules: the guards that are asked again for each user.
        caution: says when to stop.
        tally: is counted up.
        before: what earlier applies have done.
        ending: ends it after a signal.
    """

    def __init__(  # noqa: PLR0913  (what all users of an apply have in common)
        self,
        *,
        rooms: Rooms,
        outage: OutageWatch,
        journal: Journal,
        rules: Rules,
        caution: Caution,
        tally: Tally,
        before: Before,
        ending: Ending,
    ) -> None:
        self._clock = rooms.clock
        self._settle_after = rooms.instance.guards.settle_after
        self._before = before
        self._region = rooms.instance.phone_region
        self._ending = ending
        self._client = rooms.client
        self._reader = ordered(reader(rooms, outage), journal.read_order)
        self._outage = outage
        self._outages_before: dict[int, int] = {}  # the latest read of each user: after how many
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
            await self._give_up(task, stranger)
            return None
        outcome = await self._read(task.user.diff.desired.user_id)
        match outcome:
            case Snapshot(user_id=user_id):
                if contradicted(self._before.recent.get(user_id, ()), outcome, self._region) is None:
                    return outcome
                for change in task.actions:
                    self._tally.note(change, Status.PLANNED, _STALE)
            case Gone():
                await self._give_up(task, _Why(Status.SKIPPED, "Canvas does not know this user any more"), outcome)
            case Unreadable(message=message):
                await self._give_up(task, _Why(Status.FAILED, message))
            case Failure(message=message):
                await self._give_up(task, _Why(Status.FAILED, message, trouble=is_trouble(outcome)))
        return None

    async def _stranger(self, task: Task) -> "_Why | None":
        """Why the user is not the one whom the document names, or None."""
        desired = task.user.diff.desired
        if desired.ref.kind is RefKind.ID:
            return None
        try:
            found = await self._outage.ask(partial(self._client.get_user, desired.ref))
        except NotFound:
            return _Why(Status.SKIPPED, f"{desired.ref} leads to nobody now")
        except Trouble as error:
            return _Why(Status.FAILED, str(error), trouble=True)
        except RequestFailed as error:
            return _Why(Status.FAILED, str(error))
        if not same_user(found.id, desired.user_id):
            return _Why(Status.SKIPPED, f"{desired.ref} is another person now, user {found.id}")
        return None

    async def _give_up(self, task: Task, why: "_Why", read: Gone | None = None) -> None:
        """Leave a user alone; trouble is for the outage watch to weigh, it says nothing about what we want to do."""
        asides = [Aside(action=action, status=why.status, note=why.words) for action in task.actions.values()]
        await self._journal.set_aside(asides, read)
        for change in task.actions:
            self._tally.note(change, why.status, why.words)
        if why.status is Status.FAILED and not why.trouble:
            self._caution.went_wrong(why.words, task.user.diff.desired.user_id)

    async def _drop(self, task: Task, dropped: tuple[Dropped, ...], read: Snapshot) -> None:
        """Write down what is not carried out, and why."""
        late = [each for each in dropped if each.standing in _REACHED and self._may_be_late(task.actions[each.change])]
        for each in late:
            closing = completed_late(each.change, read)
            await self._journal.close(task.actions[each.change], closing, read)
            self._tally.note(each.change, closing.status, messaged=closing.messaged)
        rest = [each for each in dropped if each not in late]
        asides = [
            Aside(action=task.actions[each.change], status=_STATUS[each.standing], note=each.why) for each in rest
        ]
        await self._journal.set_aside(asides, read if asides else None)
        for each in rest:
            why = None if each.standing in _REACHED else each.why
            self._tally.note(each.change, _STATUS[each.standing], why, gone=each.standing is Standing.GONE)

    def _may_be_late(self, action: Action) -> bool:
        """Whether a call of this action may have been carried out after it was found not done."""
        if action.sent_at is None or self._clock.now() >= action.sent_at + LATE_EFFECT:
            return False
        return not explained(action, self._before.done)

    # --- creating --------------------------------------------------------------------------------------

    async def _create_all(self, task: Task, live: Snapshot) -> Snapshot | None:
        still = creates_due(task.of(Kind.CREATE), live.channels)
        await self._drop(task, still.dropped, live)
        for change in still.due:
            if self._caution.halted is not None:
                return None
            after = await self._carry_out(task, change, live)
            if after is None:
                return None
            live = after
        return live

    # --- deleting --------------------------------------------------------------------------------------

    async def _delete_all(self, task: Task, live: Snapshot) -> None:
        waiting = task.of(Kind.DELETE)
        while waiting and self._caution.halted is None:
            still = deletes_due(task.user, waiting, live, self._rules)
            await self._drop(task, still.dropped, live)
            if not still.due:
                return
            after = await self._carry_out(task, still.due[0], live)
            if after is None:
                return
            live, waiting = after, still.due[1:]

    # --- calling and verifying -------------------------------------------------------------------------

    async def _carry_out(self, task: Task, change: Change, live: Snapshot) -> Snapshot | None:
        """One action from start to end; the user as read afterwards, None where it is left alone from here."""
        action = task.actions[change]
        if not await self._still(task, change, live):
            return None
        with self._ending.action(self._journal.make_sure) as sending:
            return await self._follow(action, change, live, sending)

    async def _follow(self, action: Action, change: Change, live: Snapshot, sending: Sending) -> Snapshot | None:
        """From the entry in the journal to the read that closes it."""
        if not await self._journal.start(action, live):
            return None
        try:
            response = Response(channel=await sending.through(partial(self._call, change, sending)))
        except Withdrawn:
            await self._journal.reopen(action)
            raise
        except RequestFailed as error:
            response = Response(error=error)
        except _ENDS as error:
            await self._end(action, change, str(error), unknown=error.outcome_unknown)
            raise
        return await self._verify(action, change, response)

    async def _end(self, action: Action, change: Change, why: str, *, unknown: bool) -> None:
        """Nothing more can be sent, and nobody can be read."""
        if not unknown:
            await self._journal.reopen(action)
            return
        closing = replace(unread(change, Response()), note=why, sent_at=self._clock.now())
        await self._journal.close(action, closing, None)

    async def _still(self, task: Task, change: Change, live: Snapshot) -> bool:
        """Whether what was read of a user holds: nothing is begun during an outage, and after it that may be old."""
        await self._outage.calm()
        if self._outages_before[change.user_id] == self._outage.pauses:
            return True
        now = await self._read(change.user_id)
        if isinstance(now, Snapshot) and now.channels == live.channels and await self._stranger(task) is None:
            return True
        await self._journal.set_aside([Aside(action=task.actions[change], status=Status.FAILED, note=_CHANGED)])
        self._tally.note(change, Status.FAILED, _CHANGED)
        return False

    async def _read(self, user_id: int) -> ReadOutcome:
        outcome = await self._reader(user_id)
        self._outages_before[user_id] = self._outage.pauses
        return outcome

    async def _call(self, change: Change, sending: Sending) -> Channel | None:
        user, client = by_id(change.user_id), self._client.writing(sending.first, sending.again)
        if change.channel_id is not None:
            return await client.delete_channel(user, change.channel_id)
        return await client.create_channel(
            user, type=change.type, address=change.address, skip_confirmation=change.skip_confirmation
        )

    async def _verify(self, action: Action, change: Change, response: Response) -> Snapshot | None:
        """Read the user again, and close the action by what Canvas answered and what is there; None: go no further."""
        sent_at, outages = self._clock.now(), self._outage.pauses
        after = await self._read(change.user_id)
        if isinstance(after, Unreadable | Failure):
            await self._close_unread(action, change, response, after.message)
            return None
        closing = concluded(change, response, after)
        if closing.status is Status.EXISTED and self._may_be_late(action) and isinstance(after, Snapshot):
            closing = completed_late(change, after)
        if closing.status is Status.UNCERTAIN:
            closing = await self._settled(action, replace(closing, sent_at=sent_at), after)
        await self._journal.close(action, closing, after)
        blameless = isinstance(response.error, Trouble) and self._outage.pauses > outages
        self._note(change, closing, after, blameless=blameless)
        return after if isinstance(after, Snapshot) and closing.status is not Status.UNCERTAIN else None

    async def _settled(self, action: Action, closing: Closing, first: Snapshot | Gone) -> Closing:
        """The outcome by two reads, where nothing has to pass between them; else it stays unknown."""
        sent, read, ours = closing.sent_at, first, replace(action, channel_id=closing.channel_id or action.channel_id)
        unknown = Unknown(sent_at=sent or first.read_at)
        while True:
            now = look(ours, read, self._region)
            after = unknown.after(read.read_at, effect=now.effect, settle_after=self._settle_after)
            if isinstance(after, Agreed):
                return settled(ours, now)
            unknown = after
            if unknown.due_at(self._settle_after) > self._clock.now():
                return closing
            again = await self._read(action.user_id)
            if isinstance(again, Unreadable | Failure):
                return closing
            read = again

    async def _close_unread(self, action: Action, change: Change, response: Response, message: str) -> None:
        """Nobody can look what a call came to; for a create, its answer is all there is."""
        closing = replace(unread(change, response), sent_at=self._clock.now())
        if change.kind is Kind.CREATE and not response.rejected:
            self._caution.unseen(change, response.channel)
            unproven = response.channel is None and not self._caution.proven
            closing = replace(closing, messaged=closing.messaged or unproven)
        await self._journal.close(action, closing, None)
        self._tally.note(
            change, closing.status, f"the user could not be read again: {message}", messaged=closing.messaged
        )
        self._caution.went_wrong(message, action.user_id)

    def _note(self, change: Change, closing: Closing, after: Snapshot | Gone, *, blameless: bool) -> None:
        """Count it; `blameless`: what went wrong was a part of an outage."""
        self._tally.note(
            change,
            closing.status,
            None if closing.status is Status.DONE else closing.note,
            messaged=closing.messaged,
        )
        channel = made(after, change, closing.channel_id) if isinstance(after, Snapshot) else None
        is_create = change.kind is Kind.CREATE
        if is_create and closing.status is Status.UNCERTAIN:
            self._caution.unseen(change, channel)
        if closing.status in {Status.REFUSED, Status.FAILED, Status.UNCERTAIN}:
            if not blameless:
                self._caution.went_wrong(closing.note or closing.status, change.user_id)
        elif closing.status is Status.DONE and is_create and channel is not None:
            self._caution.created(change, channel)
        else:
            self._caution.went_well()

"""Actions with an unknown outcome: their users are read again, and what two reads agree on is settled.

So are, for seven days, those that were sent and found not done: a late effect is ours, and can be undone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final

from sync_worker.channels import Failure, Gone, Snapshot, Unreadable
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.render.words import counted
from sync_worker.exitcodes import IN_PART
from sync_worker.flows.pull.canvas import ordered
from sync_worker.flows.pull.fetch import Reader
from sync_worker.flows.pull.outcomes import Look, change_of, explained, late, look, settled, unresolved
from sync_worker.flows.pull.verdict import Finding
from sync_worker.flows.rooms import Rooms
from sync_worker.logs import get_logger
from sync_worker.mirror.actions import IN_DOUBT, Action, Closing, Status, done_since, sent, unsettled
from sync_worker.mirror.journal import Journal
from sync_worker.mirror.unknown import LATE_EFFECT, Agreed, Unknown

UNKNOWN: Final = "the outcome of an earlier call is unknown until two reads agree"
"""Why nothing new is done for a user."""

DELETE_PUSH: Final = "delete_push"
"""Canvas does not say which devices there are: its outcome can never be read."""

READS: Final = 3
"""Reads of one user in one go at most; more than one only where nothing has to pass between them."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An action whose outcome is still unknown."""

    action: Action
    due_at: datetime  # from when on the next read counts
    why: str = ""  # why the user could not be read; empty: it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What looking after earlier actions came to."""

    waiting: tuple[Waiting, ...] = ()
    settled: frozenset[int] = frozenset()  # numbers of actions whose outcome is known now
    betrayed: tuple[Change, ...] = ()  # creates that sent a message although none was to be sent

    @property
    def users(self) -> frozenset[int]:
        """Who gets no new action."""
        return frozenset(each.action.user_id for each in self.waiting)

    def why(self, action: Action) -> str:
        """Why its outcome is still unknown."""
        unread = next((each.why for each in self.waiting if each.action.user_id == action.user_id and each.why), None)
        return f"{action.note or UNKNOWN}" + (f"; the user cannot be read: {unread}" if unread else "")

    @property
    def due_at(self) -> datetime | None:
        """When the next read counts for one of them."""
        return min((each.due_at for each in self.waiting), default=None)

    def findings(self) -> tuple[Finding, ...]:
        """What there is to say."""
        if not self.waiting:
            return ()
        first = self.waiting[0]
        number = counted(len(self.waiting), "action has", "actions have")
        message = (
            f"{number} an unknown outcome (first: user {first.action.user_id}, {describe(first.action)}); the next "
            f"run, apply or undo after {first.due_at:%Y-%m-%d %H:%M} UTC reads again"
        )
        return (Finding(exit_code=IN_PART, message=message),)


def describe(action: Action) -> str:
    """An action in few words."""
    return f"{action.kind} {action.type} {action.address}".strip()


async def recover(rooms: Rooms, journal: Journal, read: Reader, only: frozenset[int] | None = None) -> Recovered:
    """Settle what can be settled of earlier actions; what was sent is never forgotten.

    Args:
        rooms: of the instance.
        journal: of the run at work.
        read: reads one user.
        only: these users alone; None: everybody.
    """
    database, name, now = rooms.database, rooms.instance.name, rooms.clock.now()
    actions = (*await unsettled(database, name), *await sent(database, name, now))
    concerned = sorted((a for a in actions if only is None or a.user_id in only), key=attrgetter("user_id", "id"))
    if not concerned:
        return Recovered()
    ids = sorted({action.user_id for action in concerned})
    done = await done_since(database, name, now - 2 * LATE_EFFECT, ids)
    recovery = _Recovery(rooms, journal, ordered(read, journal.read_order), done)
    for user_id, group in groupby(concerned, key=attrgetter("user_id")):
        await recovery.look_after(user_id, tuple(group))
    return Recovered(
        waiting=tuple(recovery.waiting), settled=frozenset(recovery.settled), betrayed=tuple(recovery.betrayed)
    )


class _Recovery:
    """One pass over the users with such actions."""

    def __init__(self, rooms: Rooms, journal: Journal, read: Reader, done: tuple[Action, ...]) -> None:
        self._clock = rooms.clock
        self._settle_after: timedelta = rooms.instance.guards.settle_after
        self._region = rooms.instance.phone_region
        self._journal = journal
        self._read = read
        self._done = done
        self.waiting: list[Waiting] = []
        self.settled: set[int] = set()
        self.betrayed: list[Change] = []

    async def look_after(self, user_id: int, actions: Sequence[Action]) -> None:
        """Read a user, and again where the next read counts at once."""
        cases = {action.id: action for action in actions if action.kind != DELETE_PUSH}
        unknown = {action.id: await self._opened(action) for action in actions if action.status in IN_DOUBT}
        why = ""
        for number in range(READS if cases else 0):
            outcome = await self._read(user_id)
            if isinstance(outcome, Unreadable | Failure):
                why = outcome.message
                log.warning("a user with an unknown outcome cannot be read", user=user_id, reason=why)
                break
            if number == 0:
                await self._watch([case for case in cases.values() if case.id not in unknown], outcome)
            for case in [case for case in cases.values() if case.id in unknown]:
                left = await self._step(case, unknown.pop(case.id), outcome)
                unknown |= {} if left is None else {case.id: left}
            if all(each.due_at(self._settle_after) > self._clock.now() for each in unknown.values()):
                break
        await self._leave(actions, unknown, why)

    async def _opened(self, action: Action) -> Unknown:
        """What is known so far; the call of a process that is gone is over."""
        unknown = action.unknown(self._clock.now())
        if action.status is Status.STARTED:
            messaged = action.kind == Kind.CREATE and not action.skip_confirmation
            note = "the process that sent it was interrupted"
            closing = Closing(status=Status.UNCERTAIN, note=note, messaged=messaged, sent_at=unknown.sent_at)
            await self._journal.close(action, closing, None)
        return unknown

    async def _step(self, action: Action, unknown: Unknown, read: Snapshot | Gone) -> Unknown | None:
        """One more read of an action; None where it is settled with it."""
        now = look(action, read, self._region)
        self._mind(action, now)
        after = unknown.after(read.read_at, effect=now.effect, settle_after=self._settle_after)
        if isinstance(after, Agreed):
            await self._close(action, settled(action, now), read)
            return None
        await self._journal.observe(action, after, read)
        return after

    async def _watch(self, actions: Sequence[Action], read: Snapshot | Gone) -> None:
        """What was found not done, and has been done after all."""
        for action in actions:
            now = look(action, read, self._region)
            if now.effect and not now.user_gone and not explained(action, self._done):
                self._mind(action, now)
                await self._close(action, late(now), read)

    async def _leave(self, actions: Sequence[Action], unknown: Mapping[int, Unknown], why: str) -> None:
        """What is still unknown is waited for, but not for ever."""
        for action in actions:
            left = unknown.get(action.id)
            if left is not None and left.expired(self._clock.now()):
                await self._close(action, unresolved(action), None)
            elif left is not None and action.kind != DELETE_PUSH:  # that changes no address, and can be sent again
                self.waiting.append(Waiting(action=action, due_at=left.due_at(self._settle_after), why=why))

    async def _close(self, action: Action, closing: Closing, read: Snapshot | Gone | None) -> None:
        await self._journal.close(action, closing, read)
        self.settled.add(action.id)
        log.warning("an unknown outcome was settled", action=action.id, status=closing.status.value)

    def _mind(self, action: Action, now: Look) -> None:
        """A message went out although none was to be sent."""
        change = change_of(action) if now.messaged and action.skip_confirmation else None
        if change is not None and change not in self.betrayed:
            self.betrayed.append(change)

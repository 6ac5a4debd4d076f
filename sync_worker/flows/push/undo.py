"""`undo`: the opposite of what a run did, as a plan of its own, which then takes the same road as any other.

What was deleted comes back (Canvas revives a retired channel under its old id), what was created goes. What somebody
else had created is left alone and said. A user of whom an outcome is unknown, or whose read is older than what was done
to it, waits: the undo is not complete before it is settled.
"""

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Final

from sync_worker.channels import Channel, Failure, Gone, Snapshot, by_id
from sync_worker.desired.diff import Kind, UserDiff, deleting_only, diff
from sync_worker.desired.model import (
    ACTIVE,
    LAST_PLACE,
    DesiredUser,
    Mode,
    Wish,
    default_address,
    key_of,
)
from sync_worker.desired.plan import Plan, PlannedUser, Source, planned
from sync_worker.desired.render.words import counted
from sync_worker.errors import CanvasUnreachable, LockHeld, UsageError
from sync_worker.flows.privacy.prune import describe
from sync_worker.flows.progress import Progress
from sync_worker.flows.progress import Waiting as WaitingFor
from sync_worker.flows.pull.canvas import outage_watch, reader
from sync_worker.flows.pull.fetch import read_all
from sync_worker.flows.pull.outcomes import contradicted
from sync_worker.flows.pull.recovery import Waiting, recover
from sync_worker.flows.pull.recovery import describe as describe_action
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.waiting.outage import is_trouble
from sync_worker.folding import fold
from sync_worker.mirror import binding
from sync_worker.mirror.actions import NOBODY, Author, Deed, Status, deeds, done_since, sent, unsettled, went_on
from sync_worker.mirror.journal import Journal
from sync_worker.mirror.lock import writing
from sync_worker.mirror.retention import Reach, reach, run_started
from sync_worker.mirror.runs import Run

_LEFT_ALONE: Final = {
    Status.EXISTED: "was there before, by somebody else",
    Status.UNRESOLVED: "nobody knows whether it was done: look at this user's channels",
}

LONGEST_SLEEP: Final = 30.0
"""Seconds from one look at the wall clock to the next."""

STALE: Final = "Canvas's answer is older than what was done to this user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """A user of whom nothing is taken back yet."""

    user_id: int
    why: str
    due_at: datetime  # from when on the next read counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """The opposite of a run."""

    plan: Plan
    notes: tuple[str, ...]  # what the plan does not touch or cannot give back, and why
    went_on: tuple[int, ...] = ()  # runs that went on with the same plan and are not taken back, the last first
    unsettled: tuple[Unsettled, ...] = ()  # users who wait; the plan does not touch them


async def plan_undo(rooms: Rooms, run_id: int, progress: Progress) -> Undoing:
    """Plan the opposite of what a run did, against what is live now; nothing is written to Canvas.

    Outcomes of the run that are unknown are looked after first, under the instance's lock; users of whom one stays
    unknown wait.

    Raises:
        UsageError: there is no such run, or it did nothing that can be undone.
        LockHeld: an outcome is unknown, and another process writes to this instance.
        WrongCanvas: the mirror is of another one.
        TokenRefused, Unreachable: Canvas cannot be asked.
    """
    bound = await binding.binding(rooms.database, rooms.instance.name)
    if bound is not None:
        binding.check(bound, rooms.instance.origin, None)
    waiting = await look_after(rooms, run_id, progress)
    done = await deeds(rooms.database, rooms.instance.name, run_id)
    pruned = await _pruned(rooms, run_id)
    if not done:
        raise await _nothing(rooms, run_id, pruned)
    undo = _Undo(rooms, run_id, progress, waiting)
    if pruned is not None:
        undo.note(f"what it did before is not known any more: the journal {describe(pruned)}")
    undoing = await undo.plan(done)
    return replace(undoing, went_on=await went_on(rooms.database, rooms.instance.name, run_id))


async def plan_undo_settled(rooms: Rooms, run_id: int, progress: Progress) -> Undoing:
    """The same, but wait until every outcome is settled: twice `guards.settle_after`, or seven days at most.

    Raises:
        UsageError, LockHeld, WrongCanvas, TokenRefused, Unreachable: as `plan_undo`.
    """
    while True:
        undoing = await plan_undo(rooms, run_id, progress)
        waiting = undoing.unsettled
        if not waiting:
            return undoing
        while waiting:
            await _until(rooms, min(each.due_at for each in waiting), len(waiting), progress)
            with suppress(LockHeld):  # whoever writes now looks after them, too
                waiting = await look_after(rooms, run_id, progress)


async def _until(rooms: Rooms, due_at: datetime, users: int, progress: Progress) -> None:
    """Wait for a time of the wall clock, which may be set meanwhile."""
    clock, since = rooms.clock, rooms.clock.now()
    what = f"the outcome of {counted(users, 'user', 'users')}, next read at {due_at:%H:%M} UTC"
    progress.waiting = WaitingFor(what=what, since=since, why="an outcome is unknown until two reads agree")
    try:
        await clock.sleep(1.0)
        while (left := (due_at - clock.now()).total_seconds()) > 0:
            await clock.sleep(min(left, LONGEST_SLEEP))
    finally:
        progress.waiting = None


async def _pruned(rooms: Rooms, run_id: int) -> Reach | None:
    """How far back the journal reaches, if the run may have acted before that."""
    database, name = rooms.database, rooms.instance.name
    reached = await reach(database, name, "actions")
    started = await run_started(database, name, run_id)
    return reached if reached is not None and (started is None or started < reached.back_to) else None


async def _nothing(rooms: Rooms, run_id: int, pruned: Reach | None) -> UsageError:
    if pruned is None and await run_started(rooms.database, rooms.instance.name, run_id) is None:
        return UsageError(f"{rooms.instance.name} has no run {run_id}", hint="See the runs: sync-worker status")
    if pruned is None:
        what = f"run {run_id} of {rooms.instance.name} wrote nothing to Canvas"
        return UsageError(what, hint="See: sync-worker status")
    what = f"the journal of {rooms.instance.name} has nothing of run {run_id}: it {describe(pruned)}"
    hint = "It cannot be undone; for what was lost see: sync-worker export --as-of TIME --only-missing"
    return UsageError(what, hint=hint)


async def look_after(rooms: Rooms, run_id: int, progress: Progress) -> tuple[Unsettled, ...]:
    """Settle what can be settled of the users of a run: only what is known can be taken back.

    Returns:
        The users of whom an outcome stays unknown.

    Raises:
        LockHeld: there is something to settle, and another process writes to this instance.
    """
    database, name, now = rooms.database, rooms.instance.name, rooms.clock.now()
    users = {deed.action.user_id for deed in await deeds(database, name, run_id)} - {NOBODY}
    actions = (*await unsettled(database, name), *await sent(database, name, now))
    concerned = frozenset(action.user_id for action in actions if action.user_id in users)
    if not concerned:
        return ()
    async with writing(database, name, f"undo {run_id}", rooms.clock) as writer:
        run = Run(id=run_id, resumed=True, listed=True)
        journal = Journal(writer, run, Author(canvas_user_id=None), rooms.clock)
        recovered = await recover(rooms, journal, reader(rooms, outage_watch(rooms, progress)), concerned)
    return tuple(_waits(each) for each in recovered.waiting if each.action.user_id in recovered.users)


def _waits(waiting: Waiting) -> Unsettled:
    unread = f"; the user cannot be read: {waiting.why}" if waiting.why else ""
    why = f"{describe_action(waiting.action)}: the outcome is unknown{unread}"
    return Unsettled(user_id=waiting.action.user_id, why=why, due_at=waiting.due_at)


class _Undo:
    """The plan of one undo."""

    def __init__(self, rooms: Rooms, run_id: int, progress: Progress, waiting: tuple[Unsettled, ...]) -> None:
        self._rooms = rooms
        self._waiting = list(waiting)
        self._region = rooms.instance.phone_region
        self._what = f"undo of run {run_id}"  # close_undone_plans of sql/queries/journal.sql knows the run by it
        self._progress = progress
        self._notes: list[str] = []
        self._unread: list[str] = []
        self._trouble: str | None = None  # the last of Canvas's

    def note(self, what: str) -> None:
        """Say something that the plan does not touch."""
        self._notes.append(what)

    async def plan(self, done: tuple[Deed, ...]) -> Undoing:
        waits = {each.user_id for each in self._waiting}
        by_user = _by_user(deed for deed in self._reversible(done) if deed.action.user_id not in waits)
        self._progress.phase, self._progress.users, self._progress.listed = "comparing", len(by_user), True
        live = await self._current(await self._live(tuple(by_user)))
        if by_user and not live and not self._waiting and self._trouble is not None:
            raise CanvasUnreachable(
                f"Canvas gave no usable answer about any of the {len(by_user):,} users of {self._what}",
                where=self._rooms.instance.origin,
                hint=f"Nothing was taken back; the same command goes on later ({self._trouble})",
            )
        users = [self._user(by_user[user_id], snapshot) for user_id, snapshot in sorted(live.items())]
        changed = tuple(user for user in users if user.diff.changes)
        source = Source(
            document=self._what,
            digest=hashlib.sha256(self._what.encode()).hexdigest(),
            users=len(users),
            unresolved=tuple(self._unread),
        )
        plan = Plan(
            instance=self._rooms.instance.name,
            origin=self._rooms.instance.origin,
            made_at=self._rooms.clock.now(),
            source=source,
            users=changed,
            unchanged=len(users) - len(changed),
            managed_live=sum(user.diff.managed_live for user in users),
        )
        return Undoing(plan=plan, notes=tuple(self._notes), unsettled=tuple(self._waiting))

    def _reversible(self, done: tuple[Deed, ...]) -> Iterator[Deed]:
        known = [deed for deed in done if deed.action.user_id != NOBODY]
        if len(known) < len(done):
            lost = counted(len(done) - len(known), "action", "actions")
            self.note(f"{lost} on somebody who was forgotten since")
        for deed in known:
            if deed.action.kind == "delete_push":
                self._leave(deed, "a push device registers itself again")
            elif deed.action.status is Status.DONE:
                yield deed
            elif deed.action.status in _LEFT_ALONE:
                self._leave(deed, _LEFT_ALONE[deed.action.status])

    def _leave(self, deed: Deed, why: str) -> None:
        action = deed.action
        what = f"{action.kind} {action.type} {action.address}".strip()
        self._notes.append(f"user {action.user_id}: {what}: {why}")

    async def _live(self, user_ids: tuple[int, ...]) -> dict[int, Snapshot]:
        rooms, live = self._rooms, {}
        read = reader(rooms, outage_watch(rooms, self._progress))
        for outcome in await read_all(user_ids, read, rooms.instance.max_concurrency):
            self._progress.done += 1
            if isinstance(outcome, Snapshot):
                live[outcome.user_id] = outcome
                continue
            if is_trouble(outcome):
                self._trouble = outcome.message if isinstance(outcome, Failure) else None
            why = "Canvas does not know this user" if isinstance(outcome, Gone) else outcome.message
            self._unread.append(f"{self._what}: user {outcome.user_id}: {why}")
        return live

    async def _current(self, live: dict[int, Snapshot]) -> dict[int, Snapshot]:
        """Those whose read is not older than what was done to them: who is not among them waits."""
        rooms, settle_after = self._rooms, self._rooms.instance.guards.settle_after
        now = rooms.clock.now()
        recent = await done_since(rooms.database, rooms.instance.name, now - settle_after, sorted(live))
        stale = {
            user_id for user_id, snapshot in live.items() if contradicted(recent, snapshot, self._region) is not None
        }
        self._waiting += [Unsettled(user_id=each, why=STALE, due_at=now + settle_after) for each in sorted(stale)]
        return {user_id: snapshot for user_id, snapshot in live.items() if user_id not in stale}

    def _user(self, done: list[Deed], snapshot: Snapshot) -> PlannedUser:
        ours = [deed for deed in done if deed.action.kind == Kind.CREATE and self._ours(deed, snapshot.channels)]
        deleted = sorted((deed for deed in done if deed.action.kind == Kind.DELETE), key=_place)
        desired = DesiredUser(
            user_id=snapshot.user_id,
            ref=by_id(snapshot.user_id),
            mode=Mode.ADD,
            manage=frozenset(deed.action.type for deed in done),
            present=tuple(map(self._wish, deleted)),
            absent=tuple(map(self._wish, ours)),
            phone_region=self._region,
        )
        found = deleting_only(diff(desired, snapshot.channels), {deed.action.channel_id for deed in ours})
        self._compare_default(found, done)
        return planned(found, snapshot.read_at)

    def _compare_default(self, found: UserDiff, done: list[Deed]) -> None:
        """Say where mail will not go where it went before the run."""
        first = min(done, key=lambda deed: deed.action.id)
        before, after = default_address(first.before), found.default_after
        if found.changes and before is not None and fold(before.address) != fold(after or ""):
            self._notes.append(
                f"user {found.desired.user_id}: mail will go to {after or 'nobody'}, not to {before.address} as before "
                "the run: Canvas puts an address that comes back behind the others"
            )

    def _ours(self, deed: Deed, live: tuple[Channel, ...]) -> bool:
        """Whether the channel that we created is still there."""
        key = key_of(deed.action.type, deed.action.address, self._region)
        same = [channel.id for channel in live if key_of(channel.type, channel.address, self._region) == key]
        if same and deed.action.channel_id not in same:
            self._leave(deed, f"the address belongs to another channel now, {same[0]}")
        return deed.action.channel_id in same

    def _wish(self, deed: Deed) -> Wish:
        """The channel as it was: one that was confirmed, or needed none, comes back without a message."""
        action = deed.action
        before = next((channel for channel in deed.before if channel.id == action.channel_id), None)
        active = before is None or before.workflow_state == ACTIVE
        return Wish(
            type=action.type,
            address=action.address,
            skip_confirmation=active,
            where=self._what,
            phone_region=self._region,
        )


def _place(deed: Deed) -> int:
    """Where a channel stood: what comes back is put last, so the order of coming back is the order of the addresses."""
    channel = next((channel for channel in deed.before if channel.id == deed.action.channel_id), None)
    return LAST_PLACE if channel is None or channel.position is None else channel.position


def _by_user(done: Iterator[Deed]) -> dict[int, list[Deed]]:
    ordered = sorted(done, key=lambda deed: deed.action.user_id)
    return {user_id: list(group) for user_id, group in groupby(ordered, key=lambda deed: deed.action.user_id)}

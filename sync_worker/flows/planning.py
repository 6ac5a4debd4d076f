"""`plan`: desired against live, as a value that a person can read before anything is done.

The document is staged and grouped in PostgreSQL, every reference is resolved, then each user is compared. Where the
mirror is fresh it serves as a filter: the database takes out whoever has everything, only users that differ from it are
read live, and only users that the document names are read at all.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sync_worker.channels import Channel, Failure, Gone, RefKind, Snapshot, Unreadable, User, UserRef
from sync_worker.desired.diff import diff
from sync_worker.desired.document import digest, read
from sync_worker.desired.entries import Entry, Item, State, Terms, UserHead, desired_user
from sync_worker.desired.model import DesiredUser, Mode
from sync_worker.desired.plan import Plan, PlannedUser, Source, planned
from sync_worker.desired.problems import Problem, Problems
from sync_worker.desired.rules import check_user
from sync_worker.errors import Trouble
from sync_worker.flows.canvas import outage_watch, reader
from sync_worker.flows.fetch import Reader, read_all
from sync_worker.flows.progress import Progress
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.watch import leading
from sync_worker.mirror import binding
from sync_worker.mirror.plans import users_applied_last
from sync_worker.mirror.staging import Stage, StagedItem, StagedUser, staging
from sync_worker.users.resolve import FailedReference, Resolver

PAGE: Final = 500  # users compared together


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to plan."""

    document: Path
    terms: Terms
    max_age: timedelta | None  # how old the mirror may be to serve as a filter; None: read everybody live


async def make_plan(rooms: Rooms, request: PlanRequest, progress: Progress) -> Plan:
    """Compare a desired state with Canvas; nothing is written to Canvas or to the mirror.

    `progress.failed` counts the users whom Canvas gave no usable answer about; like those who are gone or may not be
    read they are among the plan's unresolved references, and nothing is planned for them.

    Raises:
        DocumentError: the document has mistakes; with all of them.
        WrongCanvas: the mirror is of another one.
        TokenRefused, Unreachable: Canvas cannot be asked.
    """
    progress.phase = "reading the document"
    bound = await binding.binding(rooms.database, rooms.instance.name)
    if bound is not None:
        binding.check(bound, rooms.instance.origin, None)
    checksum = await asyncio.to_thread(digest, request.document)
    async with _one_error(), staging(rooms.database, rooms.instance.name) as stage:
        await _fill(stage, request)
        await _resolve(stage, rooms, progress)
        await stage.find_fresh(None if request.max_age is None else rooms.clock.now() - request.max_age)
        comparison = _Comparison(rooms, progress)
        users = [user async for user in comparison.run(stage)]
        lost = (*await stage.lost(), *comparison.unread)
    return Plan(
        instance=rooms.instance.name,
        origin=rooms.instance.origin,
        made_at=rooms.clock.now(),
        source=Source(
            document=str(request.document),
            digest=checksum,
            users=comparison.compared,
            users_before=await users_applied_last(rooms.database, rooms.instance.name),
            unresolved=lost,
        ),
        users=tuple(users),
        unchanged=comparison.compared - sum(bool(user.diff.changes) for user in users),
        managed_live=comparison.managed_live,
    )


@asynccontextmanager
async def _one_error() -> AsyncIterator[None]:
    """Of what several tasks raised, the one to tell."""
    try:
        yield
    except BaseExceptionGroup as errors:
        raise leading(errors) from errors


# --- the document ---------------------------------------------------------------------------------------


async def _fill(stage: Stage, request: PlanRequest) -> None:
    problems = Problems(name=str(request.document))
    await stage.fill(_staged(problems.sift(read(request.document, request.terms))))
    for group in await stage.suspects():
        for problem in check_user(_item(item) for item in group):
            problems.add(problem)
    problems.raise_errors()


def _staged(items: Iterable[Item]) -> Iterator[StagedItem]:
    for item in items:
        head = StagedItem(
            ref_kind=item.ref.kind.value,
            ref_value=item.ref.value,
            ref_where=item.ref.where,
            mode=item.mode.value,
            manage=tuple(sorted(item.manage)),
        )
        if isinstance(item, UserHead):
            yield head
        else:
            yield replace(
                head,
                type=item.type,
                address=item.address,
                folded=item.key.address,
                state=item.state.value,
                skip_confirmation=item.skip_confirmation,
                reason=item.reason,
                entry_where=item.where,
            )


def _item(staged: StagedItem) -> Item:
    ref = UserRef(kind=RefKind(staged.ref_kind), value=staged.ref_value, where=staged.ref_where)
    mode, manage = Mode(staged.mode), frozenset(staged.manage)
    if staged.type is None:
        return UserHead(ref=ref, mode=mode, manage=manage)
    return Entry(
        ref=ref,
        mode=mode,
        manage=manage,
        type=staged.type,
        address=staged.address or "",
        state=State(staged.state or State.PRESENT),
        skip_confirmation=bool(staged.skip_confirmation),
        reason=staged.reason or "",
        where=staged.entry_where or "",
    )


# --- references -----------------------------------------------------------------------------------------


async def _resolve(stage: Stage, rooms: Rooms, progress: Progress) -> None:
    """Give every reference its user; two references for one user are an error that names both places."""
    progress.phase = "finding the users"
    await stage.resolve_from_mirror()
    await _look_up(stage, rooms, progress)
    twice = await stage.named_twice()
    problems = Problems(name="the desired state")
    for user in twice:
        what = (
            f"{' and '.join(user.refs)} are the same Canvas user {user.user_id} (also in {', '.join(user.places[1:])})"
        )
        problems.add(Problem(where=user.places[0], field="user", what=what, hint="Describe a user once"))
    problems.raise_errors()


async def _look_up(stage: Stage, rooms: Rooms, progress: Progress) -> None:
    """Ask Canvas about what the mirror does not know; trouble with all of it is an outage."""
    resolver = Resolver(rooms.client, outage_watch(rooms).note)
    async for refs in stage.unresolved():
        found = await resolver.outcomes(refs)
        failed = (answer for answer in found.values() if isinstance(answer, FailedReference))
        progress.failed += sum(answer.kind == Trouble.kind for answer in failed)
        await stage.note([_noted(ref, answer) for ref, answer in found.items()])


def _noted(ref: UserRef, answer: User | FailedReference) -> tuple[UserRef, int | None, str | None]:
    return (ref, None, answer.what) if isinstance(answer, FailedReference) else (ref, answer.id, None)


# --- comparing ------------------------------------------------------------------------------------------


class _Comparison:
    """Compares all users of a staged document, and counts on the way."""

    def __init__(self, rooms: Rooms, progress: Progress) -> None:
        self._rooms = rooms
        self._read: Reader = reader(rooms)
        self._progress = progress
        self.compared = 0
        self.managed_live = 0
        self.unread: list[str] = []  # users that could not be read, with their place

    async def run(self, stage: Stage) -> AsyncIterator[PlannedUser]:
        """The users that need something, in order of id."""
        self._progress.phase = "comparing"
        self._progress.users, self._progress.listed = await stage.count(), True
        satisfied = await stage.take_out_satisfied()
        self.compared = self._progress.done = satisfied.users
        self.managed_live = satisfied.managed_live
        async for page in stage.users(PAGE):
            live = {
                user.user_id: _Live(user.read_at, user.live) for user in page if user.read_at and not _differs(user)
            }
            live |= await self._live([user for user in page if user.user_id not in live])
            self._progress.done += len(page)
            for user in page:
                if user.user_id in live and (result := self._compare(user, live[user.user_id])) is not None:
                    yield result

    async def _live(self, users: list[StagedUser]) -> dict[int, "_Live"]:
        where = {user.user_id: user.items[0].ref_where for user in users}
        live: dict[int, _Live] = {}
        for outcome in await read_all(tuple(where), self._read, self._rooms.instance.max_concurrency):
            match outcome:
                case Snapshot(user_id=user_id, read_at=read_at, channels=channels):
                    live[user_id] = _Live(read_at, channels)
                case Gone(user_id=user_id):
                    self.unread.append(f"{where[user_id]}: user {user_id}: Canvas does not know this user")
                case Unreadable(user_id=user_id, message=message) | Failure(user_id=user_id, message=message):
                    self.unread.append(f"{where[user_id]}: user {user_id}: {message}")
                    self._progress.failed += isinstance(outcome, Failure)
        return live

    def _compare(self, user: StagedUser, live: "_Live") -> PlannedUser | None:
        result = diff(_desired(user), live.channels)
        self.compared += 1
        self.managed_live += result.managed_live
        if not result.changes and not result.unmanaged:
            return None
        return planned(result, live.read_at)


@dataclass(frozen=True, slots=True)
class _Live:
    """What a user has, and since when that is known."""

    read_at: datetime
    channels: tuple[Channel, ...]


def _differs(user: StagedUser) -> bool:
    """Whether the mirror says that something is to be done."""
    return bool(diff(_desired(user), user.live).changes)


def _desired(user: StagedUser) -> DesiredUser:
    return desired_user(user.user_id, [_item(item) for item in user.items])

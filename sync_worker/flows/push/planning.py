"""`plan`: desired against live, as a value that a person can read before anything is done.

The document is staged and grouped in PostgreSQL, every reference is resolved, then each user is compared. Where the
mirror is fresh it serves as a filter: the database takes out whoever has everything, only users that differ from it are
read live, and only users that the document names are read at all.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final

from sync_worker.channels import Channel, Failure, Gone, RefKind, Snapshot, Unreadable, UserRef
from sync_worker.desired.diff import UserDiff, diff
from sync_worker.desired.document import digest, read
from sync_worker.desired.entries import Entry, Item, State, Terms, UserHead, desired_user
from sync_worker.desired.formats.from_query import QueryRows
from sync_worker.desired.model import DesiredUser, Mode
from sync_worker.desired.plan import Plan, PlannedUser, Source, Suspicion, Warn, planned
from sync_worker.desired.problems import Problems
from sync_worker.desired.rules import check_user
from sync_worker.errors import CanvasUnreachable, DocumentError
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.canvas import outage_watch, reader
from sync_worker.flows.pull.fetch import Reader, read_all
from sync_worker.flows.push.references import resolve
from sync_worker.flows.rooms import Rooms
from sync_worker.flows.watch import leading
from sync_worker.folding import fold
from sync_worker.mirror import binding
from sync_worker.mirror.actions import suspicious
from sync_worker.mirror.foreign import asking, load
from sync_worker.mirror.plans import users_applied_last
from sync_worker.mirror.staging import Stage, StagedItem, StagedUser, staging
from sync_worker.users.specs import QuerySpec, Spec

PAGE: Final = 500  # users compared together

_NUMBERS: Final = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What to plan."""

    document: Path | QuerySpec
    terms: Terms  # without the region of numbers: that is the instance's
    max_age: timedelta | None  # how old the mirror may be to serve as a filter; None: read everybody live
    only: tuple[Spec, ...] = ()  # the users to plan; empty: all whom the document names

    @property
    def name(self) -> str:
        """The document as a person would name it."""
        return self.document.text if isinstance(self.document, QuerySpec) else str(self.document)


async def make_plan(rooms: Rooms, request: PlanRequest, progress: Progress) -> Plan:
    """Compare a desired state with Canvas; nothing is written to Canvas or to the mirror.

    The whole document is read and checked, also where only some of its users are planned; the others are then not read,
    and not counted but for `source.users` (see `Source`).

    `progress.failed` counts the users whom Canvas gave no usable answer about; like those who are gone or may not be
    read they are among the plan's unresolved references, and nothing is planned for them.

    Raises:
        DocumentError: the document has mistakes; with all of them.
        SourceError: the users to plan cannot be had.
        WrongCanvas: the mirror is of another one.
        TokenRefused, Unreachable: Canvas cannot be asked.
    """
    request = replace(request, terms=replace(request.terms, phone_region=rooms.instance.phone_region))
    progress.phase = "reading the document"
    bound = await binding.binding(rooms.database, rooms.instance.name)
    if bound is not None:
        binding.check(bound, rooms.instance.origin, None)
    async with _one_error(), staging(rooms.database, rooms.instance.name) as stage:
        checksum = await _fill(stage, rooms, request)
        progress.phase = "finding the users"
        named = await resolve(stage, rooms, request.only, progress)
        now = rooms.clock.now()
        await stage.find_fresh(None if request.max_age is None else now - request.max_age, now)
        comparison = _Comparison(rooms, progress)
        users = [user async for user in comparison.run(stage)]
        lost = tuple(sorted((*await stage.lost(), *comparison.unread), key=_by_place))
    if progress.failed and not comparison.compared:
        raise _nobody(rooms, request, lost[0])
    return Plan(
        instance=rooms.instance.name,
        origin=rooms.instance.origin,
        made_at=rooms.clock.now(),
        source=Source(
            document=request.name,
            digest=checksum,
            users=named if request.only else comparison.compared,
            users_before=await users_applied_last(rooms.database, rooms.instance.name),
            unresolved=lost,
            only=tuple(spec.text for spec in request.only),
        ),
        users=tuple(users),
        unchanged=comparison.compared - sum(bool(user.diff.changes) for user in users),
        managed_live=comparison.managed_live,
    )


def _by_place(line: str) -> tuple[int | str, ...]:
    """The order of the document: numbers in the place of a line count as numbers."""
    return tuple(int(part) if part.isdecimal() else part for part in _NUMBERS.split(line))


def _nobody(rooms: Rooms, request: PlanRequest, first: str) -> CanvasUnreachable:
    """Not one answer says more about Canvas than about the people of the document."""
    return CanvasUnreachable(
        f"Canvas gave no usable answer about anybody whom {request.name} names",
        where=rooms.instance.origin,
        hint=f"Nothing was planned; the same command goes on later (first: {first})",
    )


@asynccontextmanager
async def _one_error() -> AsyncIterator[None]:
    """Of what several tasks raised, the one to tell."""
    try:
        yield
    except BaseExceptionGroup as errors:
        raise leading(errors) from errors


# --- the document ---------------------------------------------------------------------------------------


async def _fill(stage: Stage, rooms: Rooms, request: PlanRequest) -> str:
    """Stage a document without mistakes; its digest."""
    problems = Problems(name=request.name)
    if isinstance(request.document, QuerySpec):
        checksum = await _ask(stage, rooms, request.document, request.terms, problems)
    else:
        checksum = await asyncio.to_thread(digest, request.document)
        await stage.add(_staged(problems.sift(read(request.document, request.terms))))
    await stage.complete()
    for group in await stage.suspects():
        for problem in check_user(_item(item, request.terms.phone_region) for item in group):
            problems.add(problem)
    problems.raise_errors()
    return checksum


async def _ask(stage: Stage, rooms: Rooms, document: QuerySpec, terms: Terms, problems: Problems) -> str:
    """Stage the rows of a query as they come; their digest."""
    query = load(document.path, DocumentError)
    async with asking(rooms.database, rooms.instance.name, query) as answer:
        reader = QueryRows(query.name, query.text, answer.columns, terms)
        for problem in reader.check():
            problems.add(problem)
        problems.raise_errors()
        async with aclosing(answer.pages()) as pages:
            async for rows in pages:
                await stage.add(_staged(problems.sift(reader.read(rows))))
    return reader.digest


def _staged(items: Iterable[Item]) -> Iterator[StagedItem]:
    return (_head(item) if isinstance(item, UserHead) else _entry(item) for item in items)


def _head(head: UserHead) -> StagedItem:
    return StagedItem(
        ref_kind=head.ref.kind.value,
        ref_value=head.ref.value,
        ref_where=head.ref.where,
        mode=head.mode.value,
        manage=_sorted(head.manage),
    )


def _entry(entry: Entry) -> StagedItem:
    return StagedItem(
        ref_kind=entry.ref.kind.value,
        ref_value=entry.ref.value,
        ref_where=entry.ref.where,
        mode=entry.mode.value,
        manage=_sorted(entry.manage),
        type=entry.type,
        address=entry.address,
        folded=fold(entry.address),
        compared=entry.key.address,
        state=entry.state.value,
        skip_confirmation=entry.skip_confirmation,
        reason=entry.reason,
        entry_where=entry.where,
    )


@cache
def _sorted(types: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(types))


def _item(staged: StagedItem, phone_region: str | None) -> Item:
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
        phone_region=phone_region,
    )


# --- comparing ------------------------------------------------------------------------------------------


class _Comparison:
    """Compares all users of a staged document, and counts on the way."""

    def __init__(self, rooms: Rooms, progress: Progress) -> None:
        self._rooms = rooms
        self._read: Reader = reader(rooms, outage_watch(rooms, progress))
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
                user.user_id: _Live(user.read_at, user.live)
                for user in page
                if user.read_at and not diff(self._desired(user), user.live).changes
            }
            live |= await self._live([user for user in page if user.user_id not in live])
            self._progress.done += len(page)
            compared = [self._compare(user, live[user.user_id]) for user in page if user.user_id in live]
            for needy in await self._planned(compared):
                yield needy

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

    def _compare(self, user: StagedUser, live: "_Live") -> "_Compared":
        result = diff(self._desired(user), live.channels)
        self.compared += 1
        self.managed_live += result.managed_live
        return _Compared(diff=result, read_at=live.read_at)

    def _desired(self, user: StagedUser) -> DesiredUser:
        region = self._rooms.instance.phone_region
        return desired_user(user.user_id, [_item(item, region) for item in user.items], region)

    async def _planned(self, compared: list["_Compared"]) -> list[PlannedUser]:
        """Those who need something, with what the journal knows about the channels to delete."""
        needy = [user for user in compared if user.diff.changes or user.diff.unmanaged]
        doomed = [c.channel_id for user in needy for c in user.diff.changes if c.channel_id is not None]
        known = await suspicious(self._rooms.database, self._rooms.instance.name, doomed) if doomed else {}
        suspicions = [
            Suspicion(channel_id=channel_id, warn=Warn.SIS_REFUSED if refused else Warn.SIS_REAPPEARED)
            for channel_id, refused in known.items()
        ]
        return [planned(user.diff, user.read_at, suspicions) for user in needy]


@dataclass(frozen=True, slots=True)
class _Live:
    """What a user has, and since when that is known."""

    read_at: datetime
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Compared:
    """What a user needs."""

    diff: UserDiff
    read_at: datetime

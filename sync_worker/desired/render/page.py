"""What the renderers for people print: a plan and its ruling as one page of short texts. Pure.

All text on a page is `visible`: in one line, without control characters. Marking it up is the renderer's part.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sync_worker.channels import RefKind
from sync_worker.desired.diff import Change, Kind, Unmanaged
from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan, PlannedUser, Warn, fingerprint
from sync_worker.desired.render import words
from sync_worker.desired.render.escaping import visible

LONGEST: Final = 200  # characters of the specs of users


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Which users of a plan are shown one by one; counts and warnings are of the whole plan in any case."""

    most: int | None = None  # the first so many; None: all
    sample: tuple[PlannedUser, ...] | None = None  # these instead


class Sign(StrEnum):
    """What a line does."""

    CREATE = "+"
    DELETE = "-"
    REPLACE = "~"  # a delete whose successor the plan creates
    UNMANAGED = "·"  # nothing: outside `manage`


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One change, or one wish that is left alone."""

    sign: Sign
    type: str
    address: str  # in full
    notes: tuple[str, ...] = ()
    withheld: str = ""  # why it is not carried out


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One user of the plan."""

    name: str
    warnings: tuple[str, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A plan in words."""

    title: str
    facts: tuple[tuple[str, str], ...]  # name and value
    warnings: tuple[str, ...]
    people: tuple[Person, ...]
    more: str  # who is not shown; empty: everybody is
    summary: str
    withheld: tuple[str, ...]
    unmanaged: tuple[str, ...]
    unresolved: tuple[str, ...]  # references
    unresolved_more: int = 0  # references that are not shown


def page(plan: Plan, ruling: Ruling, shown: Shown) -> Page:
    """The page of a plan."""
    users = plan.users[: shown.most] if shown.sample is None else shown.sample
    unresolved = plan.source.unresolved[: shown.most]
    return Page(
        title=visible(f"Plan for {plan.instance} at {plan.origin}"),
        facts=tuple(_facts(plan)),
        warnings=_visible(words.warnings(plan, ruling)),
        people=tuple(_person(user, ruling) for user in users),
        more=_more(len(users), len(plan.users), sampled=shown.sample is not None),
        summary=visible(words.summary(plan)),
        withheld=_visible(words.withheld(ruling)),
        unmanaged=_visible(words.unmanaged(plan)),
        unresolved=_visible(iter(unresolved)),
        unresolved_more=len(plan.source.unresolved) - len(unresolved),
    )


def _visible(texts: Iterator[str]) -> tuple[str, ...]:
    return tuple(map(visible, texts))


def _facts(plan: Plan) -> Iterator[tuple[str, str]]:
    source = plan.source
    yield "plan", fingerprint(plan)
    yield "made", _moment(plan.made_at)
    lost = f", {len(source.unresolved):,} not found" if source.unresolved else ""
    yield "document", visible(f"{source.document} ({words.counted(source.users, 'user', 'users')}{lost})")
    if source.only:
        yield "only", visible(_cut(" ".join(source.only)))
    yield "sha256", visible(source.digest)
    yield "unchanged", words.counted(plan.unchanged, "user", "users")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _moment(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _more(here: int, there: int, *, sampled: bool) -> str:
    if sampled:
        return f"a random sample: {here:,} of {words.counted(there, 'user', 'users')}"
    return f"and {words.counted(there - here, 'more user', 'more users')}, not shown" if there > here else ""


def _person(user: PlannedUser, ruling: Ruling) -> Person:
    desired = user.diff.desired
    number = f"user {desired.user_id}"
    name = number if desired.ref.kind is RefKind.ID else f"{desired.ref} ({number})"
    doubts = {suspicion.warn for suspicion in user.suspicions}
    said = (words.default_change(user.diff) if w is Warn.CHANGES_DEFAULT else w.value for w in user.warnings)
    return Person(
        name=visible(name),
        warnings=_visible(text for text, warn in zip(said, user.warnings, strict=True) if warn not in doubts),
        lines=tuple(_lines(user, ruling)),
    )


def _lines(user: PlannedUser, ruling: Ruling) -> Iterator[Line]:
    for change in user.diff.changes:
        yield Line(
            sign=_sign(change),
            type=visible(change.type),
            address=visible(change.address),
            notes=_visible(_notes(change, user)),
            withheld=visible(words.why_withheld(change, ruling)),
        )
    for left in user.diff.unmanaged:
        yield _left_alone(left)


def _left_alone(left: Unmanaged) -> Line:
    notes = (f"not touched: {left.why}", *filter(None, (left.wish.reason, left.wish.where)))
    address = visible(left.wish.address)
    return Line(sign=Sign.UNMANAGED, type=visible(left.wish.type), address=address, notes=_visible(iter(notes)))


def _sign(change: Change) -> Sign:
    if change.kind is Kind.CREATE:
        return Sign.CREATE
    return Sign.REPLACE if change.replaced else Sign.DELETE


def _notes(change: Change, user: PlannedUser) -> Iterator[str]:
    if change.kind is Kind.CREATE and not change.skip_confirmation:
        yield "a confirmation message goes to this address"
    if change in user.diff.unusable:
        yield "does not look like an address"
    if change.channel_id is not None:
        yield f"channel {change.channel_id}"
    if change.replaced:
        yield "deleted when its replacement is verified"
    if change.kind is Kind.DELETE and not change.where:
        yield "not listed"
    yield from (known.warn.value for known in user.suspicions if known.channel_id == change.channel_id)
    yield from filter(None, (change.reason, change.where))

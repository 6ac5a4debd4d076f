"""Laws of carrying out what was approved, whatever has happened since, and whatever Canvas refuses on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.channels import Channel, Snapshot, by_id
from sync_worker.desired.ceiling import Standing, StillDue, creates_due, deletes_due
from sync_worker.desired.diff import Change, Kind, diff
from sync_worker.desired.guards import Allowances, GuardLimits, Rules
from sync_worker.desired.model import DesiredUser, Mode, Wish, default_address, deliverable, key_of
from sync_worker.desired.plan import PlannedUser, Warn, planned
from sync_worker.folding import fold
from tests.property.calls import applied, retired
from tests.unit.desired.builders import LIMITS, MORNING, NOON
from tests.unit.desired.strategies import ADDRESSES, NAMES, PLACES, STATES, desires, lives, of_one_key_each

FACTS: dict[str, st.SearchStrategy[Any]] = {
    "address": st.sampled_from(ADDRESSES),
    "type": st.sampled_from(["email", "sms"]),
    "workflow_state": STATES,
    "position": PLACES,
    "last_bounce_at": st.none() | st.just(MORNING),
}
"""What may change about a channel."""

TYPE = st.sampled_from(["email", "email", "email", "sms"])
MOSTLY = st.sampled_from([True, True, False])

GUARDS = st.builds(
    replace,
    st.just(LIMITS),
    max_deletes_per_user=st.sampled_from([6, 6, 6, 3, 1]),
    keep_last_email=st.booleans(),
    protect=st.sampled_from([(), (), (), (), ("a@*",), ("*@Y", "c*"), ("*",)]),
)
ALLOWANCES = st.builds(Allowances, default_change=MOSTLY)
REFUSED = st.frozensets(st.integers(1, 6))
"""Channels that Canvas does not let go."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """An approved user, what there is of its channels now, and the guards."""

    approved: PlannedUser
    live: tuple[Channel, ...]
    limits: GuardLimits
    allowances: Allowances

    def of(self, kind: Kind) -> tuple[Change, ...]:
        """The approved changes of a kind."""
        return tuple(change for change in self.approved.diff.changes if change.kind is kind)

    def ask(self, deletes: tuple[Change, ...], live: tuple[Channel, ...]) -> StillDue:
        """What of these deletes is due."""
        snapshot = Snapshot(user_id=1, read_at=NOON, channels=live)
        return deletes_due(self.approved, deletes, snapshot, Rules(limits=self.limits, allowances=self.allowances))

    def walk(self, refused: frozenset[int]) -> Iterator[tuple[Channel, ...]]:
        """The channels after each delete, as an apply goes: the first that is due, and then it asks again."""
        live, waiting = self.live, self.of(Kind.DELETE)
        while due := self.ask(waiting, live).due:
            if due[0].channel_id not in refused:
                live = retired(due[0], live)
            waiting = due[1:]
            yield live


@st.composite
def movings(draw: st.DrawFn) -> PlannedUser:
    """A user with several addresses who is to have exactly some of them, and some new ones."""
    names = of_one_key_each(draw(st.lists(st.tuples(TYPE, st.sampled_from(ADDRESSES)), min_size=2, max_size=6)))
    places = draw(st.permutations(range(1, len(names) + 1)))
    live = tuple(
        Channel(id=number, user_id=1, type=kind, address=address, workflow_state=draw(STATES), position=place)
        for number, ((kind, address), place) in enumerate(zip(names, places, strict=True), start=1)
    )
    kept = of_one_key_each(draw(st.lists(st.sampled_from([*names, ("email", "n@z"), ("email", "m@z")]), max_size=3)))
    wishes = tuple(Wish(type=kind, address=each, skip_confirmation=draw(MOSTLY)) for kind, each in kept)
    manage = frozenset({"email", "sms"})
    desired = DesiredUser(user_id=1, ref=by_id(1), mode=Mode.EXACT, manage=manage, present=wishes)
    return planned(diff(desired, live), MORNING)


@st.composite
def anything(draw: st.DrawFn) -> PlannedUser:
    """Any wishes, of any user."""
    return planned(diff(draw(desires()), draw(lives())), MORNING)


@st.composite
def drifts(draw: st.DrawFn, before: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """The channels some time later: one has gone or changed, a few have come; one for each key."""
    later = list(before)
    if later:
        place = draw(st.integers(0, len(later) - 1))
        fate = draw(st.sampled_from([None, *FACTS]))
        changed = [] if fate is None else [later[place].model_copy(update={fate: draw(FACTS[fate])})]
        later[place : place + 1] = changed
    for number, (kind, address) in enumerate(draw(st.lists(NAMES, max_size=1)), start=500):
        facts = {"workflow_state": draw(STATES), "position": draw(PLACES)}
        later.append(Channel.model_validate({"id": number, "user_id": 1, "type": kind, "address": address, **facts}))
    return tuple({key_of(channel.type, channel.address): channel for channel in later}.values())


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    """Anything may have happened since the approval; mostly the creates have been carried out."""
    approved = draw(APPROVED)
    creates = tuple(change for change in approved.diff.changes if change.kind is Kind.CREATE)
    then = draw(st.sampled_from([applied(creates, approved.diff.live)] * 3 + [approved.diff.live]))
    live = draw(st.just(then) | drifts(then) | drifts(then).flatmap(drifts) | lives())
    return Situation(approved=approved, live=live, limits=draw(GUARDS), allowances=draw(ALLOWANCES))


APPROVED = movings() | movings() | anything()


def default_of(live: tuple[Channel, ...]) -> str | None:
    """Where mail goes, in small letters."""
    channel = default_address(live)
    return None if channel is None else fold(channel.address)


LAWS = settings(max_examples=250, deadline=None)


@LAWS
@given(situations())
def test_every_approved_change_is_due_or_said(it: Situation) -> None:
    """Once, and with a reason; nothing else is due."""
    for kind, still in (
        (Kind.CREATE, creates_due(it.of(Kind.CREATE), it.live)),
        (Kind.DELETE, it.ask(it.of(Kind.DELETE), it.live)),
    ):
        found = [*still.due, *(each.change for each in still.dropped)]
        assert sorted(found, key=repr) == sorted(it.of(kind), key=repr)
        assert all(each.why for each in still.dropped)


@LAWS
@given(situations())
def test_a_create_is_due_exactly_where_its_key_is_not_there(it: Situation) -> None:
    """Never a second one, never of push, and nothing that is missing is forgotten."""
    here = {key_of(channel.type, channel.address) for channel in it.live}
    still = creates_due(it.of(Kind.CREATE), it.live)
    assert {change.key for change in still.due} == {change.key for change in it.of(Kind.CREATE)} - here
    assert {each.standing for each in still.dropped} <= {Standing.EXISTED}
    assert all(change.type != "push" for change in still.due)


@LAWS
@given(situations())
def test_only_the_approved_channels_are_deleted(it: Situation) -> None:
    """A live channel with the approved id, key and state; no push, no protected one, not too many, once replaced."""
    due = it.ask(it.of(Kind.DELETE), it.live).due
    here = {channel.id: channel for channel in it.live}
    then = {channel.id: channel for channel in it.approved.diff.live}
    keys = {channel.key for channel in it.of(Kind.CREATE)}
    assert len(due) <= it.limits.max_deletes_per_user
    for change in due:
        assert change.channel_id is not None
        channel = here[change.channel_id]
        assert key_of(channel.type, channel.address) == change.key
        assert channel.workflow_state == then[channel.id].workflow_state
        assert channel.type != "push"
        assert not _protected(fold(channel.address), it.limits.protect)
        if change.replaced:
            successors = {key for key in keys if key.type == change.type}
            assert successors <= {key_of(each.type, each.address) for each in it.live}


def _protected(address: str, patterns: tuple[str, ...]) -> bool:
    """By the few patterns of `GUARDS`, without a matcher."""
    rules = {
        "a@*": address.startswith("a@"),
        "*@Y": address.endswith("@y"),
        "c*": address.startswith("c"),
        "*": True,
    }
    return any(rules[pattern] for pattern in patterns)


@LAWS
@given(situations(), REFUSED)
def test_the_last_deliverable_email_stays(it: Situation, refused: frozenset[int]) -> None:
    """At no moment is somebody unreachable who was not: the guard forbids it, or the plan has not said it."""
    kept = it.limits.keep_last_email or Warn.LOSES_LAST_EMAIL not in it.approved.warnings
    if kept and any(map(deliverable, it.live)):
        assert all(any(map(deliverable, live)) for live in it.walk(refused))


@LAWS
@given(situations(), REFUSED)
def test_mail_goes_where_it_went_or_where_the_plan_says(it: Situation, refused: frozenset[int]) -> None:
    """At every moment; elsewhere only if the plan warns of it and a person has allowed it."""
    foretold = it.approved.diff.default_after
    expected = {default_of(it.live)}
    if Warn.CHANGES_DEFAULT in it.approved.warnings and it.allowances.default_change:
        expected |= {None if foretold is None else fold(foretold)}
    assert {default_of(live) for live in it.walk(refused)} <= expected


@LAWS
@given(situations())
def test_what_is_due_stays_due(it: Situation) -> None:
    """After each delete, asking again gives the rest: nothing is begun that cannot be finished."""
    live, due = it.live, it.ask(it.of(Kind.DELETE), it.live).due
    while due:
        live = retired(due[0], live)
        still = it.ask(due[1:], live)
        assert (still.due, still.dropped) == (due[1:], ())
        due = still.due


@LAWS
@given(situations(), st.data())
def test_what_is_due_only_shrinks(it: Situation, data: st.DataObject) -> None:
    """Whatever happens in between: only what was due before is, in the same order but for the default address."""
    due = it.ask(it.of(Kind.DELETE), it.live).due
    assert set(it.ask(due, data.draw(drifts(it.live))).due) <= set(due)


@LAWS
@given(APPROVED)
def test_where_nothing_has_happened_everything_is_due(approved: PlannedUser) -> None:
    """The ceiling holds nothing back by itself: what was approved can be carried out, and then nothing is left."""
    limits = replace(LIMITS, max_deletes_per_user=100, keep_last_email=False)
    it = Situation(
        approved=approved, live=approved.diff.live, limits=limits, allowances=Allowances(default_change=True)
    )
    creates, deletes = it.of(Kind.CREATE), it.of(Kind.DELETE)
    assert creates_due(creates, it.live) == StillDue(due=creates, dropped=())
    live = applied(creates, it.live)
    still = it.ask(deletes, live)
    assert (set(still.due), still.dropped) == (set(deletes), ())
    assert diff(approved.diff.desired, applied(still.due, live)).changes == ()


@LAWS
@given(situations())
def test_a_create_moves_no_mail(it: Situation) -> None:
    """A new channel comes last, where all have a place: who has a default address keeps it."""
    live = tuple(channel.model_copy(update={"position": channel.position or 0}) for channel in it.live)
    due = creates_due(it.of(Kind.CREATE), live).due
    if default_of(live) is not None:
        assert default_of(applied(due, live)) == default_of(live)

"""Who sees every writing call at the school itself: what was asked, and what it did, whatever our journal says.

Each call is checked as it comes, against the plan that is being applied; the sums are checked when an apply has ended.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

import pytest

from sync_worker.channels import RefKind
from sync_worker.desired.diff import Change, Kind
from sync_worker.desired.model import key_of
from sync_worker.desired.plan import Plan, PlannedUser
from sync_worker.sandbox.answers import Answer
from sync_worker.sandbox.handlers import HANDLERS, Handler
from sync_worker.sandbox.identify import UserRef, parse_user_ref
from sync_worker.sandbox.model import Channel
from sync_worker.sandbox.routes import Route
from sync_worker.sandbox.school import School
from sync_worker.sandbox.world import Call, Caller, World
from tests.integration.flows.stepping import Order

Image = dict[int, Channel]
WRITING = (Route.CREATE, Route.DELETE, Route.DELETE_BY_ADDRESS, Route.DELETE_PUSH)
_PREFIX = {RefKind.SIS: "sis_user_id:", RefKind.LOGIN: "sis_login_id:", RefKind.INTEGRATION: "sis_integration_id:"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one of our calls did at the school."""

    change: Change
    plan_id: int
    unattended: bool
    messages: int
    channel_id: int
    late: bool  # a gateway held the call back


@dataclass(kw_only=True)
class InHand:
    """The apply at work: what was approved, and what was allowed for it."""

    order: Order
    plan: Plan
    guards: dict[str, Any]
    meddled: bool = False  # somebody else was at work meanwhile: what was read may be stale when we act
    effects: list[Effect] = field(default_factory=list)

    def planned(self, kind: Kind, user_id: int, what: object) -> tuple[PlannedUser, Change]:
        """The change that a call carries out; there is one."""
        for user in self.plan.users:
            for change in user.diff.changes:
                same = change.key if kind is Kind.CREATE else change.channel_id
                if (change.kind, change.user_id, same) == (kind, user_id, what):
                    return user, change
        raise AssertionError(f"{kind} {what} of user {user_id} is not in plan {self.order.plan_id}")


class Witness:
    """Sees what is written to a school."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.effects: list[Effect] = []
        self.disturbed: dict[int, int] = {}  # by user: how many effects there were when somebody else changed it last
        self.problems: list[AssertionError] = []  # raised within the server, where nobody would hear them
        self._now: InHand | None = None
        self._late: dict[int, InHand | None] = {}  # calls that a gateway holds back, by the apply that has sent them

    # --- what the test says

    @contextmanager
    def seeing(self) -> Iterator[None]:
        """Every writing call is seen from now on."""
        with pytest.MonkeyPatch.context() as patch:
            for route in WRITING:
                patch.setitem(HANDLERS, route, self._watched(route, HANDLERS[route]))
            yield

    def begin(self, now: InHand) -> None:
        """An apply begins; whatever is written from here on is its doing."""
        self._now = now

    def disturb(self, *user_ids: int) -> None:
        """Somebody else has changed these users."""
        self.disturbed |= dict.fromkeys(user_ids, len(self.effects))

    @property
    def holding(self) -> bool:
        """Whether a gateway holds anything back."""
        return bool(self._late)

    def hold(self, call: Call) -> None:
        """A gateway holds this call back: whenever it is carried out, it is the doing of the apply at work now."""
        self._late[id(call)] = self._now

    # --- what is seen

    def _watched(self, route: Route, handler: Handler) -> Handler:
        def watched(world: World, call: Call, caller: Caller) -> Answer:
            if world.school is not self.school:
                return handler(world, call, caller)
            before = self._image()
            answer = handler(world, call, caller)
            try:
                self._saw(route, call, caller, before)
            except AssertionError as problem:
                self.problems.append(problem)
            return answer

        return watched

    def _image(self) -> Image:
        return {
            channel.id: replace(channel, bounce=replace(channel.bounce) if channel.bounce else None)
            for user in self.school.users.values()
            for channel in user.channels
        }

    def _saw(self, route: Route, call: Call, caller: Caller, before: Image) -> None:
        late = id(call) in self._late
        now, user = self._late.pop(id(call), self._now), call.user
        assert now is not None, f"{route} although nothing is being applied"
        assert user is not None, f"{route} for nobody"
        assert route in {Route.CREATE, Route.DELETE}, route
        after = self._image()
        changed = {number for number in after if after[number] != before.get(number)}
        if route is Route.CREATE:
            wish = key_of(call.params["communication_channel[type]"], call.params["communication_channel[address]"])
            planned, change = now.planned(Kind.CREATE, user.id, wish)
            assert call.params["skip_confirmation"] == str(change.skip_confirmation).lower()
        else:
            planned, change = now.planned(Kind.DELETE, user.id, int(call.target.channel_id))
        assert now.order.only in {None, change.kind}
        if not now.meddled and not late:
            self._check_person(planned)
        if not changed:
            return
        (number,) = changed
        assert after[number].user_id == user.id
        effect = Effect(
            change=change,
            plan_id=now.order.plan_id,
            unattended=now.order.unattended,
            messages=after[number].messages - (before[number].messages if number in before else 0),
            channel_id=number,
            late=late,
        )
        if not late:
            self._check_once(effect)
        self.effects.append(effect)
        now.effects.append(effect)
        if change.kind is Kind.DELETE and not late:
            self._check_delete(planned, change, caller, before)

    def _check_person(self, planned: PlannedUser) -> None:
        """Who was named by a SIS id is written to only while that leads to the same person."""
        ref = planned.diff.desired.ref
        if ref.kind is RefKind.ID:
            return
        parsed: UserRef | None = parse_user_ref(_PREFIX[ref.kind] + ref.value)
        found = self.school.find(parsed)
        assert found is not None, f"{ref} leads to nobody"
        assert found.id == planned.diff.desired.user_id, f"{ref} is user {found.id} now"

    def _check_once(self, effect: Effect) -> None:
        """An action has one effect, and a create mails a person once."""
        same = [
            (number, other)
            for number, other in enumerate(self.effects)
            if (other.plan_id, other.change) == (effect.plan_id, effect.change)
        ]
        since = self.disturbed.get(effect.change.user_id, 0)
        assert all(number < since for number, _ in same), f"a second time: {effect.change}"
        messages = effect.messages + sum(other.messages for _, other in same)
        assert messages <= 1, f"mailed a second time: {effect.change}"

    def _check_delete(self, planned: PlannedUser, change: Change, caller: Caller, before: Image) -> None:
        """No guard was passed over, given what was live at that moment (unless it changed a moment ago)."""
        now = self._now
        assert now is not None
        channel = before[change.channel_id or 0]
        assert channel.type != "push"
        assert not any(fnmatchcase(channel.address.lower(), pattern) for pattern in now.guards.get("protect", ()))
        if now.meddled:
            return
        assert key_of(channel.type, channel.address) == change.key, f"{channel.address} was not meant"
        live = [each for each in before.values() if each.user_id == channel.user_id and each.live]
        if change.replaced:
            self._check_replaced(planned, change, live)
        left = [each for each in live if each.id != channel.id]
        if now.guards.get("keep_last_email", True):
            gone = any(_deliverable(c, caller) for c in live) and not any(_deliverable(c, caller) for c in left)
            assert not gone, f"the last deliverable e-mail of user {channel.user_id}: {channel.address}"
        if not now.order.allow.get("default_change"):
            assert _default(live) in {_default(left), None}, f"the default of user {channel.user_id} changes"

    def _check_replaced(self, planned: PlannedUser, change: Change, live: list[Channel]) -> None:
        here = {key_of(each.type, each.address): each for each in live}
        for create in planned.diff.changes:
            if create.kind is Kind.CREATE and create.type == change.type:
                assert create.key in here, f"{change} before {create}"
                assert here[create.key].state == "active" or not create.skip_confirmation

    # --- sums

    def check_sums(self, now: InHand) -> None:
        """Nothing was seen that may not be; and the numeric guards, by what was done at the school."""
        for problem in self.problems:
            raise problem
        kinds = Counter(effect.change.kind for effect in now.effects)
        allow, guards = now.order.allow, now.guards
        known = [effect for number, effect in enumerate(self.effects) if self._knowable(number, effect, now)]
        mine = [effect for effect in known if effect.plan_id == now.order.plan_id]
        for kind, most, expected in (
            (Kind.DELETE, guards["max_deletes"], allow.get("expect_deletes")),
            (Kind.CREATE, guards["max_creates"], allow.get("expect_creates")),
        ):
            others = [e for e in known if e.unattended and e.plan_id != now.order.plan_id]
            total = sum(e.change.kind is kind for e in mine)
            total += sum(e.change.kind is kind for e in others) if kind is Kind.DELETE else 0
            right = expected is not None and kinds[kind] <= expected
            assert not kinds[kind] or total <= most or right, f"{total} {kind}s, {most} allowed, {expected} expected"
        per_user = Counter(e.change.user_id for e in now.effects if e.change.kind is Kind.DELETE)
        assert max(per_user.values(), default=0) <= guards["max_deletes_per_user"]
        self._check_messages(now, mine)

    def _knowable(self, number: int, effect: Effect, now: InHand) -> bool:
        """Whether a look can tell that it was done: not where somebody else was at this user since, or it came late."""
        if effect.late:
            return False
        return effect in now.effects or number >= self.disturbed.get(effect.change.user_id, 0)

    def _check_messages(self, now: InHand, mine: list[Effect]) -> None:
        most = now.order.allow.get("max_messages")
        most = now.guards["max_messages"] if most is None else most
        asked = [e for e in now.effects if e.messages and not e.change.skip_confirmation]
        assert not asked or sum(e.messages for e in mine if not e.change.skip_confirmation) <= most
        assert sum(e.messages for e in now.effects if e.change.skip_confirmation) <= 1, "more than the canary"

    def after(self, user_id: int) -> bool:
        """Whether nobody else has changed a user since our last effect on it."""
        last = max((n for n, e in enumerate(self.effects) if e.change.user_id == user_id), default=-1)
        return self.disturbed.get(user_id, 0) <= last


def _deliverable(channel: Channel, caller: Caller) -> bool:
    """As far as this caller can know."""
    bounced = caller.site_admin and channel.bounce is not None and channel.bounce.last_bounce_at is not None
    return channel.type == "email" and channel.state == "active" and not bounced


def _default(channels: list[Channel]) -> int | None:
    found = [each for each in channels if each.type == "email" and each.state == "active"]
    return min(found, key=lambda c: (c.position is None, c.position or 0, c.id)).id if found else None

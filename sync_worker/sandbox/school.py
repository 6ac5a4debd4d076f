"""The state of the simulated Canvas, and everything that can happen to it behind the client's back.

Each operation returns the changes it made, so that a test can compare them with what the mirror noticed.
"""

from collections.abc import Iterable, Iterator

from sync_worker.sandbox import rules
from sync_worker.sandbox.clock import Clock
from sync_worker.sandbox.model import (
    Account,
    Bounce,
    Change,
    Channel,
    Json,
    Key,
    Kind,
    User,
    key_of,
)
from sync_worker.sandbox.options import DeletedUserAnswer
from sync_worker.sandbox.registry import ROOT_ACCOUNT, Registry
from sync_worker.sandbox.render import channel_json, user_state_json

HARD_BOUNCE = "550 5.1.1 The e-mail account does not exist"


class School(Registry):
    """A registry with the operations of people, imports and mail gateways.

    Every operation raises `KeyError` for an unknown id and `ValueError` where Canvas could not do it.
    """

    def __init__(self, accounts: Iterable[Account], *, clock: Clock | None = None) -> None:
        super().__init__(accounts)
        self._clock = clock or Clock()
        self.next_channel_id = 1
        self.limits = rules.Limits(push_allowed=True, edit_institution_email=True, max_channels=10**9)

    # --- looking

    def now(self) -> int:
        """Epoch seconds."""
        return int(self._clock.now().timestamp())

    def live_channels(self) -> Iterator[Json]:
        """Every unretired channel as a site administrator sees it, by user and position."""
        for user in self.users.values():
            for channel in user.live_channels():
                yield channel_json(channel, bounces=True, bounce_count=True)

    def user_states(self) -> Iterator[Json]:
        """Every user there ever was, with its state."""
        return map(user_state_json, self.users.values())

    def new_channel_id(self) -> int:
        """An id that no channel has had."""
        while self.next_channel_id in self.channels:
            self.next_channel_id += 1
        self.next_channel_id += 1
        return self.next_channel_id - 1

    # --- channels

    def post(self, user: User, wish: rules.Wish, limits: rules.Limits) -> rules.Created | rules.Refusal:
        """What a POST does, under the given limits."""
        now = self.now()
        refusal = rules.refuse_create(user, wish, limits, now=now)
        if refusal is not None:
            return refusal
        created = rules.create(user, wish, next_id=self.new_channel_id, now=now)
        self.channels[created.channel.id] = created.channel
        return created

    def create(self, user_id: int, kind: str, address: str, *, confirmed: bool = True) -> list[Change]:
        """A person adds a channel; nobody is limited or notified."""
        wish = rules.Wish(type=kind, address=address, push_token=address, confirmed=confirmed)
        made = self.post(self.users[user_id], wish, self.limits)
        if isinstance(made, rules.Refusal):
            raise ValueError(f"{kind} {address!r} for user {user_id}: {made.errors}")  # noqa: TRY004  (its value)
        return [_change(Kind.REVIVED if made.revived else Kind.CREATED, made.channel)]

    def retire(self, channel_id: int) -> list[Change]:
        """A person, or an import, deletes a channel; nothing is locked here."""
        channel = self._live(channel_id)
        rules.retire(channel, now=self.now())
        return [_change(Kind.RETIRED, channel)]

    def revive(self, channel_id: int) -> list[Change]:
        """A retired channel comes back with its id."""
        channel = self.channels[channel_id]
        if channel.live or self._twin(channel, channel.key):
            raise ValueError(f"channel {channel_id} cannot come back")
        rules.revive(self.users[channel.user_id], channel, address=channel.address, state="active")
        return [_change(Kind.REVIVED, channel)]

    def readdress(self, channel_id: int, address: str) -> list[Change]:
        """An import gives a channel another address and keeps its id."""
        channel = self._live(channel_id)
        if self._twin(channel, key_of(channel.type, address)):
            raise ValueError(f"{address!r} exists already for user {channel.user_id}")
        before, channel.address = channel.address, address
        return [_change(Kind.READDRESSED, channel, before=before)]

    def confirm(self, channel_id: int) -> list[Change]:
        """The person clicks the link."""
        channel = self._live(channel_id)
        channel.state = "active"
        return [_change(Kind.CONFIRMED, channel)]

    def bounce(self, channel_id: int, *, summary: str = HARD_BOUNCE) -> list[Change]:
        """One more hard bounce."""
        channel = self._live(channel_id)
        channel.bounce = channel.bounce or Bounce()
        channel.bounce.count += 1
        channel.bounce.last_bounce_at, channel.bounce.last_bounce_summary = self.now(), summary
        return [_change(Kind.BOUNCED, channel)]

    # --- users

    def add_user(self, name: str, *, account_id: int = ROOT_ACCOUNT, sis_user_id: str | None = None) -> list[Change]:
        """A new user without channels."""
        user_id = max(self.users, default=999) + 1
        user = User(id=user_id, account_id=account_id, name=name, created_at=self.now(), sis_user_id=sis_user_id)
        if sis_user_id:
            self.release_sis_id(sis_user_id)
        self.enrol(user)
        return [Change(kind=Kind.USER_ADDED, user_id=user_id)]

    def delete_user(self, user_id: int, *, answer: DeletedUserAnswer | None = None) -> list[Change]:
        """The user vanishes and all its channels are retired; `answer` overrides the option for this user."""
        user = self._present(user_id)
        self.withdraw(user)
        user.state, user.deleted_answer = "deleted", answer
        return [Change(kind=Kind.USER_DELETED, user_id=user_id), *self._retire_all(user)]

    def merge_users(self, user_id: int, into: int, *, answer: DeletedUserAnswer | None = None) -> list[Change]:
        """Channels keep their id and move to `into` (duplicates are retired); logins move too."""
        user, other = self._present(user_id), self._present(into)
        if user is other:
            raise ValueError(f"user {user_id} cannot be merged into itself")
        self.withdraw(user)
        user.state, user.merged_into, user.deleted_answer = "merged", into, answer
        self.point_identifiers(user, at=other)
        moved = [_change(Kind.MOVED, channel, before=user_id) for channel in _move(user, other)]
        merged = Change(kind=Kind.USER_MERGED, user_id=user_id, detail={"into": into})
        return [merged, *moved, *self._retire_all(user)]

    def restore_user(self, user_id: int) -> list[Change]:
        """Back in the listing; what was retired stays retired, what was moved stays moved."""
        user = self.users[user_id]
        if user.state == "present":
            raise ValueError(f"user {user_id} was not deleted")
        user.state, user.merged_into, user.deleted_answer = "present", None, None
        self.enrol(user)
        return [Change(kind=Kind.USER_RESTORED, user_id=user_id)]

    def change_sis_id(self, user_id: int, sis_user_id: str) -> list[Change]:
        """A re-import: the id may be taken from somebody else, who has none afterwards."""
        user = self._present(user_id)
        before = user.sis_user_id
        for taken in filter(None, (before, sis_user_id)):
            self.release_sis_id(taken)
        user.sis_user_id = sis_user_id
        self.point_identifiers(user, at=user)
        return [Change(kind=Kind.USER_RENAMED, user_id=user_id, detail={"before": before})]

    # --- inside

    def _present(self, user_id: int) -> User:
        user = self.users[user_id]
        if user.state != "present":
            raise ValueError(f"user {user_id} is {user.state}")
        return user

    def _live(self, channel_id: int) -> Channel:
        channel = self.channels[channel_id]
        if not channel.live:
            raise ValueError(f"channel {channel_id} is retired")
        return channel

    def _twin(self, channel: Channel, key: Key) -> bool:
        user = self.users[channel.user_id]
        return any(c.live and c.key == key for c in user.channels if c is not channel)

    def _retire_all(self, user: User) -> list[Change]:
        return [change for channel in user.live_channels() for change in self.retire(channel.id)]


def _move(source: User, target: User) -> list[Channel]:
    """Move what the target has not yet, behind its own; the channels that moved."""
    taken = {channel.key for channel in target.channels if channel.live}
    moving = [channel for channel in source.live_channels() if channel.key not in taken]
    for channel in moving:
        source.channels.remove(channel)
        channel.position, channel.user_id = rules.last_position(target), target.id
        target.channels.append(channel)
    return moving


def _change(kind: Kind, channel: Channel, **detail: object) -> Change:
    facts = {"type": channel.type, "address": channel.address, **detail}
    return Change(kind=kind, user_id=channel.user_id, channel_id=channel.id, detail=facts)

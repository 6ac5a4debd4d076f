"""A night in the life of a school: many small changes at once, from a seed.

Each user is touched at most once, as the one that changes or as the one that another is merged into, so that the list
of changes says exactly what the difference will be.
"""

from collections.abc import Callable, Collection

from sync_worker.sandbox.dice import Random, seeded
from sync_worker.sandbox.model import Change, Channel, User
from sync_worker.sandbox.school import School


def churn(school: School, fraction: float, seed: int, *, spared: Collection[int] = ()) -> list[Change]:
    """Change something about this fraction (0 to 1) of the present users.

    Args:
        school: what is changed.
        fraction: of the present users; at least one is touched when it is over 0.
        seed: the same seed on the same school makes the same changes.
        spared: users that are left alone, such as the owner of the token.

    Returns:
        Every change, in the order in which it happened.
    """
    dice = seeded("churn", seed)
    present = [user for user in school.users.values() if user.state == "present" and user.id not in spared]
    wanted = min(max(round(fraction * len(present)), 1), len(present)) if fraction > 0 else 0
    touched = dice.sample(present, wanted)
    changes: list[Change] = []
    while touched:
        user = touched.pop()
        operation = dice.choices(_OPERATIONS, _WEIGHTS)[0]
        changes += operation(_Night(school=school, dice=dice, others=touched), user)
    return changes


class _Night:
    """What an operation may use; `others` are the users not yet touched, for it to take from."""

    __slots__ = ("dice", "others", "school")

    def __init__(self, *, school: School, dice: Random, others: list[User]) -> None:
        self.school = school
        self.dice = dice
        self.others = others

    def pick(self, channels: list[Channel]) -> int:
        """The id of one of them."""
        return self.dice.choice(channels).id


def _create(night: _Night, user: User) -> list[Change]:
    address = f"new{night.dice.randrange(10**9)}.{user.id}@example.com"
    return night.school.create(user.id, "email", address)


def _retire(night: _Night, user: User) -> list[Change]:
    live = user.live_channels()
    return night.school.retire(night.pick(live)) if live else _create(night, user)


def _readdress(night: _Night, user: User) -> list[Change]:
    mails = [channel for channel in user.live_channels() if channel.type == "email"]
    if not mails:
        return _create(night, user)
    return night.school.readdress(night.pick(mails), f"moved{night.dice.randrange(10**9)}.{user.id}@example.org")


def _revive(night: _Night, user: User) -> list[Change]:
    live = {channel.key for channel in user.live_channels()}
    retired = [channel for channel in user.channels if not channel.live and channel.key not in live]
    return night.school.revive(night.pick(retired)) if retired else _retire(night, user)


def _confirm(night: _Night, user: User) -> list[Change]:
    open_ones = [channel for channel in user.live_channels() if channel.state == "unconfirmed"]
    return night.school.confirm(night.pick(open_ones)) if open_ones else _bounce(night, user)


def _bounce(night: _Night, user: User) -> list[Change]:
    mails = [channel for channel in user.live_channels() if channel.type == "email"]
    return night.school.bounce(night.pick(mails)) if mails else _create(night, user)


def _delete(night: _Night, user: User) -> list[Change]:
    return night.school.delete_user(user.id)


def _merge(night: _Night, user: User) -> list[Change]:
    if not night.others:
        return _create(night, user)
    return night.school.merge_users(user.id, night.others.pop().id)


_CHANCES: dict[Callable[[_Night, User], list[Change]], int] = {
    _create: 25,
    _retire: 25,
    _readdress: 15,
    _revive: 10,
    _confirm: 5,
    _bounce: 10,
    _delete: 5,
    _merge: 5,
}
_OPERATIONS = list(_CHANCES)
_WEIGHTS = list(_CHANCES.values())

"""What makes some generated users special: everything a client has to be able to live with.

Each trait changes one otherwise ordinary draft. Some users at fixed places have a fixed trait, so that even a small
school has one of each; the rest is spread by chance.
"""

from bisect import bisect
from collections.abc import Callable
from enum import StrEnum
from itertools import accumulate

from sync_worker.sandbox.dice import Random
from sync_worker.sandbox.model import MAX_ID, Bounce, Channel, User

BIG_ID = 2**40

MANY = 250
"""Channels of a user with very many: more than two pages of 100."""

MANY_FROM = 50
"""Schools from this size on have users with very many channels."""


class Trait(StrEnum):
    """The special cases."""

    NONE = "none"
    EMPTY = "empty"
    SEVERAL = "several"
    MANY = "many"
    UNICODE = "unicode"
    AWKWARD = "awkward"
    LONG = "long"
    SLACK = "slack"
    TWITTER = "twitter"
    NULL_POSITION = "null_position"
    BOUNCING = "bouncing"
    TRANSIENT = "transient"
    UNCONFIRMED = "unconfirmed"
    SIS_LOCKED = "sis_locked"
    OTP = "otp"
    BIG_ID = "big_id"
    HUGE_ID = "huge_id"
    RETIRED = "retired"
    ODD_SIS_ID = "odd_sis_id"


FIXED = {
    3: Trait.EMPTY,
    4: Trait.UNICODE,
    5: Trait.LONG,
    6: Trait.SLACK,
    7: Trait.NULL_POSITION,
    8: Trait.BOUNCING,
    9: Trait.UNCONFIRMED,
    10: Trait.SIS_LOCKED,
    11: Trait.HUGE_ID,
    12: Trait.RETIRED,
    13: Trait.AWKWARD,
    14: Trait.OTP,
    15: Trait.TRANSIENT,
    16: Trait.ODD_SIS_ID,
    17: Trait.SEVERAL,
    18: Trait.TWITTER,
    19: Trait.BIG_ID,
}
"""Traits by the place of the user in the school, from 0; place 0 owns the default token and is ordinary."""

MANY_PLACES = (37, 43)
MANY_EVERY = 20_000
"""Places with `MANY` channels: the two, and the first of them again every so many users."""

SHARES = {
    Trait.EMPTY: 0.05,
    Trait.SEVERAL: 0.003,
    Trait.UNICODE: 0.02,
    Trait.AWKWARD: 0.002,
    Trait.LONG: 0.002,
    Trait.SLACK: 0.005,
    Trait.TWITTER: 0.005,
    Trait.NULL_POSITION: 0.005,
    Trait.BOUNCING: 0.02,
    Trait.TRANSIENT: 0.005,
    Trait.UNCONFIRMED: 0.03,
    Trait.SIS_LOCKED: 0.03,
    Trait.OTP: 0.002,
    Trait.BIG_ID: 0.0005,
    Trait.HUGE_ID: 0.0005,
    Trait.RETIRED: 0.03,
    Trait.ODD_SIS_ID: 0.005,
}
"""Which part of all users has a trait by chance."""

_TRAITS = [*SHARES, Trait.NONE]
_BOUNDS = list(accumulate(SHARES.values()))


def trait_of(place: int, users: int, dice: Random) -> Trait:
    """The trait of the user at this place of a school of so many."""
    if users >= MANY_FROM and (place in MANY_PLACES or place % MANY_EVERY == MANY_PLACES[0]):
        return Trait.MANY
    drawn = _TRAITS[bisect(_BOUNDS, dice.random())]
    return FIXED.get(place, drawn) if place else Trait.NONE


def mark(user: User, trait: Trait, dice: Random) -> None:
    """Give an ordinary user its trait; those that only change how many channels there are do nothing here."""
    change = _MARKS.get(trait)
    if change is not None:
        change(user, dice)


def _unicode(user: User, dice: Random) -> None:
    name = dice.choice(("zoë.müller", "józef-łoś", "用户", "пользователь", "ไทย.ผู้ใช้", "ÅSA.Öberg"))
    _last(user).address = f"{name}.{user.id}@bücher.example.com"


def _awkward(user: User, dice: Random) -> None:
    middle = dice.choice(("a/b", "a+b", "50%25", "why?", "r#1", "a&b=c", "o'neil", "semi~colon"))
    _last(user).address = f"{middle}.{user.id}@example.org"


def _long(user: User, dice: Random) -> None:
    domain = f".{user.id}@long.example.edu"
    length = dice.randint(200, 250)
    _last(user).address = "l" + "o" * (length - len(domain) - 2) + "g" + domain


def _slack(user: User, _dice: Random) -> None:
    _last(user).type, _last(user).address = "slack", f"handle{user.id}"


def _twitter(user: User, _dice: Random) -> None:
    _last(user).type, _last(user).address = "twitter", f"Handle_{user.id}"


def _null_position(user: User, _dice: Random) -> None:
    _last(user).position = None


def _bouncing(user: User, dice: Random) -> None:
    channel = _last(user)
    at = channel.created_at + dice.randrange(10**7)
    channel.bounce = Bounce(count=dice.randint(1, 9), last_bounce_at=at, last_bounce_summary="550 5.1.1 user unknown")


def _transient(user: User, dice: Random) -> None:
    channel = _last(user)
    at = channel.created_at + dice.randrange(10**7)
    channel.bounce = Bounce(last_transient_bounce_at=at, last_transient_bounce_summary="452 4.2.2 mailbox full")
    channel.bounce.last_suppression_bounce_at = at + 60


def _unconfirmed(user: User, _dice: Random) -> None:
    channel = _last(user)
    channel.state, channel.messages = "unconfirmed", 1


def _sis_locked(user: User, _dice: Random) -> None:
    user.channels[0].sis_locked = True


def _otp(user: User, _dice: Random) -> None:
    channel = _last(user)
    channel.type, channel.address, channel.otp = "sms", f"+1555{user.id:07d}", True


def _big_id(user: User, _dice: Random) -> None:
    _last(user).id = BIG_ID + user.id


def _huge_id(user: User, _dice: Random) -> None:
    _last(user).id = MAX_ID - user.id


def _retired(user: User, _dice: Random) -> None:
    channel = _last(user)
    channel.state, channel.retired_at = "retired", channel.created_at + 86_400


def _odd_sis_id(user: User, dice: Random) -> None:
    user.sis_user_id = dice.choice(("dept/{}", "S {}", "ü{}", "a.b+{}", "50%{}")).format(user.id)


def _last(user: User) -> Channel:
    return user.channels[-1]


_MARKS: dict[Trait, Callable[[User, Random], None]] = {
    Trait.UNICODE: _unicode,
    Trait.AWKWARD: _awkward,
    Trait.LONG: _long,
    Trait.SLACK: _slack,
    Trait.TWITTER: _twitter,
    Trait.NULL_POSITION: _null_position,
    Trait.BOUNCING: _bouncing,
    Trait.TRANSIENT: _transient,
    Trait.UNCONFIRMED: _unconfirmed,
    Trait.SIS_LOCKED: _sis_locked,
    Trait.OTP: _otp,
    Trait.BIG_ID: _big_id,
    Trait.HUGE_ID: _huge_id,
    Trait.RETIRED: _retired,
    Trait.ODD_SIS_ID: _odd_sis_id,
}

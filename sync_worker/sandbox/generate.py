"""A whole school out of a seed: the same number of users and seed give the same school, to the last letter.

Addresses use example domains only. 200,000 users take some seconds.
"""

from dataclasses import dataclass

from sync_worker.sandbox.clock import Clock
from sync_worker.sandbox.dice import Random, seeded
from sync_worker.sandbox.model import PUSH, PUSH_ADDRESS, Account, Channel, User
from sync_worker.sandbox.registry import ROOT_ACCOUNT
from sync_worker.sandbox.school import School
from sync_worker.sandbox.traits import MANY, Trait, mark, trait_of

FIRST_USER = 1000
FIRST_CHANNEL = 20_000
FIRST_DAY = 1_420_070_400
"""2015-01-01, epoch seconds: when the first user came."""

TEN_YEARS = 315_000_000
"""Seconds within which the last one came."""

ACCOUNTS = (
    Account(id=ROOT_ACCOUNT, name="Example University", uuid="vEaoMbhHRxQ1pXjYcL7dwZk2TtfGSnqy"),
    Account(id=2, name="Faculty of Science", uuid="b2Xu1cQYtS9mWg0ZkR5eJfDvHnLpOaIs", parent_id=ROOT_ACCOUNT),
    Account(id=3, name="Faculty of Arts", uuid="c3Yv2dRZuT0nXh1AlS6fKgEwIoMqPbJt", parent_id=ROOT_ACCOUNT),
    Account(id=4, name="Physics", uuid="d4Zw3eSAvU1oYi2BmT7gLhFxJpNrQcKu", parent_id=2),
    Account(id=5, name="Chemistry", uuid="e5Ax4fTBwV2pZj3CnU8hMiGyKqOsRdLv", parent_id=2),
)

# fmt: off
FIRST_NAMES = (
    "Ada", "Alan", "Amélie", "Björn", "Carmen", "Chloé", "Dmitri", "Emmy", "Farid", "Grace", "Hedy",
    "Ines", "Jürgen", "Katherine", "Łukasz", "Mária", "Niels", "Olga", "Paweł", "Quentin", "Rosalind",
    "Sheldon", "Søren", "Tomáš", "Uma", "Véronique", "Wu", "Ximena", "Yasmin", "Zoë", "明", "Анна",
)
LAST_NAMES = (
    "Turing", "Lovelace", "Noether", "Hopper", "Curie", "Bohr", "Gödel", "Ångström", "Poincaré", "Čech",
    "Erdős", "Kovalevskaya", "Ramanujan", "Hamilton", "Johnson", "Meitner", "Franklin", "Cooper",
    "Nakamura", "García", "Müller", "O'Brien", "Nguyễn", "Šafařík", "Иванова", "王",
)
# fmt: on
DOMAINS = ("example.com", "example.net", "example.org", "mail.example.com")
SCHOOL_DOMAIN = "example.edu"

_EXTRA = ("email", "email", "email", "email", "sms", "sms", "push", "email")
"""What a second or third channel is, each as likely as it stands here."""


def generate(users: int, seed: int, *, clock: Clock | None = None) -> School:
    """A school of so many users."""
    school = School(ACCOUNTS, clock=clock)
    draft = _Draft(dice=seeded("school", seed))
    for place in range(users):
        school.enrol(_user(place, users, draft))
    school.next_channel_id = draft.channel_id + 1
    return school


@dataclass(slots=True, kw_only=True)
class _Draft:
    """What runs through all users: the dice and the ids given so far."""

    dice: Random
    user_id: int = FIRST_USER - 1
    channel_id: int = FIRST_CHANNEL


def _user(place: int, users: int, draft: _Draft) -> User:
    dice = draft.dice
    draft.user_id += 1 if place == 0 or dice.random() < 0.9 else dice.randint(2, 9)  # noqa: PLR2004  (gaps)
    user = _person(draft.user_id, place, dice)
    trait = trait_of(place, users, dice)
    for index in range(_channel_count(trait, dice)):
        user.channels.append(_channel(user, index, draft))
    if user.channels:
        mark(user, trait, dice)
    return user


def _person(user_id: int, place: int, dice: Random) -> User:
    return User(
        id=user_id,
        account_id=_account(dice.random()),
        name=f"{dice.choice(FIRST_NAMES)} {dice.choice(LAST_NAMES)}",
        created_at=FIRST_DAY + int(dice.random() * TEN_YEARS),
        sis_user_id=None if place % 31 == 30 else f"S{100_000 + place}",  # noqa: PLR2004  (some have none)
        login_id=f"user{user_id}",
        integration_id=f"INT-{place}" if place % 5 == 0 else None,
    )


def _account(chance: float) -> int:
    """Half of all users belong to the root, the others to a sub-account."""
    return ROOT_ACCOUNT if chance < 0.5 else 2 + int((chance - 0.5) * 2 * (len(ACCOUNTS) - 1))  # noqa: PLR2004


def _channel_count(trait: Trait, dice: Random) -> int:
    chance = dice.random()
    if trait is Trait.EMPTY:
        return 0
    if trait is Trait.MANY:
        return MANY
    if trait is Trait.SEVERAL:
        return 11 + int(chance * 30)
    return 1 if chance < 0.6 else 2 if chance < 0.9 else 3  # noqa: PLR2004  (most have one)


def _channel(user: User, index: int, draft: _Draft) -> Channel:
    draft.channel_id += 1 if draft.dice.random() < 0.9 else 7  # noqa: PLR2004  (ids have gaps)
    kind = draft.dice.choice(_EXTRA) if index else "email"
    if kind == PUSH and any(channel.type == PUSH for channel in user.channels):
        kind = "email"
    return Channel(
        id=draft.channel_id,
        user_id=user.id,
        type=kind,
        address=_address(user, kind, index),
        created_at=user.created_at + index * 86_400,
        position=index + 1,
    )


def _address(user: User, kind: str, index: int) -> str:
    if kind == PUSH:
        return PUSH_ADDRESS
    if kind == "sms":
        return f"+1{5_550_000_000 + user.id * 251 + index}"
    if index == 0:
        return f"{user.login_id}@{SCHOOL_DOMAIN}"
    return f"{user.login_id}.{index}@{DOMAINS[(user.id + index) % len(DOMAINS)]}"

"""What others do to a school: people, imports and gateways, drawn by Hypothesis."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

ADDRESSES = ("a@x.example", "b@x.example", "c@x.example", "d@keep.example", "own")
ON_CHANNELS = ("create", "ask", "retire", "retire", "revive", "readdress", "confirm", "bounce", "lock")
ON_USERS = ("delete", "restore", "merge", "sis", "sis")
CHANGES = st.sampled_from((*ON_CHANNELS, *ON_USERS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that somebody else does."""

    what: str
    who: int
    which: int  # channel, address or other user


def happenings(users: int) -> st.SearchStrategy[Happening]:
    """To one of so many users."""
    return st.builds(Happening, what=CHANGES, who=st.integers(0, users - 1), which=st.integers(0, 7))


def own_address(name: str, user: int) -> str:
    """The address that a name of `ADDRESSES` means for a user."""
    return f"user{user}@example.edu" if name == "own" else name


def happen(
    school: Any, users: Sequence[int], happening: Happening, disturb: Callable[..., None] = lambda *_: None
) -> None:
    """Do it at the school; nothing comes of it where Canvas could not do it.

    Args:
        school: of the sandbox.
        users: whom a happening may befall.
        happening: what, to whom.
        disturb: is told the ids of the users that are touched, before they are.
    """
    user, other = users[happening.who], users[happening.which % len(users)]
    present = school.users[user].state == "present"  # nobody adds a channel to somebody who is gone
    channels = [c.id for c in school.users[user].channels if c.type != "push" and present]
    address = own_address(ADDRESSES[happening.which % len(ADDRESSES)], user)
    disturb(user, other)
    with suppress(ValueError):
        match happening.what:
            case "create" | "ask" if present:
                school.create(user, "email", address, confirmed=happening.what == "create")
            case "delete":
                school.delete_user(user)
            case "restore":
                school.restore_user(user)
            case "merge":
                school.merge_users(user, other)
            case "sis":
                school.change_sis_id(user, f"S{100_001 + happening.which % len(users)}")
            case _ if channels:
                number = channels[happening.which % len(channels)]
                disturb(school.channels[number].user_id)
                _change(school, number, happening)
            case _:
                pass


def _change(school: Any, number: int, happening: Happening) -> None:
    match happening.what:
        case "readdress":
            school.readdress(number, f"r{happening.which}@x.example")
        case "lock":
            school.channels[number].sis_locked = not school.channels[number].sis_locked
        case what:
            getattr(school, what)(number)

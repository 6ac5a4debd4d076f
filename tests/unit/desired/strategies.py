"""Random live channels and wishes of one user: few addresses, so that they meet."""

from collections.abc import Iterable

from hypothesis import strategies as st

from sync_worker.channels import Channel, by_id
from sync_worker.desired.model import DesiredUser, Mode, Wish, key_of
from tests.unit.desired.builders import MORNING

TYPES = ("email", "sms", "push", "slack")
ADDRESSES = ("a@x", "A@X", "b@x", "c@y", "İ@x", "i@x", "Straße@x", "STRAẞE@x", "ΣΠΣ@x", "σπς@x", "σπσ@x", "")
NAMES = st.tuples(st.sampled_from(TYPES), st.sampled_from(ADDRESSES))
STATES = st.sampled_from(["active", "active", "unconfirmed"])
PLACES = st.none() | st.integers(-1, 9) | st.just(2**31 - 1)


def of_one_key_each(names: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Canvas has one unretired channel for each key; a document one wish."""
    return list({key_of(*name): name for name in names}.values())


@st.composite
def lives(draw: st.DrawFn) -> tuple[Channel, ...]:
    """All live channels of user 1."""
    names = of_one_key_each(draw(st.lists(NAMES, max_size=6)))
    return tuple(
        Channel(
            id=number,
            user_id=1,
            type=kind,
            address=address,
            workflow_state=draw(STATES),
            position=draw(PLACES),
            last_bounce_at=draw(st.none() | st.just(MORNING)),
        )
        for number, (kind, address) in enumerate(names, start=1)
    )


@st.composite
def desires(draw: st.DrawFn) -> DesiredUser:
    """What is wanted of user 1: no key twice."""
    names = of_one_key_each(draw(st.lists(NAMES, max_size=8)))
    here = draw(st.integers(0, len(names)))
    wishes = [Wish(type=kind, address=address, skip_confirmation=draw(st.booleans())) for kind, address in names]
    return DesiredUser(
        user_id=1,
        ref=by_id(1),
        mode=draw(st.sampled_from(Mode)),
        manage=frozenset(draw(st.sets(st.sampled_from(TYPES)))),
        present=tuple(wishes[:here]),
        absent=tuple(wishes[here:]),
    )

"""`kill -9` right before, during and right after every commit of every command that writes."""

from collections import Counter

import pytest

from tests.crash.child import AFTER, BEFORE, COMMIT, READING, UNDER_WAY
from tests.crash.playing import strike
from tests.crash.points import Point, points
from tests.crash.scene import Theatre
from tests.sampling import sampled

DAILY = [point for point in points() if point.daily]
EVERY = [(point, number) for point in points() for number in range(1, point.number + 1)]


@pytest.mark.parametrize("act", ["backfill", "run", "apply", "undo", "auto"])
async def test_the_table_is_whole(acts: Theatre, act: str) -> None:
    """What commits in an undisturbed command stands in the table, as often as it happens; it does what it should."""
    async with acts.place(act) as place:
        player = place.start(place.act.command)
        assert await player.end() == 0, player.said
        seen = {kind: count for (what, side, kind), count in player.steps.items() if (what, side) == (COMMIT, BEFORE)}
        assert set(place.watched.deeds) == place.act.deeds
    seen.pop(READING, None)
    mine = {point.kind: point for point in points() if point.act == act}
    assert set(seen) == set(mine)
    assert {kind: count for kind, count in seen.items() if mine[kind].exact} == {
        kind: point.number for kind, point in mine.items() if point.exact
    }
    assert all(count >= mine[kind].number for kind, count in seen.items())


BOTH = [(point, side) for point in DAILY for side in (BEFORE, AFTER)]


def _is_played(at: tuple[Point, str]) -> bool:
    """By `make test`: the sides take turns."""
    point, side = at
    return DAILY.index(point) % 2 == (side == AFTER)


@pytest.mark.parametrize(
    "at",
    sampled(BOTH, _is_played),
    ids=lambda at: f"{at[0].act}-{at[0].kind}-{at[1]}",
)
async def test_killed_at_a_commit(acts: Theatre, at: tuple[Point, str]) -> None:
    """One of each kind: what is left behind is what the table says, and the next run puts everything right."""
    point, side = at
    outcome = await strike(acts, point.act, point.step(side, (point.number + 1) // 2))
    assert outcome.exit_code == -9
    assert outcome.left in point.left(side)


@pytest.mark.torture
@pytest.mark.parametrize("side", [BEFORE, UNDER_WAY, AFTER])
@pytest.mark.parametrize(("point", "number"), EVERY, ids=lambda at: getattr(at, "kind", at))
async def test_killed_at_every_commit(acts: Theatre, point: Point, number: int, side: str) -> None:
    """All of them."""
    outcome = await strike(acts, point.act, point.step(side, number))
    assert outcome.exit_code == -9
    assert outcome.left in point.left(side)


def test_how_many_there_are() -> None:
    """The figures that the documentation gives."""
    assert Counter(point.act for point, _ in EVERY) == {"backfill": 21, "run": 21, "apply": 21, "undo": 20, "auto": 39}

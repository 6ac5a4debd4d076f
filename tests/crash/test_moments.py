"""`kill -9` at moments drawn by a seed: between any two statements, requests or commits."""

import pytest

from tests.crash.playing import strike
from tests.crash.points import DRAWN, SAMPLE, Moment, moments
from tests.crash.scene import Theatre


@pytest.mark.parametrize("moment", list(moments(SAMPLE)), ids=lambda moment: moment.name)
async def test_killed_at_some_moments(acts: Theatre, moment: Moment) -> None:
    """The next run puts everything right."""
    assert (await strike(acts, moment.act, moment.at)).exit_code == -9


@pytest.mark.torture
@pytest.mark.parametrize("number", range(DRAWN))
async def test_killed_at_two_hundred_moments(acts: Theatre, number: int) -> None:
    """The next run puts everything right, two hundred times."""
    moment = list(moments())[number]
    assert (await strike(acts, moment.act, moment.at)).exit_code == -9, moment.name

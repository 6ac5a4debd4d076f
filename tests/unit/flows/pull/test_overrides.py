"""What the command line says of the brake."""

import pytest

from sync_worker.flows.pull.overrides import Overrides, limits
from sync_worker.settings import BrakeTable

BRAKE = BrakeTable()


@pytest.mark.parametrize(
    ("overrides", "raised"),
    [
        (Overrides(), False),
        (Overrides(max_tombstones=1000), False),
        (Overrides(max_tombstones=999), False),
        (Overrides(max_tombstones=1001), True),
        (Overrides(max_tombstone_percent=5.0), False),
        (Overrides(max_tombstone_percent=1.0), False),
        (Overrides(max_tombstone_percent=5.1), True),
        (Overrides(max_tombstones=10, max_tombstone_percent=50.0), True),
        (Overrides(min_coverage_percent=0.0, min_listing_percent=0.0), False),
    ],
)
def test_only_a_higher_limit_is_a_word_about_what_is_held(overrides: Overrides, *, raised: bool) -> None:
    """A cautious limit in a crontab must not accept last week's deletions."""
    assert overrides.raise_the_brake(BRAKE) is raised


def test_what_is_not_said_is_as_configured() -> None:
    """And zero is said."""
    given = limits(BRAKE, Overrides(max_tombstones=0, min_listing_percent=0.0))
    assert (given.max_tombstones, given.min_listing_percent) == (0, 0.0)
    assert (given.max_tombstone_percent, given.percent_from, given.min_coverage_percent) == (5.0, 200, 95.0)

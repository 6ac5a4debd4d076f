"""How long to wait before the next look at something that is away, pure but for the clock's jitter."""

from collections.abc import Iterator
from typing import Final

from sync_worker.clock import Clock

FIRST: Final = 4.0  # seconds
LONGEST: Final = 60.0  # seconds


def pauses(clock: Clock) -> Iterator[float]:
    """Seconds to wait: doubled each time up to the longest; the second half of each is left to chance.

    Many processes notice the same outage at the same moment, and should not come back at the same moment.
    """
    longest = FIRST
    while True:
        yield longest / 2 + clock.jitter(longest / 2)
        longest = min(LONGEST, longest * 2)

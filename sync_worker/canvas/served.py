"""What a bucket could have borne: the theoretical limit that a run's throughput is measured against. Pure.

Two things bound it: what leaks out of the bucket, over the mean cost of an answer; and how many requests may be in
flight, over the mean time that an answer takes.
"""

from dataclasses import dataclass
from math import ceil

from sync_worker.canvas.throttle import BucketState


@dataclass(slots=True, kw_only=True)
class Served:
    """Answers with throttle headers so far."""

    answers: int = 0
    cost: float = 0.0  # units, all together
    seconds: float = 0.0  # from the turn to the headers, all together

    def add(self, *, cost: float, seconds: float) -> None:
        """One more."""
        self.answers += 1
        self.cost += cost
        self.seconds += seconds


def borne(served: Served, bucket: BucketState, max_concurrency: int, seconds: float) -> float | None:
    """Requests that fit into so many seconds at the most; None where nothing is known.

    Args:
        served: what answers took.
        bucket: its capacity and its leak.
        max_concurrency: requests in flight at most, whatever the bucket says.
        seconds: of working time, beginning with an empty bucket.
    """
    if bucket.high_water_mark is None or not served.answers:
        return None
    bounds = []
    if served.cost > 0:
        budget = bucket.high_water_mark + bucket.outflow * seconds
        bounds.append(budget / (served.cost / served.answers))
    if served.seconds > 0:
        abreast = min(max_concurrency, max(1, ceil(bucket.high_water_mark / max(bucket.up_front_cost, 1.0)) - 1))
        bounds.append(abreast * seconds / (served.seconds / served.answers))
    return min(bounds, default=None)

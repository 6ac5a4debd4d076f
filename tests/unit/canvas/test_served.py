"""The theoretical limit: what leaks out of the bucket, and what may be in flight."""

import pytest

from sync_worker.canvas.served import Served, borne
from sync_worker.canvas.throttle import BucketState


def bucket(mark: float | None = 700.0) -> BucketState:
    """An empty one."""
    return BucketState(
        in_flight=0, remaining=0.0, high_water_mark=mark, outflow=10.0, up_front_cost=50.0, blind=mark is None
    )


def test_cheap_answers_are_bound_by_what_is_in_flight() -> None:
    """Thirteen abreast, a tenth of a second each."""
    served = Served()
    served.add(cost=0.01, seconds=0.1)
    served.add(cost=0.01, seconds=0.1)
    assert borne(served, bucket(), 64, 10.0) == pytest.approx(13 * 10 / 0.1)
    assert borne(served, bucket(), 4, 10.0) == pytest.approx(4 * 10 / 0.1)


def test_dear_answers_are_bound_by_the_leak() -> None:
    """The bucket once, and what leaks out of it meanwhile, over the mean cost."""
    served = Served()
    served.add(cost=4.0, seconds=0.01)
    served.add(cost=6.0, seconds=0.01)
    assert borne(served, bucket(), 64, 100.0) == pytest.approx((700 + 10 * 100) / 5)


def test_a_bucket_below_the_up_front_cost_still_bears_one() -> None:
    """A request alone is tried."""
    served = Served()
    served.add(cost=0.0, seconds=0.5)
    assert borne(served, bucket(40.0), 64, 10.0) == pytest.approx(20)


def test_nothing_is_known_without_headers() -> None:
    """Then there is no limit to be measured against."""
    served = Served()
    assert borne(served, bucket(), 64, 1.0) is None
    served.add(cost=1.0, seconds=1.0)
    assert borne(served, bucket(None), 64, 1.0) is None

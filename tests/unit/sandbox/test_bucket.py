"""The bucket, step by step and to the number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.sandbox.bucket import Bucket, BucketLimits


def test_eleven_requests_fit_and_the_twelfth_is_refused() -> None:
    """With an otherwise empty bucket 11 requests may be in flight (hwm 600, 50 each)."""
    bucket = Bucket(BucketLimits(), now=0.0)
    assert [bucket.begin(0.0) for _ in range(12)] == [True] * 11 + [False]
    assert bucket.count == 600.0


def test_hosted_installations_admit_thirteen() -> None:
    """A high-water mark of 700 leaves room for 13."""
    bucket = Bucket(BucketLimits(high_water_mark=700.0), now=0.0)
    assert [bucket.begin(0.0) for _ in range(14)].count(True) == 13


def test_a_request_pays_its_cost_and_gets_its_reservation_back() -> None:
    """After the end only the cost is left, less what has leaked."""
    bucket = Bucket(BucketLimits(), now=0.0)
    for _ in range(3):
        bucket.begin(0.0)
    assert bucket.end(1.0, 2.0) == pytest.approx(600 - (150 - 10 + 2 - 50))
    assert bucket.count == pytest.approx(92.0)


def test_remaining_counts_the_reservations_of_the_others() -> None:
    """With ten in flight the header reads about 450 lower than the quota that is left."""
    bucket = Bucket(BucketLimits(), now=0.0)
    for _ in range(10):
        bucket.begin(0.0)
    assert bucket.end(0.0, 0.1) == pytest.approx(600 - 450.1)


def test_a_refused_request_costs_nothing() -> None:
    """A refusal gives its reservation back."""
    bucket = Bucket(BucketLimits(), now=0.0)
    for _ in range(11):
        bucket.begin(0.0)
    assert not bucket.begin(0.0)
    assert bucket.end(0.0, 0.0) == pytest.approx(50.0)
    assert bucket.count == pytest.approx(550.0)


def test_the_count_stops_at_the_maximum() -> None:
    """However many are refused at once, the bucket holds no more than its maximum."""
    bucket = Bucket(BucketLimits(), now=0.0)
    for _ in range(30):
        bucket.begin(0.0)
    assert bucket.count == 800.0


def test_the_count_never_falls_below_zero() -> None:
    """A long request leaks its own reservation away; giving it back then leaves zero (increment_bucket.lua)."""
    bucket = Bucket(BucketLimits(), now=0.0)
    bucket.begin(0.0)
    assert bucket.end(60.0, 0.5) == 600.0
    assert bucket.count == 0.0


def test_the_leak_before_a_start_does_not_eat_the_reservation() -> None:
    """After a long pause a request stands at exactly the up-front cost."""
    bucket = Bucket(BucketLimits(), now=0.0)
    bucket.begin(0.0)
    bucket.end(0.0, 20.0)
    bucket.begin(100.0)
    assert bucket.count == 50.0


@pytest.mark.parametrize(("count", "seconds"), [(0.0, 0.0), (550.0, 0.0), (560.0, 1.0), (800.0, 25.0)])
def test_the_wait_is_what_the_outflow_needs(count: float, seconds: float) -> None:
    """(needed - remaining) / outflow."""
    bucket = Bucket(BucketLimits(), now=0.0)
    bucket.count = count
    assert bucket.wait() == pytest.approx(seconds)


@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.booleans(), st.floats(0, 100)),
        max_size=60,
    )
)
def test_the_count_stays_in_bounds(steps: list[tuple[float, bool, float]]) -> None:
    """Whatever happens, in whatever order, 0 <= count <= maximum."""
    limits = BucketLimits()
    bucket, now = Bucket(limits, now=0.0), 0.0
    for elapsed, starts, cost in steps:
        now += elapsed
        if starts:
            assert bucket.begin(now) == (bucket.count < limits.high_water_mark)
        else:
            assert bucket.end(now, cost) == limits.high_water_mark - bucket.count
        assert 0 <= bucket.count <= limits.maximum

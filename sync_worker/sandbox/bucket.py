"""The leaky bucket of one access token, to the number.

The rules are those of Canvas's `request_throttle.rb` and its `increment_bucket.lua`: a request reserves an
up-front cost, is refused when the bucket then stands at or over the high-water mark, and at its end gives the
reservation back and pays what it really cost. Both steps leak first and keep the count within 0 and the maximum.
"""

from dataclasses import dataclass

MAX_WAIT = 3600.0
"""Seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketLimits:
    """The installation's settings; all in units of cost."""

    high_water_mark: float = 600.0  # refused from here on
    maximum: float = 800.0  # the count never exceeds it
    outflow: float = 10.0  # units a second
    up_front_cost: float = 50.0  # units reserved while a request runs


class Bucket:
    """Both steps are synchronous and take the time (monotonic seconds)."""

    __slots__ = ("_limits", "_touched", "count")

    def __init__(self, limits: BucketLimits, *, now: float) -> None:
        self._limits = limits
        self._touched = now
        self.count = 0.0

    def begin(self, now: float) -> bool:
        """Leak and reserve; whether the request may run. A refused one has to `end` too, at cost 0."""
        self._leak(now)
        self.count = min(self.count + self._limits.up_front_cost, self._limits.maximum)
        return self.count < self._limits.high_water_mark

    def end(self, now: float, cost: float) -> float:
        """Leak, give the reservation back, pay; the answer's `X-Rate-Limit-Remaining`."""
        self._leak(now)
        count = self.count + cost - self._limits.up_front_cost
        self.count = min(max(count, 0.0), self._limits.maximum)
        return self._limits.high_water_mark - self.count

    def wait(self) -> float:
        """Seconds until a request would be admitted if nothing else happened; an hour at most (`Retry-After`)."""
        over = self.count + self._limits.up_front_cost - self._limits.high_water_mark
        return min(max(over, 0.0) / max(self._limits.outflow, 1e-9), MAX_WAIT)

    def _leak(self, now: float) -> None:
        self.count = max(0.0, self.count - self._limits.outflow * (now - self._touched))
        self._touched = now

"""What the headers teach over time: the up-front cost, the outflow, and when to look again. Pure.

Each lesson is a small state of its own that the bucket's model asks and tells.
"""

from dataclasses import dataclass, field
from math import ceil
from statistics import median
from typing import Final

SAMPLES: Final = 3  # clear observations that settle the up-front cost
OUTFLOW_WINDOW: Final = 10.0  # seconds over which the drift of the reckoning is measured
OUTFLOW_RANGE: Final = (1.0, 1000.0)  # units a second; what is measured stays in between
SOUNDING: Final = 20.0  # seconds between two soundings, doubled each time that one agrees with the reckoning
SOUNDING_IN_TROUBLE: Final = 10.0  # seconds, after a refusal or a sounding that does not agree
SOUNDING_AT_MOST: Final = 640.0  # seconds
FLIGHT_PATIENCE: Final = 2.0  # seconds for the flight to run empty: one request that hangs stops nobody


@dataclass(slots=True)
class Soundings:
    """When the next sounding is due."""

    every: float = SOUNDING  # seconds
    due: float = float("inf")  # instant

    def holds(self, now: float, *, worth: bool) -> bool:
        """Whether the flight is to run empty; that is given up after a while.

        Args:
            now: instant.
            worth: False puts it off: what reservations have leaked is room that is lost where they end.
        """
        if now >= self.due + FLIGHT_PATIENCE or not worth:
            self.due = max(self.due, now + self.every)
        return now >= self.due

    def taken(self, now: float, *, agrees: bool) -> None:
        """A request has been alone, and its header is in."""
        if agrees and now >= self.due:
            self.every = min(self.every * 2, SOUNDING_AT_MOST)
        elif not agrees:
            self.every = SOUNDING_IN_TROUBLE
        self.due = now + self.every

    def hurry(self, now: float) -> None:
        """Something has gone wrong: look soon, and more often."""
        self.every = SOUNDING_IN_TROUBLE
        self.due = min(self.due, now + self.every)


@dataclass(slots=True)
class UpFrontLesson:
    """What a request reserves while it runs."""

    cost: float  # units; the default until the samples say otherwise
    _samples: list[float] = field(default_factory=list)

    def observe(self, cost: float) -> None:
        """One clear observation, in units."""
        self._samples.append(cost)
        if self.settled:
            self.cost = _agreed(self._samples, self.cost)

    @property
    def settled(self) -> bool:
        """Whether the samples are enough; one is, where it is what we expect."""
        return len(self._samples) >= SAMPLES or any(_close_to(sample, self.cost) for sample in self._samples)


@dataclass(slots=True)
class OutflowLesson:
    """What the bucket leaks: the corrections of a while add up to what the reckoning gets wrong."""

    rate: float  # units a second
    _drift: float = 0.0  # units
    _since: float | None = None  # instant

    def restart(self, now: float) -> None:
        """What was corrected so far says nothing about the outflow."""
        self._drift, self._since = 0.0, now

    def observe(self, now: float, correction: float) -> None:
        """The reckoning had `correction` units too little room."""
        if self._since is None:
            self.restart(now)
            return
        self._drift += correction
        elapsed = now - self._since
        if elapsed >= OUTFLOW_WINDOW:
            change = min(max(self._drift / elapsed / 2, -self.rate / 2), self.rate)
            self.rate = min(max(self.rate + change, OUTFLOW_RANGE[0]), OUTFLOW_RANGE[1])
            self.restart(now)


def _agreed(samples: list[float], default: float) -> float:
    """The up-front cost, if most samples are within a twentieth of their median; the default otherwise.

    Settings are round numbers. A sample errs by what the bucket leaks otherwise than we think within one request: some
    tenths; believing too little is what would be refused.
    """
    middle = median(samples)
    agreeing = [sample for sample in samples if _close_to(sample, middle)]
    if middle < 1.0 or 2 * len(agreeing) <= len(samples) or _close_to(middle, default):
        return default
    return float(ceil(max(agreeing) - 0.25))


def _close_to(value: float, other: float) -> bool:
    return abs(value - other) <= 0.05 * abs(other)

"""All chance of the sandbox: seeded, so that a run can be repeated.

`Random` is re-exported so that no other module imports the banned module `random`.
"""

import math
from dataclasses import dataclass
from hashlib import blake2b
from random import Random

__all__ = ["LogNormal", "Random", "seeded", "share"]


def seeded(*parts: object) -> Random:
    """A generator that gives the same numbers for the same parts."""
    return Random("/".join(map(str, parts)))  # noqa: S311  (simulates, hides nothing)


def share(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone, spread evenly over them."""
    digest = blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class LogNormal:
    """A log-normal distribution given by its arithmetic mean: mu = ln(mean) - sigma^2 / 2."""

    mean: float  # of the drawn numbers; 0 draws nothing but zeros
    sigma: float  # of the logarithm

    def draw(self, dice: Random) -> float:
        """One number; zero where the mean is zero."""
        if self.mean <= 0:
            return 0.0
        return dice.lognormvariate(math.log(self.mean) - self.sigma**2 / 2, self.sigma)

"""What comes late: requests that a gateway passes on after it has answered, and reads from a replica that lags.

Both are seen in front of real installations: a load balancer that answers 504 leaves the request with the server, and
Canvas sends reads to a replica ("the listing may be served from a replica").
"""

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace

from sync_worker.sandbox.clock import Clock
from sync_worker.sandbox.model import Channel, User
from sync_worker.sandbox.world import Call

KEPT = 50
"""Images of one user's channels."""


@dataclass(slots=True, kw_only=True)
class LateCalls:
    """Requests that are still on their way, by the order in which they came."""

    clock: Clock
    _waiting: list[tuple[float, Call]] = field(default_factory=list)

    def add(self, call: Call, seconds: float) -> None:
        """It is carried out after so many seconds, with the next request that comes then."""
        self._waiting.append((self.clock.monotonic() + seconds, call))

    def take(self, *, everything: bool = False) -> list[Call]:
        """Those whose time has come."""
        now = self.clock.monotonic()
        due = [call for at, call in self._waiting if everything or at <= now]
        self._waiting = [(at, call) for at, call in self._waiting if not everything and at > now]
        return due


@dataclass(slots=True, kw_only=True)
class Replica:
    """What users had before the latest writes to them."""

    clock: Clock
    _images: dict[int, deque[tuple[float, list[Channel]]]] = field(
        default_factory=lambda: defaultdict(lambda: deque(maxlen=KEPT))
    )

    def note(self, user: User) -> None:
        """Something is about to be written to a user."""
        self._images[user.id].append((self.clock.monotonic(), [replace(channel) for channel in user.channels]))

    def as_of(self, user: User, seconds: float) -> list[Channel]:
        """The user's channels so many seconds ago, or as long ago as is known."""
        then = self.clock.monotonic() - seconds
        return next((image for at, image in self._images.get(user.id, ()) if at > then), user.channels)

"""What is at work right now: for the web page and the metrics."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sync_worker.canvas.gate import GateState
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.carryout import Showing
from sync_worker.flows.rooms import Rooms
from sync_worker.service.scrub import scrubbed


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A flow at work."""

    progress: Progress
    gate: GateState


class Board:
    """Collects the flows of this process."""

    def __init__(self) -> None:
        self._at_work: list[tuple[Progress, Rooms]] = []
        self._requests: Counter[str] = Counter()  # of flows that have ended, by instance
        self._refusals: Counter[str] = Counter()

    def watching(self, showing: Showing) -> Showing:
        """`showing`, with the flow on the board meanwhile."""

        @asynccontextmanager
        async def both(progress: Progress, rooms: Rooms) -> AsyncIterator[None]:
            entry = (progress, rooms)
            self._at_work.append(entry)
            try:
                async with showing(progress, rooms):
                    yield
            finally:
                self._at_work.remove(entry)
                self._requests[rooms.instance.name] += rooms.client.traffic.requests
                self._refusals[rooms.instance.name] += rooms.client.traffic.refusals

        return both

    def live(self) -> tuple[Live, ...]:
        """The flows at work."""
        return tuple(Live(progress=progress, gate=rooms.gate.state()) for progress, rooms in self._at_work)

    def requests(self, instance: str) -> int:
        """Requests of this process so far."""
        return self._requests[instance] + sum(
            rooms.client.traffic.requests for _, rooms in self._at_work if rooms.instance.name == instance
        )

    def refusals(self, instance: str) -> int:
        """Those that Canvas refused because of its rate limit."""
        return self._refusals[instance] + sum(
            rooms.client.traffic.refusals for _, rooms in self._at_work if rooms.instance.name == instance
        )

    def document(self) -> list[dict[str, Any]]:
        """The flows at work, for programs."""
        return [_document(live) for live in self.live()]


def _document(live: Live) -> dict[str, Any]:
    waiting = live.progress.waiting
    return {
        "instance": live.progress.instance,
        "run": live.progress.run_id or None,
        "doing": live.progress.doing,
        "waiting": {**asdict(waiting), "why": scrubbed(waiting.why)} if waiting else None,
        "users": live.progress.users,
        "all_users_known": live.progress.listed,
        "done": live.progress.done,
        "failed": live.progress.failed,
        "changes": live.progress.changes,
        "in_flight": live.gate.bucket.in_flight,
        "waiting_for_quota": live.gate.waiting,
        "quota": round(live.gate.bucket.remaining, 1),
        "refusals": live.gate.refusals,
    }

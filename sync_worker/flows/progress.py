"""How far a run is: counted by the flow, shown by whoever wants to."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a run waits for before it can go on."""

    what: str  # Canvas, the database
    since: datetime
    why: str  # what is wrong


@dataclass(slots=True, kw_only=True)
class Progress:
    """Counts of one start of a run; only ever up."""

    instance: str = ""
    run_id: int = 0
    starts: int = 0  # how often this command has begun the run, or gone on with it
    phase: str = "starting"  # starting, reading, reading again, done
    waiting: Waiting | None = None  # what holds everything up
    listed: bool = False  # whether `users` is final
    users: int = 0  # met so far, those of earlier starts included
    done: int = 0  # with an outcome, those of earlier starts included
    done_before: int = 0  # of earlier starts
    failed: int = 0
    channels: int = 0
    changes: int = 0

    @property
    def doing(self) -> str:
        """The phase, or what it waits for."""
        return f"waiting for {self.waiting.what}" if self.waiting else self.phase

    def begin(self, run_id: int) -> None:
        """A start of this run: what this start counts begins at nothing."""
        self.run_id = run_id
        self.starts += 1
        self.waiting = None
        self.done = self.failed = self.channels = self.changes = 0

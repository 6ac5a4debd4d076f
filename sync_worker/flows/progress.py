"""How far a run is: counted by the flow, shown by whoever wants to."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Progress:
    """Counts of one start of a run; only ever up."""

    instance: str = ""
    run_id: int = 0
    phase: str = "starting"  # starting, reading, reading again, done
    listed: bool = False  # whether `users` is final
    users: int = 0  # met so far, those of earlier starts included
    done: int = 0  # with an outcome, those of earlier starts included
    done_before: int = 0  # of earlier starts
    failed: int = 0
    channels: int = 0
    changes: int = 0

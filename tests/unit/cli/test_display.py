"""What progress shows while a run waits for something."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from rich.text import Text

from sync_worker.cli.display import _figures, _waits
from sync_worker.flows.progress import Progress, Waiting
from sync_worker.flows.rooms import Rooms

WAITING = Waiting(what="Canvas", since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), why="GET /users/self: [502] no")


def figures(progress: Progress) -> dict[str, Any]:
    """A line of the log."""
    state = SimpleNamespace(bucket=SimpleNamespace(in_flight=0, remaining=600.0), waiting=0, refusals=0)
    return _figures(progress, cast("Rooms", SimpleNamespace(gate=SimpleNamespace(state=lambda: state))))


def test_a_line_says_what_is_waited_for() -> None:
    """Since when, and what is wrong; afterwards it says the phase again."""
    progress = Progress(phase="reading", waiting=WAITING)
    said = figures(progress)
    assert (said["phase"], said["since"], said["reason"]) == (
        "waiting for Canvas",
        "2026-01-02T03:04:05+00:00",
        "GET /users/self: [502] no",
    )
    progress.waiting = None
    said = figures(progress)
    assert (said["phase"], "since" in said) == ("reading", False)


def test_the_bar_says_the_same() -> None:
    """Brackets in it are no markup."""
    text = Text.from_markup(_waits(WAITING))
    assert text.plain == "since 03:04:05 UTC: GET /users/self: [502] no"


def test_another_start_counts_anew() -> None:
    """What one start counts begins at nothing; how many starts there were does not."""
    progress = Progress(waiting=WAITING, done=5, failed=1, channels=7, changes=3)
    progress.begin(41)
    assert progress == Progress(run_id=41, starts=1)

"""What a run says about clocks. Pure.

That Canvas's clock is another one than ours is a warning: what was read is right and complete, for no decision rests on
times. That our own records lie in the future makes every age that is told from them wrong: exit code 3.
"""

from collections.abc import Sequence
from datetime import timedelta

from sync_worker.canvas.dates import apart
from sync_worker.desired.render.words import counted
from sync_worker.flows.pull.verdict import IN_PART, Finding
from sync_worker.mirror.clocks import FutureValues


def canvas_clock(ahead: timedelta | None) -> tuple[Finding, ...]:
    """Canvas's clock against ours; None: its answers did not say."""
    found = None if ahead is None else apart(ahead)
    if found is None:
        return ()
    advice = "check the clocks of this machine and of the database (NTP): sync-worker doctor"
    return (Finding(exit_code=0, message=f"{found}: {advice}"),)


def future_times(found: Sequence[FutureValues]) -> tuple[Finding, ...]:
    """Rows of our own that carry a time in the future."""
    if not found:
        return ()
    return (Finding(exit_code=IN_PART, message=f"{in_the_future(found)}: see sync-worker db repair-times --dry-run"),)


def in_the_future(found: Sequence[FutureValues]) -> str:
    """How many rows where, and how far, for people."""
    rows = counted(sum(each.rows for each in found), "row carries", "rows carry")
    places = ", ".join(f"{each.rows:,} in {each.place}" for each in found)
    latest = max(each.latest for each in found)
    return f"{rows} a time in the future, a clock was wrong ({places}; up to {latest:%Y-%m-%d %H:%M} UTC)"

"""How far Canvas's clock is from ours, by the `Date` of its answers. Pure.

A worker and a database whose clocks are wrong together notice nothing by themselves: Canvas is the third clock. An
answer with an `Age` comes out of a cache, and its `Date` says when it went in (RFC 9111 5.1).
"""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

REMEMBERED: Final = 5  # answers; one strange proxy among them does not count
TOLERANCE: Final = timedelta(minutes=5)


def ahead(headers: Mapping[str, str], at: datetime) -> timedelta | None:
    """How far the clock behind one answer is ahead of ours; None where it does not say.

    Args:
        headers: of the answer, names in any case.
        at: our time in the middle of the exchange.
    """
    if "Age" in headers:
        return None
    try:
        date = parsedate_to_datetime(headers["Date"])
        return (date if date.tzinfo else date.replace(tzinfo=UTC)) - at
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def apart(ahead: timedelta) -> str | None:
    """How far the clocks are apart, in words; None where it is within the tolerance."""
    if abs(ahead) <= TOLERANCE:
        return None
    much = timedelta(seconds=round(abs(ahead).total_seconds()))
    return f"Canvas's clock is {much} {'ahead of' if ahead > timedelta() else 'behind'} this machine's"


class CanvasTime:
    """The clocks behind the last answers."""

    def __init__(self) -> None:
        self._seen: deque[timedelta] = deque(maxlen=REMEMBERED)

    def heard(self, headers: Mapping[str, str], began: datetime, ended: datetime) -> None:
        """An answer came to a request that was sent and answered at these times of ours."""
        seen = ahead(headers, began + (ended - began) / 2)
        if seen is not None:
            self._seen.append(seen)

    @property
    def ahead(self) -> timedelta | None:
        """How far Canvas's clock is ahead of ours, the median; None where no answer says."""
        return sorted(self._seen)[len(self._seen) // 2] if self._seen else None

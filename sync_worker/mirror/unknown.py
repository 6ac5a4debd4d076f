"""An unknown outcome, from the end of the call to its settlement. Pure.

A gateway may answer 504 and pass the request on seconds later; a read may come from a replica or a cache that lags. So
neither the lost response nor one read says what became of a call: two complete reads have to agree, the first at least
`settle_after` after sending, the second at least as long after the first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

LATE_EFFECT: Final = timedelta(days=7)
"""How long after sending an effect still counts as ours; an outcome that is unknown for so long stays unresolved."""

LONGEST_CALL: Final = timedelta(minutes=15)
"""A call that was started is over after so long, retries included, also where nobody saw its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """Two reads agree."""

    effect: bool  # whether they show the effect of the action


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """What is known of an action whose outcome is unknown."""

    sent_at: datetime  # until when the call may have been sent
    observed_at: datetime | None = None  # begin of the first read that counts
    effect: bool | None = None  # whether that read showed the effect

    def after(self, read_at: datetime, *, effect: bool, settle_after: timedelta) -> "Unknown | Agreed":
        """One more complete read.

        A time in the future comes from a clock that was wrong: from this read on, it starts anew.

        Args:
            read_at: when the read began.
            effect: whether it shows the effect of the action.
            settle_after: how long late effects and stale reads are waited for.
        """
        sent_at = min(self.sent_at, read_at)
        if read_at < sent_at + settle_after:
            return Unknown(sent_at=sent_at)
        if self.observed_at is None or self.observed_at > read_at or self.effect is not effect:
            return Unknown(sent_at=sent_at, observed_at=read_at, effect=effect)
        if read_at < self.observed_at + settle_after:
            return self
        return Agreed(effect=effect)

    def due_at(self, settle_after: timedelta) -> datetime:
        """From when on the next read counts."""
        return (self.observed_at or self.sent_at) + settle_after

    def expired(self, now: datetime) -> bool:
        """Whether nobody waits for it any more."""
        return now >= self.sent_at + LATE_EFFECT

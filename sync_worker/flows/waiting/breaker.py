"""Whose trouble it is: the user's or everybody's. A circuit breaker as a state machine, pure.

Trouble with one user is held back until it is known what it means. An answer to something that was asked later shows
that Canvas is there: the trouble is the user's own. Where there is no such answer, because everything that was asked is
in trouble, or too much of it in a row, something simple is asked (the probe). If that is answered, all of them have
trouble of their own; if not, there is an outage: nobody is asked until a probe is answered, and then everybody held
back is asked again. So an outage marks nobody as failed.
"""

from enum import Enum, auto
from typing import Final

SUSPICIOUS: Final = 25
"""Troubles, without one answer to anything that was asked after them, that are a reason to ask the probe."""


class Fate(Enum):
    """What becomes of a question that met trouble."""

    OWN = auto()  # Canvas answers others: it is the trouble of this user
    AGAIN = auto()  # it was a part of an outage, which is over


class Breaker:
    """Counts questions and what came of them. A question has the number of the moment at which it was asked.

    Args:
        suspicious: troubles that are a reason to ask the probe, although other questions are still open.
    """

    def __init__(self, suspicious: int = SUSPICIOUS) -> None:
        self._suspicious = suspicious
        self._moment = 0
        self._open_questions: set[int] = set()
        self._held: dict[int, int] = {}  # question: the moment of its trouble
        self._since: float | None = None  # the outage; also one that is over, until somebody got an answer
        self.paused = False

    @property
    def suspect(self) -> bool:
        """Whether somebody has to ask the probe."""
        if not self._held or self.paused:
            return bool(self._held)
        return len(self._held) >= self._suspicious or not self._open_questions

    def asked(self) -> int:
        """A question, or the probe, is about to be sent; its number."""
        self._open_questions.add(number := self._tick())
        return number

    def probing(self) -> int:
        """The probe is about to be sent; its number. It is no question: nobody waits for its answer but the breaker."""
        return self._tick()

    def dropped(self, number: int) -> None:
        """Nothing will come of a question any more."""
        self._open_questions.discard(number)
        self._held.pop(number, None)

    def answered(self, number: int) -> dict[int, Fate]:
        """Canvas answered, if only to say no; what that means for those held back."""
        self._open_questions.discard(number)
        if self.paused:
            return {}  # asked before the pause: it says nothing about now
        self._since = None
        return self._acquit(number)

    def troubled(self, number: int) -> None:
        """A question met trouble, and is held back."""
        self._open_questions.discard(number)
        self._held[number] = self._tick()

    def probe_answered(self, number: int) -> dict[int, Fate]:
        """The probe was answered; what that means for those held back."""
        if not self.paused:
            self._since = None
            return self._acquit(number)
        self.paused = False
        fates = dict.fromkeys(self._held, Fate.AGAIN)
        self._held.clear()
        return fates

    def probe_failed(self, now: float) -> float:
        """The probe met trouble: nobody is asked any more.

        Args:
            now: seconds of any clock.

        Returns:
            Since when; earlier than now where nobody got an answer since the last pause.
        """
        self.paused = True
        if self._since is None:
            self._since = now
        return self._since

    def _acquit(self, asked: int) -> dict[int, Fate]:
        fates = {number: Fate.OWN for number, moment in self._held.items() if moment < asked}
        for number in fates:
            del self._held[number]
        return fates

    def _tick(self) -> int:
        self._moment += 1
        return self._moment

"""Whose refusal it is: of everybody who uses this token, or of this one request. Pure.

A 401, a 403 that speaks of the User-Agent and a 429 look the same whether they are about the token or about one user: a
proxy refuses one path, a firewall dislikes one name, a path has a bucket of its own. So such an answer stops a run only
where a neutral question (the probe) is refused too. Where the probe is answered, the request failed alone.

Two cases need no probe: the first answer of all that says in Canvas's own words that the token is bad, and the tenth
user in a row with the same refusal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from sync_worker.canvas.answers import Asked, Meaning

PROBE: Final = Asked(method="GET", path="/users/self")
"""The neutral question: any token may ask it, and it is about nobody else."""

PROBE_INTERVAL: Final = 30.0
"""Seconds between two probes at least; who asks in between gets the latest result."""

MAX_USERS_IN_A_ROW: Final = 10
"""Different users with the same refusal, without one answer in between, that are a matter of everybody."""

REFUSALS: Final = frozenset({Meaning.TOKEN_REFUSED, Meaning.SCOPE_MISSING, Meaning.CLIENT_REFUSED})
"""What may be about everybody. A throttled request is another matter: it is sent again first."""

ANSWERS: Final = frozenset(
    {
        Meaning.OK,
        Meaning.GONE,
        Meaning.REFERENCE_WRONG,
        Meaning.ALREADY_GONE,
        Meaning.REJECTED,
        Meaning.FORBIDDEN,
    }
)
"""Canvas has looked at the request: it knows the token."""


class Attribution(Enum):
    """Whose a refusal is."""

    REQUEST = auto()  # of this one: it failed, the others go on
    EVERYBODY = auto()  # of the token or the program: stop the run
    THROTTLE = auto()  # the probe is throttled: later it will tell
    OUTAGE = auto()  # the probe meets trouble: so is this


_BY_PROBE: Final[Mapping[Meaning, Attribution]] = {
    **dict.fromkeys(ANSWERS, Attribution.REQUEST),
    Meaning.SCOPE_MISSING: Attribution.REQUEST,  # only a token that lives can lack a scope
    Meaning.TOKEN_REFUSED: Attribution.EVERYBODY,
    Meaning.CLIENT_REFUSED: Attribution.EVERYBODY,
    Meaning.THROTTLED: Attribution.THROTTLE,
    Meaning.TROUBLE: Attribution.OUTAGE,
}


def attribute(probe: Meaning) -> Attribution:
    """Whose the refusal of a request is, by what the probe was answered."""
    return _BY_PROBE[probe]


def subject(asked: Asked) -> str:
    """Whom or what a request is about: the user or the account in its path."""
    return "/".join(asked.path.split("/")[:3])


@dataclass(slots=True)
class Streaks:
    """What was refused since the last answer: to whom, and how."""

    lives: bool = False  # Canvas has answered a request of this token, whatever it said
    _subjects: dict[Meaning, set[str]] = field(default_factory=dict)

    def answered(self, asked: Asked, meaning: Meaning) -> None:
        """Something was answered. The probe ends no streak: it is answered while every user is refused."""
        if meaning in ANSWERS:
            self.lives = True
            if asked.path != PROBE.path:
                self._subjects.clear()

    def refused(self, asked: Asked, meaning: Meaning) -> bool:
        """A request was refused alone; whether that makes too many."""
        if not self.everybody(meaning):
            self._subjects.setdefault(meaning, set()).add(subject(asked))
        return self.everybody(meaning)

    def everybody(self, meaning: Meaning) -> bool:
        """Whether too many different users in a row were refused like this."""
        return len(self._subjects.get(meaning, ())) >= MAX_USERS_IN_A_ROW

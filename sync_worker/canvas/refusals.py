"""What becomes of a refusal: asks the probe where it has to, and says whose the refusal is.

`attribution` has the rules.
"""

from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING

from sync_worker.canvas.answers import Asked, Meaning, in_words, refused_alone
from sync_worker.canvas.attempts import Attempts, Setback
from sync_worker.canvas.attribution import PROBE, REFUSALS, Attribution, Streaks, attribute
from sync_worker.canvas.sharedprobe import SharedProbe
from sync_worker.errors import RefusedAlone, RequestFailed, SyncWorkerError, Trouble

if TYPE_CHECKING:
    from sync_worker.canvas.gate import Gate
    from sync_worker.canvas.probe import Probe


class Refusals:
    """The refusals of one client.

    Args:
        probe: the neutral question.
        gate: has counted what was admitted.
    """

    def __init__(self, probe: SharedProbe, gate: "Gate") -> None:
        self._probe = probe
        self._gate = gate
        self._streaks = Streaks()

    def answered(self, asked: Asked, meaning: Meaning) -> None:
        """Some answer has come."""
        self._streaks.answered(asked, meaning)

    async def token_lives(self, asked: Asked, came: Setback) -> bool:
        """Whether another token would change nothing: the probe is answered with this one."""
        if self._at_once(came) or _is_probe(asked):
            return False
        return attribute((await self._probe.result()).meaning) is Attribution.REQUEST

    async def weighed(self, attempts: Attempts, came: Setback) -> Setback:
        """What came of an attempt, with the meaning that it has for this one request.

        Raises:
            TokenRefused, ClientRefused: it is a matter of everybody.
            QuotaExhausted: the probe is not admitted.
        """
        if came.meaning in REFUSALS:
            return await self._attributed(attempts.asked, came)
        return await self._throttled(attempts, came) if came.meaning is Meaning.THROTTLED else came

    def gives_up(self, asked: Asked, came: Setback) -> bool:
        """Whether a request that got nowhere has failed; one that was throttled has not, if it is one of too many."""
        throttled = came.meaning is Meaning.THROTTLED and isinstance(came.error, RefusedAlone)
        return not throttled or not self._streaks.refused(asked, came.meaning)

    # --- the token, the program ------------------------------------------------------------------------

    async def _attributed(self, asked: Asked, came: Setback) -> Setback:
        if self._at_once(came):
            raise came.error
        if _is_probe(asked):
            return self._by(attribute(came.meaning), asked, came, came.error)
        probe = await self._probe.result()
        return self._by(attribute(probe.meaning), asked, came, _told(probe, came))

    def _by(self, whose: Attribution, asked: Asked, came: Setback, told: SyncWorkerError) -> Setback:
        match whose:
            case Attribution.REQUEST:
                return self._alone(asked, came)
            case Attribution.EVERYBODY:
                raise told
            case Attribution.THROTTLE:
                return replace(_in_trouble(came, told, asked), retry_after=self._probe.due_in)
            case Attribution.OUTAGE:
                return _in_trouble(came, told, asked)

    def _alone(self, asked: Asked, came: Setback) -> Setback:
        """It failed alone, unless it is one of too many."""
        if not _is_probe(asked) and self._streaks.refused(asked, came.meaning):
            came.error.what += " (many users in a row, and no other answer in between)"
            raise came.error
        return _refused_alone(asked, came)

    def _at_once(self, came: Setback) -> bool:
        return not self._streaks.lives and came.answer is not None and in_words(came.meaning, came.answer)

    # --- the throttle ----------------------------------------------------------------------------------

    async def _throttled(self, attempts: Attempts, came: Setback) -> Setback:
        """A refusal by the throttle: of this request alone where others got through since it was refused before."""
        before = attempts.throttled_at
        since = came.admitted_before if before is None else before
        attempts.throttled_at = self._gate.admitted
        if self._streaks.everybody(Meaning.THROTTLED):
            return came
        if self._gate.admitted > since:
            return replace(_refused_alone(attempts.asked, came), others_admitted=True)
        if before is None or _is_probe(attempts.asked):  # the gate reckons when there is room again
            return came
        return await self._throttled_by_probe(attempts, came)

    async def _throttled_by_probe(self, attempts: Attempts, came: Setback) -> Setback:
        """Nothing else was admitted, perhaps because nothing else was sent."""
        probe = await self._probe.result()
        attempts.throttled_at = self._gate.admitted
        match attribute(probe.meaning):
            case Attribution.REQUEST:
                return replace(_refused_alone(attempts.asked, came), others_admitted=True)
            case Attribution.EVERYBODY:
                raise _told(probe, came)
            case Attribution.THROTTLE:
                return came
            case Attribution.OUTAGE:
                return _in_trouble(came, _told(probe, came), attempts.asked)


def _is_probe(asked: Asked) -> bool:
    return (asked.method, asked.path) == (PROBE.method, PROBE.path)


def _told(probe: "Probe", came: Setback) -> SyncWorkerError:
    """What to say: both say the same, or the probe says more."""
    return came.error if probe.meaning is came.meaning or probe.error is None else copy(probe.error)


def _in_trouble(came: Setback, probe: SyncWorkerError, asked: Asked) -> Setback:
    """Nobody can say now whose the refusal is: it is sent again, as after any trouble."""
    status = probe.status if isinstance(probe, RequestFailed) else None
    what = f"refused, and {probe.where}: {probe.what}"
    error = Trouble(what, where=asked.where, hint=probe.hint, status=status)
    return replace(came, meaning=Meaning.TROUBLE, error=error, undone=True)


def _refused_alone(asked: Asked, came: Setback) -> Setback:
    if came.answer is None:
        return came
    error = refused_alone(came.meaning, asked, came.answer, secret=came.token)
    return replace(came, error=error, undone=True)

"""When an apply stops by itself: a token that may not skip confirmations, a run of refusals or failures.

A state step each; the caller looks at `halted` before the next action.
"""

from sync_worker.channels import Channel
from sync_worker.desired.diff import Change
from sync_worker.desired.model import ACTIVE


class Caution:
    """Watches the actions of one apply.

    Args:
        max_failures: refusals and failures in a row after which it stops, one for each user; 0: never.
    """

    def __init__(self, max_failures: int) -> None:
        self._max_failures = max_failures
        self._in_a_row = 0
        self._users: set[int] = set()  # whose refusals and failures these are
        self.proven = False  # a create that was to send no message has sent none
        self.halted: str | None = None  # why nothing more is done
        self.undecided = False  # only because nobody knows yet: no reason to worry where nothing was left to do

    def created(self, change: Change, channel: Channel) -> None:
        """A create has gone through: what Canvas made of `skip_confirmation` counts, not what was asked for."""
        self.went_well()
        if not change.skip_confirmation:
            return
        if channel.workflow_state == ACTIVE:
            self.proven = True
        else:
            self.betrayed(change)

    def betrayed(self, change: Change) -> None:
        """A create sent a message although none was to be sent."""
        if self.halted is None:
            self.halted = (
                f"the token has no right to skip confirmations: user {change.user_id} was sent a message although none "
                "was to be sent; apply with the token of an account administrator"
            )

    def unseen(self, change: Change, answer: Channel | None) -> None:
        """A create was sent, and its outcome is unknown: what was seen of its channel counts.

        Without any, and while nothing is proven, it is the last: the next person might be sent a message too.
        """
        if answer is not None:
            self.created(change, answer)
        elif change.skip_confirmation and not self.proven and self.halted is None:
            self.undecided = True
            self.halted = (
                f"whether the token may skip confirmations cannot be seen: the outcome for user {change.user_id} is "
                "unknown; apply again to go on"
            )

    def went_well(self) -> None:
        """Any other action has gone through."""
        self._in_a_row = 0
        self._users.clear()

    def went_wrong(self, what: str, user_id: int | None = None) -> None:
        """An action was refused or failed; several of one user count once, so that one user ends no apply."""
        if user_id is not None and user_id in self._users:
            return
        self._users |= set() if user_id is None else {user_id}
        self._in_a_row += 1
        if self.halted is None and 0 < self._max_failures <= self._in_a_row:
            self.halted = (
                f"{self._in_a_row} actions in a row were refused or failed, the last one: {what} "
                f"(limit guards.max_failures = {self._max_failures})"
            )

"""What one apply has come to, kept while the database is away: going on is no second apply.

The run stays the same, so that one undo takes all of it back; so do the users it is about, and the caution that it has
learned.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan
from sync_worker.flows.push.acting import Task
from sync_worker.flows.push.caution import Caution
from sync_worker.flows.push.tally import Tally
from sync_worker.mirror.actions import SETTLED, Action, Status
from sync_worker.mirror.runs import Run


@dataclass(slots=True, kw_only=True)
class SoFar:
    """The state of one apply beyond one start of it."""

    caution: Caution
    tally: Tally = field(default_factory=Tally)
    run: Run | None = None
    users: frozenset[int] | None = None  # whom it is about; None: not chosen yet
    closed: tuple[int, ...] = ()  # plans that are over because it takes back what they did

    def choose(self, tasks: Iterable[Task], ruling: Ruling, limit: int | None) -> tuple[Task, ...]:
        """The first users, until `limit` have something to do; when it goes on, those that were chosen first.

        Args:
            tasks: of all users, in the order of the plan; taken only as far as needed.
            ruling: what the guards allow.
            limit: users with something to do; None: all.
        """
        if self.users is not None:
            return tuple(tasks)
        chosen = tuple(_first(tasks, ruling, limit))
        self.users = frozenset(task.user.diff.desired.user_id for task in chosen)
        return chosen

    def concerns(self, user_id: int) -> bool:
        """Whether it may be about this user."""
        return self.users is None or user_id in self.users

    def recall(self, plan: Plan, actions: Iterable[Action], run: Run) -> None:
        """Count what was sent before the database went away, and is known to have been done only now.

        Args:
            plan: what is applied.
            actions: its journal.
            run: this apply.
        """
        changes = tuple(plan.changes())
        for action in actions:
            change = changes[action.ordinal - 1]
            if action.run_id == run.id and action.status in SETTLED and not self.tally.has(change):
                well = action.status in {Status.DONE, Status.EXISTED}
                self.tally.note(change, action.status, None if well else action.note, messaged=action.messaged)


def _first(tasks: Iterable[Task], ruling: Ruling, limit: int | None) -> Iterator[Task]:
    busy = 0
    for task in tasks:
        if busy == limit:
            return
        busy += any(map(ruling.allows, task.actions))
        yield task

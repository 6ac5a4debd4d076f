"""The wiring of `undo`: the opposite of a run becomes a plan, which is carried out as any other."""

from sync_worker.cli.applying import ApplyOptions, apply_new
from sync_worker.cli.context import CliContext
from sync_worker.cli.display import showing
from sync_worker.cli.exits import DONE, IN_PART, say
from sync_worker.cli.opening import Opened, opening
from sync_worker.desired.render.words import counted
from sync_worker.exitcodes import worst
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.undo import Undoing, plan_undo, plan_undo_settled
from sync_worker.flows.rooms import open_rooms
from sync_worker.flows.stop import stopping_on_signals

SHOWN = 10
"""Notes that are told one by one."""


async def undo_run(context: CliContext, run: int, options: ApplyOptions, *, wait: bool) -> int:
    """Take back what a run did; the exit code.

    Args:
        context: for the configuration and the progress.
        run: which run.
        options: how to carry the opposite out.
        wait: until nothing of the run has an unknown outcome.
    """
    async with stopping_on_signals() as stop, opening(context, single=True, migrate=True) as opened:
        undoing = await _plan(context, opened, run, wait=wait)
        _tell(undoing, run)
        _tell_unsettled(undoing, run)
        _warn(undoing)
        unread = undoing.plan.source.unresolved
        for line in unread[:SHOWN]:
            say(f"{undoing.plan.instance}: {line}")
        if undoing.plan.empty and unread:
            say(f"{undoing.plan.instance}: nothing was taken back: {len(unread):,} of its users could not be read")
            return IN_PART
        incomplete = IN_PART if undoing.unsettled else DONE
        if undoing.plan.empty:
            yet = "can be taken back yet" if undoing.unsettled else "is left to take back"
            say(f"{undoing.plan.instance}: nothing of run {run} {yet}")
            return incomplete
        code = await apply_new(context, opened, undoing.plan, options, stop=stop, kind="undo")
        return worst((code, incomplete))


async def _plan(context: CliContext, opened: Opened, run: int, *, wait: bool) -> Undoing:
    name = opened.names[0]
    progress = Progress(instance=name)
    async with (
        open_rooms(opened.settings, opened.database, name, opened.clock, writing=True) as rooms,
        showing(progress, rooms, enabled=context.progress),
    ):
        return await (plan_undo_settled if wait else plan_undo)(rooms, run, progress)


def _tell_unsettled(undoing: Undoing, run: int) -> None:
    """Say of whom nothing is taken back yet, and what to do."""
    waiting = undoing.unsettled
    if not waiting:
        return
    name, due_at = undoing.plan.instance, min(each.due_at for each in waiting)
    users = counted(len(waiting), "user waits", "users wait")
    say(f"{name}: {users}, and nothing of theirs is taken back yet:")
    for each in waiting[:SHOWN]:
        say(f"  user {each.user_id}: {each.why}")
    if len(waiting) > SHOWN:
        say(f"  and {len(waiting) - SHOWN:,} more; see: sync-worker report actions")
    say(
        f"{name}: an outcome is known when two reads agree. Give the same command again after "
        f"{due_at:%Y-%m-%d %H:%M} UTC, or let it wait: sync-worker undo {run} --wait"
    )


def _warn(undoing: Undoing) -> None:
    """Say which runs come first: taking back in the order of doing leaves half of a plan."""
    for later in undoing.went_on:
        say(
            f"{undoing.plan.instance}: run {later} went on with the same plan later: take that back first "
            f"(sync-worker undo {later})"
        )


def _tell(undoing: Undoing, run: int) -> None:
    if undoing.notes:
        say(f"{undoing.plan.instance}: this of run {run} is not taken back:")
    for line in undoing.notes[:SHOWN]:
        say(f"  {line}")
    if len(undoing.notes) > SHOWN:
        say(f"  and {len(undoing.notes) - SHOWN:,} more; see worker.actions")

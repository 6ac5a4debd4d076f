"""What `run` says of planning and applying after it has read."""

import typer

from sync_worker.cli.applying import tell_carried
from sync_worker.cli.exits import say
from sync_worker.desired.plan import Plan
from sync_worker.desired.render.words import counted, summary
from sync_worker.flows.push.reconcile import Made, Reconciled


def print_reconciled(name: str, reconciled: Reconciled) -> None:
    """Print what came of it in the instance `name`."""
    if reconciled.state == "implausible":
        say(f"{name}: nothing is planned after an implausible run")
    if reconciled.made is not None:
        _print_made(name, reconciled.state, reconciled.made)
    if reconciled.carried is not None:
        tell_carried(reconciled.carried)


def _print_made(name: str, state: str, made: Made) -> None:
    if state == "blocked":
        for trip in made.ruling.tripped:
            say(f"{name}: {trip}")
    if state == "reached":
        typer.echo(f"{name}: the desired state is reached, nothing to do ({_size(made.plan)})")
    if state == "waiting":
        _tell_waiting(name, made)


def _tell_waiting(name: str, made: Made) -> None:
    withheld = sum(not made.ruling.allows(change) for change in made.plan.changes())
    held = f"; the guards would withhold {withheld:,}" if withheld else ""
    typer.echo(f"{name}: plan {made.number} waits: {summary(made.plan)}{held} ({_size(made.plan)})")
    typer.echo(f"  look: sync-worker plans show {made.number}")
    typer.echo(f"  then: sync-worker apply {made.number}   (or: sync-worker plans reject {made.number})")


def _size(plan: Plan) -> str:
    return f"{counted(plan.source.users, 'user', 'users')} in {plan.source.document}"

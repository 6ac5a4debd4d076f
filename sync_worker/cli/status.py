"""`status`: last runs, freshness, failures, waiting plans, pending deletions, who holds the lock."""

from typing import Annotated, Literal

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.cli.output import as_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("status", epilog=examples("sync-worker status", "sync-worker status --format json"))(status)


def status(
    ctx: typer.Context,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")] = "table",
) -> None:
    """Show how each instance is: last runs, freshness, failures, waiting plans, pending deletions, the lock."""
    async_main(lambda: _status(CliContext.of(ctx), form))


async def _status(context: CliContext, form: str) -> None:
    from sync_worker.cli.opening import opening
    from sync_worker.flows.look.status import status_document, statuses

    async with opening(context) as opened:
        found, now = await statuses(opened), opened.clock.now()
    if form == "json":
        typer.echo(as_json(status_document(found), indent=2))
        return
    from sync_worker.cli.statustable import show

    show(found, now)

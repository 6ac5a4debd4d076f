"""`schedule`: run the jobs of `[[schedule]]` until stopped."""

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schedule", epilog=examples("sync-worker schedule"))(schedule)


def schedule(ctx: typer.Context) -> None:
    """Run the jobs of [[schedule]] until stopped; serve status, health and metrics at web.bind.

    A time that passed while this program was not there is caught up once, or skipped, as `missed` says. SIGTERM and
    Ctrl-C end it cleanly: what is at work gets run.grace_period, and goes on with the next start.
    """
    raise typer.Exit(async_main(lambda: _schedule(CliContext.of(ctx))))


async def _schedule(context: CliContext) -> int:
    from functools import partial

    from sync_worker.cli.display import showing
    from sync_worker.cli.opening import opening
    from sync_worker.flows.stop import stopping_on_signals
    from sync_worker.service.serve import serve

    async with stopping_on_signals() as stop, opening(context, migrate=True) as opened:
        return await serve(opened, stop, partial(showing, enabled=False))

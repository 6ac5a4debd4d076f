"""`demo`: the whole story on the sandbox and the embedded database."""

from typing import Annotated

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog=examples("sync-worker demo", "sync-worker demo --users 500"))(demo)


def demo(
    ctx: typer.Context,
    users: Annotated[int, typer.Option(min=50, max=200_000, help="How many users the school has.")] = 2000,
) -> None:
    """Show what this program does, on a simulated Canvas and a PostgreSQL of its own.

    Loads every channel under Canvas's real rate limit, changes things at Canvas, syncs again, has an accident, and
    compares mirror and Canvas field by field. Nothing outside its own folder is touched.
    """
    from sync_worker import logs
    from sync_worker.cli.demo_story import tell

    context = CliContext.of(ctx)
    logs.configure(context.log_format or "console", context.log_level or "warning")
    raise typer.Exit(async_main(lambda: tell(users, progress=context.progress)))

"""`prune`: delete what is older than `[retention]` says."""

from typing import TYPE_CHECKING, Annotated

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples

if TYPE_CHECKING:
    from sync_worker.mirror.retention import Pruned


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("prune", epilog=examples("sync-worker prune --dry-run", "sync-worker prune"))(prune)


def prune(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,  # noqa: FBT002
) -> None:
    """Delete history, ended plans, their actions and ended runs that are older than [retention] says.

    What the program stands on stays: the newest batch of each user, actions in doubt, plans and runs that the journal
    still refers to. The mirror itself is not touched.
    """
    async_main(lambda: _prune(CliContext.of(ctx), dry_run=dry_run))


async def _prune(context: CliContext, *, dry_run: bool) -> None:
    from sync_worker.cli.opening import opening
    from sync_worker.flows.privacy.prune import keep_since
    from sync_worker.flows.privacy.prune import prune as flow

    async with opening(context, migrate=True) as opened:
        table = opened.settings.retention
        if not keep_since(table, opened.clock.now()):
            typer.echo("[retention] sets no limit: everything is kept")
            return
        for name in opened.names:
            _tell(name, await flow(opened.database, opened.clock, name, table, dry_run=dry_run), dry_run=dry_run)


def _tell(name: str, pruned: "tuple[Pruned, ...]", *, dry_run: bool) -> None:
    typer.echo(f"{name}: {'would be pruned' if dry_run else 'pruned'}")
    width = max(len(each.table) for each in pruned)
    for each in pruned:
        typer.echo(f"  {each.table:<{width}}  {each.rows:>9,}  before {each.before:%Y-%m-%d %H:%M} UTC")

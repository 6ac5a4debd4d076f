"""`db`: the schema, the binding of an instance to its Canvas, times that a wrong clock has written."""

from typing import Annotated

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        help="The schema of the database; the binding of an instance to its Canvas.",
        epilog=examples("sync-worker db status"),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )
    group.command("migrate", epilog=examples("sync-worker db migrate", "sync-worker db migrate --dry-run"))(migrate)
    group.command("status", epilog=examples("sync-worker db status"))(status)
    group.command("rebind", epilog=examples("sync-worker --instance main db rebind"))(rebind)
    group.command(
        "repair-times", epilog=examples("sync-worker db repair-times --dry-run", "sync-worker db repair-times")
    )(repair_times)
    group.command("psql", epilog=examples("sync-worker db psql", 'sync-worker db psql -- -c "\\d mirror.*"'))(psql)
    app.add_typer(group, name="db")


def migrate(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be applied.")] = False,  # noqa: FBT002
) -> None:
    """Apply the migrations that this version brings."""
    async_main(lambda: _migrate(CliContext.of(ctx), dry_run=dry_run))


def status(ctx: typer.Context) -> None:
    """Show which migrations the database has, and which it lacks (exit 10)."""
    raise typer.Exit(async_main(lambda: _status(CliContext.of(ctx))))


def rebind(ctx: typer.Context) -> None:
    """Bind an instance to the Canvas that its base_url names now.

    Only for a Canvas that has moved: the mirror of another Canvas would be filled with strangers.
    """
    async_main(lambda: _rebind(CliContext.of(ctx)))


def repair_times(
    ctx: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be marked.")] = False,  # noqa: FBT002
) -> None:
    """Mark what carries a time in the future as unread, so that the next full run reads and writes it again.

    For after a clock that was ahead on this machine and the database. Nothing is deleted, no channel and no history;
    such times are moved to now, in their order.
    """
    async_main(lambda: _repair_times(CliContext.of(ctx), dry_run=dry_run))


def psql(
    ctx: typer.Context,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="[-- ARG…]", help="For psql.")] = None,
) -> None:
    """Open psql on the mirror; the embedded server runs as long as psql does."""
    from sync_worker.cli.psql import run_psql

    raise typer.Exit(async_main(lambda: run_psql(CliContext.of(ctx), tuple(arguments or ()))))


async def _migrate(context: CliContext, *, dry_run: bool) -> None:
    from sync_worker.clock import Clock
    from sync_worker.flows.rooms import open_database
    from sync_worker.mirror import migrations

    clock = Clock()
    async with open_database(context.load_settings(), clock) as database:
        waiting = (await migrations.status(database)).waiting
        done = waiting if dry_run else await migrations.migrate(database, clock)
    for migration in done:
        typer.echo(f"{'would apply' if dry_run else 'applied'} {migration.version:04} {migration.name}")
    if not done:
        typer.echo("the schema is current")


async def _status(context: CliContext) -> int:
    from sync_worker.cli.exits import CHANGES, DONE
    from sync_worker.clock import Clock
    from sync_worker.flows.rooms import open_database
    from sync_worker.mirror import migrations

    async with open_database(context.load_settings(), Clock()) as database:
        schema = await migrations.status(database)
        typer.echo(database.place)
    for applied in schema.applied:
        typer.echo(f"  {applied.version:04} {applied.name}: applied {applied.applied_at:%Y-%m-%d %H:%M} UTC")
    for migration in schema.waiting:
        typer.echo(f"  {migration.version:04} {migration.name}: waiting (sync-worker db migrate)")
    return CHANGES if schema.waiting else DONE


async def _repair_times(context: CliContext, *, dry_run: bool) -> None:
    from sync_worker.cli.opening import opening
    from sync_worker.mirror.clocks import future_values, repair_times
    from sync_worker.mirror.lock import writing

    async with opening(context, migrate=True) as opened:
        for name in opened.names:
            if dry_run:
                found = await future_values(opened.database, opened.clock, [name])
            else:
                async with writing(opened.database, name, "db repair-times", opened.clock) as writer:
                    found = await repair_times(writer, opened.clock)
            typer.echo(f"{name}: {'' if found else 'nothing carries a time in the future'}".strip())
            for each in found:
                rows = f"{each.rows:,} row{'' if each.rows == 1 else 's'}"
                what = "would be marked as unread" if dry_run else "marked as unread"
                typer.echo(f"  {each.place}: {rows} {what} (up to {each.latest:%Y-%m-%d %H:%M} UTC)")
            if found:
                typer.echo(f"  {'Then' if dry_run else 'Next'}: sync-worker run, which reads and writes them again")


async def _rebind(context: CliContext) -> None:
    from sync_worker.cli.opening import opening
    from sync_worker.flows.pull.canvas import root_account
    from sync_worker.flows.rooms import open_rooms
    from sync_worker.mirror.binding import rebind as bind_anew
    from sync_worker.mirror.lock import writing

    async with opening(context, single=True) as opened:
        name = opened.names[0]
        async with (
            writing(opened.database, name, "db rebind", opened.clock) as writer,
            open_rooms(opened.settings, opened.database, name, opened.clock) as rooms,
        ):
            root = await root_account(rooms)
            await bind_anew(writer, opened.clock, rooms.instance.origin, root)
    typer.echo(f"{name} is now a mirror of {rooms.instance.origin}")

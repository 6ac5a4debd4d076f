"""`pending`: deletions that the brake holds back, and a person's word on them."""

from typing import TYPE_CHECKING, Annotated

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples

if TYPE_CHECKING:
    from sync_worker.flows.progress import Progress
    from sync_worker.flows.report import RunReport
    from sync_worker.flows.rooms import Rooms
    from sync_worker.flows.stop import Stop

RunNumber = Annotated[int, typer.Argument(metavar="RUN", min=1, help="The run that holds them back.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        help="Deletions that the brake holds back.",
        epilog=examples("sync-worker pending list"),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )
    group.command("list", epilog=examples("sync-worker pending list"))(list_pending)
    group.command("accept", epilog=examples("sync-worker --instance main pending accept 12"))(accept)
    group.command("dismiss", epilog=examples("sync-worker --instance main pending dismiss 12"))(dismiss)
    app.add_typer(group, name="pending")


def list_pending(ctx: typer.Context) -> None:
    """Show what is held back, by run."""
    async_main(lambda: _list(CliContext.of(ctx)))


def accept(ctx: typer.Context, run: RunNumber) -> None:
    """Make the deletions that RUN holds back, as far as a second read agrees.

    Every user concerned is read again; a channel that is there again stays.
    """
    raise typer.Exit(async_main(lambda: _accept(CliContext.of(ctx), run)))


def dismiss(ctx: typer.Context, run: RunNumber) -> None:
    """Forget the deletions that RUN holds back; the channels stay in the mirror.

    A later run that still does not see them will find them again.
    """
    async_main(lambda: _dismiss(CliContext.of(ctx), run))


async def _list(context: CliContext) -> None:
    from sync_worker.cli.opening import reading
    from sync_worker.mirror.candidates import pending

    async with reading(context) as opened:
        rows = await pending(opened.database, opened.names)
    if not rows:
        typer.echo("no deletions are held back")
    for row in rows:
        what = "absent from a complete read" if row.reason == "absent" else "their user is gone"
        since = f"{row.since:%Y-%m-%d %H:%M} UTC"
        typer.echo(
            f"{row.instance}: run {row.run_id}: {row.channels:,} channels of {row.users:,} users, {what}, {since}"
        )
        typer.echo(f"  why: {row.message or 'the run did not end'}")
    for instance, run_id in dict.fromkeys((row.instance, row.run_id) for row in rows):
        typer.echo(f"  next: sync-worker --instance {instance} pending accept {run_id}   (or dismiss {run_id})")


async def _accept(context: CliContext, run_id: int) -> int:
    from sync_worker.cli.pulling import on_instances
    from sync_worker.flows.pending import accept as flow

    async def accept_run(rooms: "Rooms", stop: "Stop", progress: "Progress") -> "RunReport":
        return await flow(rooms, run_id, stop=stop, progress=progress)

    return await on_instances(context, accept_run, single=True)


async def _dismiss(context: CliContext, run_id: int) -> None:
    from sync_worker.cli.opening import reading
    from sync_worker.flows.pending import dismiss as flow
    from sync_worker.mirror.lock import writing

    async with reading(context, single=True) as opened:
        name = opened.names[0]
        async with writing(opened.database, name, f"pending dismiss {run_id}", opened.clock) as writer:
            count = await flow(opened.database, writer, run_id)
    typer.echo(f"{name}: {count:,} deletions of run {run_id} dismissed; the channels stay in the mirror")

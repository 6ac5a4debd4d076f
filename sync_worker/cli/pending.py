"""`pending`: deletions that the brake holds back, and a person's word on them."""

from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.cli.output import as_json
from sync_worker.errors import UsageError

if TYPE_CHECKING:
    from sync_worker.flows.progress import Progress
    from sync_worker.flows.pull.report import RunReport
    from sync_worker.flows.rooms import Rooms
    from sync_worker.flows.stop import Stop
    from sync_worker.mirror.candidates import Pending

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
    group.command("list", epilog=examples("sync-worker pending list", "sync-worker pending list 12"))(list_pending)
    group.command("accept", epilog=examples("sync-worker --instance main pending accept 12"))(accept)
    group.command("dismiss", epilog=examples("sync-worker --instance main pending dismiss 12"))(dismiss)
    app.add_typer(group, name="pending")


def list_pending(
    ctx: typer.Context,
    run: Annotated[
        int | None, typer.Argument(metavar="[RUN]", min=1, help="Show every channel that this run holds back.")
    ] = None,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")] = "table",
) -> None:
    """Show what is held back, by run; with RUN every single channel, with its address."""
    context = CliContext.of(ctx)
    async_main(lambda: _list(context, form) if run is None else _list_channels(context, run, form))


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


async def _list(context: CliContext, form: str) -> None:
    from sync_worker.cli.opening import opening
    from sync_worker.mirror.candidates import pending

    async with opening(context) as opened:
        rows = await pending(opened.database, opened.names)
    if form == "json":
        for row in rows:
            typer.echo(as_json(asdict(row)))
        return
    if not rows:
        typer.echo("no deletions are held back")
    for (instance, run_id), group in groupby(rows, key=lambda row: (row.instance, row.run_id)):
        _echo_run(instance, run_id, tuple(group), context.config)


def _echo_run(instance: str, run_id: int, rows: "tuple[Pending, ...]", config: Path | None) -> None:
    """What one run holds back, why, and what a person can do."""
    from sync_worker.desired.render.words import counted
    from sync_worker.flows.pull.verdict import reasons

    whats = {"absent": "absent from a complete read", "gone": "their user is gone"}
    for row in rows:
        count = f"{counted(row.channels, 'channel', 'channels')} of {counted(row.users, 'user', 'users')}"
        typer.echo(f"{instance}: run {run_id}: {count}, {whats[row.reason]}, since {row.since:%Y-%m-%d %H:%M} UTC")
    typer.echo(f"  why:  {reasons(rows[0].message or '') or 'the run did not end'}")
    program = f"sync-worker{f' --config {config}' if config else ''} --instance {instance} pending"
    typer.echo(f"  look: {program} list {run_id}")
    typer.echo(f"  then: {program} accept {run_id}   (or: dismiss {run_id})")


async def _list_channels(context: CliContext, run_id: int, form: str) -> None:
    from sync_worker.cli.opening import opening
    from sync_worker.mirror.candidates import pending_channels

    found = False
    async with opening(context) as opened:
        async for row in pending_channels(opened.database, opened.names, run_id):
            found = True
            if form == "json":
                typer.echo(as_json(row))
            else:
                who = row["sis_user_id"] or row["login_id"] or ""
                where = f"{row['instance']}  user {row['user_id']} {who}".rstrip()
                typer.echo(f"{where}  {row['type']} {row['address']}  ({row['workflow_state']}, {row['reason']})")
    if not found:
        raise UsageError(f"run {run_id} holds no deletions back", hint="See: sync-worker pending list")


async def _accept(context: CliContext, run_id: int) -> int:
    from sync_worker.cli.pulling import on_instances
    from sync_worker.flows.job import Job
    from sync_worker.flows.pull.pending import accept as flow

    async def accept_run(rooms: "Rooms", stop: "Stop", progress: "Progress") -> "RunReport":
        return await flow(rooms, run_id, stop=stop, progress=progress)

    return await on_instances(context, Job(kind="accept", flow=accept_run), single=True)


async def _dismiss(context: CliContext, run_id: int) -> None:
    from sync_worker.cli.opening import opening
    from sync_worker.desired.render.words import counted
    from sync_worker.flows.pull.pending import dismiss as flow
    from sync_worker.mirror.lock import writing

    async with opening(context, single=True) as opened:
        name = opened.names[0]
        async with writing(opened.database, name, f"pending dismiss {run_id}", opened.clock) as writer:
            count = await flow(opened.database, writer, run_id)
    deletions = counted(count, "deletion", "deletions")
    typer.echo(f"{name}: {deletions} of run {run_id} dismissed; the channels stay in the mirror")

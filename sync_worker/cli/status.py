"""`status`: last runs, freshness, failures, waiting plans, pending deletions, who holds the lock."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.cli.output import as_json

if TYPE_CHECKING:
    from sync_worker.mirror.readback import InstanceStatus


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
    from sync_worker.mirror.readback import instance_status
    from sync_worker.users.specs import configured

    async with opening(context) as opened:
        specs = {name: configured(opened.settings.instance(name)) for name in opened.names}
        found = tuple(
            [
                await instance_status(opened.database, opened.clock, name, [spec.text for spec in specs[name]])
                for name in opened.names
            ]
        )
        now = opened.clock.now()
    if form == "json":
        typer.echo(_json(found))
        return
    from sync_worker.cli.statustable import show

    show(found, now)


def _json(found: "tuple[InstanceStatus, ...]") -> str:
    from dataclasses import asdict

    return as_json({"instances": [asdict(each) for each in found]}, indent=2)

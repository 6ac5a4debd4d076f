"""`forget`: remove everything that is held on one person."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from sync_worker.cli.channels import User
from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples

if TYPE_CHECKING:
    from sync_worker.cli.opening import Opened


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("sync-worker forget 1042", "sync-worker forget sis:S1001 --yes")
    app.command("forget", epilog=epilog)(forget)


def forget(
    ctx: typer.Context,
    user: User,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002  (an option's default)
    until_next_run: Annotated[  # noqa: FBT002
        bool,
        typer.Option(
            "--until-next-run",
            help="Keep no hash: the next run that meets the person reads them again. Also for somebody who was "
            "forgotten before.",
        ),
    ] = False,
) -> None:
    """Remove everything held on one person from the database, and do not read the person again.

    Rows of the mirror go; the journal keeps its rows for the guards, without the person; plans lose the person's entry,
    and those that wait are rejected. So that runs leave the person out, a keyed hash of the number stays. Canvas is
    not touched.
    """
    context = CliContext.of(ctx)
    async_main(lambda: _forget(context, user, yes=yes, until_next_run=until_next_run))


async def _forget(context: CliContext, user: str, *, yes: bool, until_next_run: bool) -> None:
    from sync_worker.cli.asking import agree, somebody_to_ask
    from sync_worker.cli.opening import opening
    from sync_worker.flows.privacy.person import find_person, held_on
    from sync_worker.users.refs import parse_ref

    if not yes:
        somebody_to_ask()
    async with opening(context, single=True, migrate=True) as opened:
        name = opened.names[0]
        user_id = await find_person(opened.database, name, parse_ref(user))
        holding = await held_on(opened.database, name, user_id, opened.clock.now())
        if holding.empty:
            await _nothing(opened, user_id, until_next_run=until_next_run)
            return
        if not yes:
            _show(f"{name}: this is held on user {user_id}", holding.counts)
            await agree(f"Remove it for good{'' if until_next_run else ', and do not read the person again'}?")
        counts = await _remove(opened, user_id, until_next_run=until_next_run)
    _tell(name, user_id, counts, until_next_run=until_next_run)


async def _remove(opened: "Opened", user_id: int, *, until_next_run: bool) -> dict[str, int]:
    from sync_worker.flows.privacy.forget import forget as flow
    from sync_worker.mirror.lock import writing

    async with writing(opened.database, opened.names[0], "forget", opened.clock) as writer:
        return await flow(writer, opened.clock, user_id, until_next_run=until_next_run)


async def _nothing(opened: "Opened", user_id: int, *, until_next_run: bool) -> None:
    """Somebody who was forgotten before is no mistake; the hash can still go.

    Raises:
        UsageError: nothing was ever held.
    """
    from sync_worker.flows.privacy.person import nothing_held
    from sync_worker.mirror.forgotten import forgotten

    name = opened.names[0]
    if user_id not in await forgotten(opened.database, name):
        raise await nothing_held(opened.database, name, user_id)
    if until_next_run:
        await _remove(opened, user_id, until_next_run=True)
        typer.echo(f"{name}: user {user_id} was forgotten, and is read again from the next run on")
    else:
        typer.echo(f"{name}: user {user_id} was forgotten before; nothing is held")


def _tell(name: str, user_id: int, counts: Mapping[str, int], *, until_next_run: bool) -> None:
    from sync_worker.flows.privacy.person import BEYOND

    _show(f"{name}: user {user_id} is forgotten; of these rows", counts)
    typer.echo("  those of actions, plans, runs and batches stay without the person; plans that waited are rejected")
    again = "reads the person again" if until_next_run else "leaves the person out; a keyed hash of the number stays"
    typer.echo(f"  the next run {again}")
    typer.echo("  out of reach:")
    for place in BEYOND:
        typer.echo(f"    {place}")


def _show(head: str, counts: Mapping[str, int]) -> None:
    typer.echo(head)
    width = max(map(len, counts), default=0)
    for table, count in counts.items():
        typer.echo(f"  {table:<{width}}  {count:,}")

"""`report`: what there is to read. For now what is held on one person; other names say that they are not there."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typing_extensions import override

from sync_worker.cli.channels import User
from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.cli.output import as_json
from sync_worker.cli.unavailable import refuse

if TYPE_CHECKING:
    from sync_worker.flows.person import Holding


class _Reports(typer.core.TyperGroup):
    """Names of reports that this version does not have say so."""

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        return found if found is not None else _missing(f"report {cmd_name}")


def _missing(what: str) -> Any:
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    return typer.core.TyperCommand(
        name=what, callback=lambda: refuse(what), context_settings=settings, add_help_option=False, hidden=True
    )


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        cls=_Reports,
        help="Reports.",
        epilog=examples("sync-worker report person 1042"),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
        context_settings={"ignore_unknown_options": True},
    )
    group.callback()(without_name)
    group.command("person", epilog=examples("sync-worker report person 1042 --format json"))(person)
    app.add_typer(group, name="report")


def without_name(ctx: typer.Context) -> None:
    """Reports."""
    if ctx.invoked_subcommand is None:
        refuse("report")


def person(
    ctx: typer.Context,
    user: User,
    form: Annotated[Literal["table", "json"], typer.Option("--format", help="For people or for programs.")] = "table",
) -> None:
    """Show everything that is held on one person: channels, history, plans, actions, runs.

    Canvas is not asked: this is what the database says.
    """
    async_main(lambda: _person(CliContext.of(ctx), user, form))


async def _person(context: CliContext, user: str, form: str) -> None:
    from sync_worker.cli.opening import opening
    from sync_worker.flows.person import find_person, held_on, nothing_held
    from sync_worker.users.refs import parse_ref

    async with opening(context, single=True) as opened:
        name = opened.names[0]
        user_id = await find_person(opened.database, name, parse_ref(user))
        holding = await held_on(opened.database, name, user_id, opened.clock.now())
        if holding.empty:
            raise await nothing_held(opened.database, name, user_id)
    typer.echo(as_json(_document(holding), indent=2) if form == "json" else _text(holding))


def _document(holding: "Holding") -> dict[str, Any]:
    return {
        "instance": holding.person.instance,
        "user_id": holding.person.user_id,
        "known_as": holding.person.references,
        "reported_at": holding.reported_at,
        "acted_on_others": holding.acted,
        "held": holding.tables,
    }


def _text(holding: "Holding") -> str:
    """One block a table, one paragraph a row, without what is empty."""
    head = f"{holding.person.instance}: user {holding.person.user_id} ({', '.join(holding.person.references)})"
    lines = [head, f"  as of {holding.reported_at:%Y-%m-%d %H:%M:%S} UTC"]
    if holding.acted:
        lines.append(f"  {holding.acted:,} actions on others were done with this person's token")
    for table, rows in holding.tables.items():
        lines += ["", f"{table}: {len(rows):,}"]
        for row in rows:
            said = ((name, value) for name, value in row.items() if value not in (None, [], ""))
            lines += ["", *(f"  {name:<32} {_cell(value)}" for name, value in said)]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    from datetime import datetime

    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S} UTC"
    return as_json(value) if isinstance(value, dict | list) else str(value)

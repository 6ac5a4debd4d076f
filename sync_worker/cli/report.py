"""`report`: the page, named queries on the mirror, and what is held on one person.

Each file of `sql/reports` is a command of this group; its parameters are its options.
"""

from inspect import Parameter as InspectedParameter
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typing_extensions import override

from sync_worker.cli.channels import User
from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.cli.output import ByteOrderMark, as_json
from sync_worker.errors import UsageError

if TYPE_CHECKING:
    from sync_worker.flows.privacy.person import Holding
    from sync_worker.reports.header import Parameter, Report

_EXAMPLES = (
    "sync-worker report -o page.html",
    "sync-worker report --list",
    "sync-worker report unreachable",
    "sync-worker report bouncing --addresses --format csv -o bouncing.csv",
    "sync-worker report unconfirmed --days 30",
)


class _Reports(typer.core.TyperGroup):
    """The reports beside the group's own commands."""

    @override
    def list_commands(self, ctx: Any) -> list[str]:
        from sync_worker.reports.catalogue import names

        return [*super().list_commands(ctx), *names()]

    @override
    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is not None:
            return found
        from sync_worker.reports.catalogue import find

        return _command(ctx, find(cmd_name))


def _command(ctx: Any, report: "Report") -> Any:
    """A report as a command: the options of every report, and one for each of its parameters."""

    def ask(**given: Any) -> None:
        from sync_worker.cli.reporting import ReportOptions, print_report

        usual = {name: given.pop(name) for name in signature(_every).parameters}
        options = ReportOptions(**usual, given={name: value for name, value in given.items() if value is not None})
        async_main(lambda: print_report(CliContext.of(ctx), report, options))

    own = [_option(parameter) for parameter in report.parameters]
    everything = [*own, *signature(_every, eval_str=True).parameters.values()]
    vars(ask)["__signature__"] = Signature(everything)
    ask.__annotations__ = {each.name: each.annotation for each in everything}
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    epilog = examples(f"sync-worker report {report.name}{_example(report)}")
    app.command(report.name, help=report.description, short_help=report.title, epilog=epilog)(ask)
    return typer.main.get_command(app)


def _option(parameter: "Parameter") -> Any:
    usual = "" if parameter.default is None else f"  [default: {parameter.default}]"
    meaning = f"{parameter.meaning[:1].upper()}{parameter.meaning[1:]}.{usual}"
    option = typer.Option(f"--{parameter.name}", metavar=parameter.type.upper(), help=meaning)
    kind = InspectedParameter.KEYWORD_ONLY
    return InspectedParameter(parameter.name, kind, default=None, annotation=Annotated[str | None, option])


def _every(
    *,
    form: Annotated[
        Literal["table", "csv", "json", "html"],
        typer.Option("--format", help="For people, spreadsheets, programs or browsers."),
    ] = "table",
    out: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write there (0600).")] = None,
    addresses: Annotated[bool, typer.Option("--addresses", help="Show addresses; by default they are masked.")] = False,
    limit: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Rows at most, 0: all. By default 200 on a screen, else all."),
    ] = None,
    bom: ByteOrderMark = None,
) -> None:
    """The options of every report, as Typer reads them."""


def _example(report: "Report") -> str:
    values = {"integer": "30", "time": "2026-11-01", "user": "1042"}
    return "".join(f" --{each.name} {values[each.type]}" for each in report.parameters)


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(
        cls=_Reports,
        help="Reports on the mirror, and without a name the page; addresses are masked unless --addresses shows them.",
        epilog=examples(*_EXAMPLES),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
    )
    group.callback()(without_name)
    group.command("person", epilog=examples("sync-worker report person 1042 --format json"))(person)
    app.add_typer(group, name="report")


def without_name(
    ctx: typer.Context,
    *,
    listed: Annotated[bool, typer.Option("--list", help="Say which reports there are.")] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="Write the page there (0600).")
    ] = None,
    form: Annotated[str | None, typer.Option("--format", metavar="html", help="The page is HTML.")] = None,
    addresses: Annotated[bool, typer.Option("--addresses", help="Show addresses; by default they are masked.")] = False,
) -> None:
    """Write one HTML page that needs no network: state, runs, changes, channels, failures, what to do.

    With a name: that report. Addresses are masked unless --addresses shows them.
    """
    if listed:
        _list()
        raise typer.Exit
    if ctx.invoked_subcommand is not None:
        if out is not None or form is not None or addresses:
            hint = "Such as: sync-worker report runs --format csv"
            raise UsageError("options stand behind the name of a report", hint=hint)
        return
    if form not in {None, "html"}:
        hint = "Such as: sync-worker report runs --format csv; sync-worker report --list says which there are"
        raise UsageError(f"the page is HTML; --format {form} needs the name of a report", hint=hint)
    from sync_worker.cli.page import print_page

    async_main(lambda: print_page(CliContext.of(ctx), out, addresses=addresses))


def _list() -> None:
    from sync_worker.reports.catalogue import everything

    for report in everything():
        given = "".join(f" --{each.name} {each.default or each.type.upper()}" for each in report.parameters)
        typer.echo(f"{report.name + given:<28} {report.title}")
    typer.echo(f"{'person USER':<28} Everything that is held on one person")


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
    from sync_worker.flows.privacy.person import find_person, held_on, nothing_held
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

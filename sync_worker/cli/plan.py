"""`plan` and `plans`: what a desired state would change, and the saved plans."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.cli.output import ByteOrderMark

Format = Literal["text", "json", "markdown", "html", "csv"]
PlanNumber = Annotated[int, typer.Argument(metavar="PLAN", min=1, help="The number of a saved plan.")]


def register(app: typer.Typer) -> None:
    """Add the command and the group."""
    epilog = examples(
        "sync-worker plan --desired desired.yaml",
        "sync-worker plan --desired new.csv --format markdown",
        "sync-worker plan --desired query:wanted.sql --users id:1042,1043",
    )
    app.command("plan", epilog=epilog)(plan)
    group = typer.Typer(
        help="Saved plans.",
        epilog=examples("sync-worker plans list"),
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
    )
    group.command("list", epilog=examples("sync-worker plans list"))(list_plans)
    group.command("show", epilog=examples("sync-worker plans show 7 --format html > plan.html"))(show)
    group.command("reject", epilog=examples('sync-worker plans reject 7 --reason "wrong term"'))(reject)
    app.add_typer(group, name="plans")


def plan(
    ctx: typer.Context,
    desired: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The desired state, or query:FILE.sql, whose rows are it; else desired.file of the configuration.",
        ),
    ] = None,
    mode: Annotated[Literal["add", "exact"] | None, typer.Option(help="Instead of what the document says.")] = None,
    manage: Annotated[
        str | None, typer.Option(metavar="T,…", help="Types that may be touched, instead of what the document says.")
    ] = None,
    users: Annotated[
        list[str] | None,
        typer.Option(metavar="SPEC", help="Plan only these of the document's users; as for run; repeatable."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Show N users by chance, each kind of warning among them.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Read everybody live.")] = False,  # noqa: FBT002
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the plan there (JSON, 0600).")] = None,
    form: Annotated[Format, typer.Option("--format", help="How to show it.")] = "text",
    bom: ByteOrderMark = None,
) -> None:
    """Show what would change at Canvas to reach a desired state, and save that as a plan; exit 10 if anything would.

    Nothing is changed, and where nothing would change nothing is saved. Only users whom the document names are read,
    and only those live who differ from a fresh mirror.
    """
    from sync_worker.cli.planning import PlanOptions, plan_instance

    options = PlanOptions(
        desired=desired,
        mode=mode,
        manage=manage,
        users=tuple(users or ()),
        sample=sample,
        refresh=refresh,
        out=out,
        form=form,
        bom=bom,
    )
    context = CliContext.of(ctx)
    raise typer.Exit(async_main(lambda: plan_instance(context, options)))


def list_plans(ctx: typer.Context) -> None:
    """Show the latest plans."""
    from sync_worker.cli.planning import list_saved

    async_main(lambda: list_saved(CliContext.of(ctx)))


def show(
    ctx: typer.Context,
    number: PlanNumber,
    form: Annotated[Format, typer.Option("--format", help="How to show it.")] = "text",
    bom: ByteOrderMark = None,
) -> None:
    """Show a saved plan again, with what the guards say to it now."""
    from sync_worker.cli.planning import show_saved

    async_main(lambda: show_saved(CliContext.of(ctx), number, form, bom=bom))


def reject(
    ctx: typer.Context,
    number: PlanNumber,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the record.")] = None,
) -> None:
    """Reject an open plan, so that nobody carries it out."""
    from sync_worker.cli.planning import reject_saved

    async_main(lambda: reject_saved(CliContext.of(ctx), number, reason))

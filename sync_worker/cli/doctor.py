"""`doctor`: what would keep a run from doing its work, and what to do about it."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.errors import ConfigError

if TYPE_CHECKING:
    from sync_worker.flows.doctor.finding import Finding

COLOURS: Final = {"ok": "green", "warning": "yellow", "failure": "red", "unknown": None}
CHECKED: Final = "configuration"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog=examples("sync-worker doctor", "sync-worker doctor --format json"))(doctor)


def doctor(
    ctx: typer.Context,
    form: Annotated[Literal["text", "json"], typer.Option("--format", help="For people or for programs.")] = "text",
) -> None:
    """Test token, rights, headers, database, files and clocks, and say what to fix.

    Nothing is written, neither at Canvas nor in the mirror. Warnings are allowed: the exit code is 0 unless a run would
    fail, and then that of the run.
    """
    context = CliContext.of(ctx)
    found = examine(context)
    if form == "json":
        typer.echo(_json(found))
    else:
        show(found)
    raise typer.Exit(code_of(found))


def examine(context: CliContext) -> "Sequence[Finding]":
    """Everything that is found out; a configuration that cannot be used is one of the findings."""
    from sync_worker.clock import Clock
    from sync_worker.flows.doctor.consult import consult

    try:
        settings = context.load_settings(warn=False)  # a check of its own tells that
        names = [instance.name for instance in context.selected_instances(settings)]
    except ConfigError as error:
        return _unusable(error)
    return async_main(lambda: consult(settings, names, Clock()))


def _unusable(error: ConfigError) -> "Sequence[Finding]":
    from sync_worker.flows.doctor.finding import Finding, State

    remedy = error.hint or "config/sync-worker.example.toml explains every setting; sync-worker init writes a new one"
    lines = error.what.splitlines()
    place = f"{error.where}: " if error.where else ""
    mistakes = [
        Finding(
            instance="",
            name=CHECKED,
            state=State.FAILURE,
            finding=f"{place}{line}",
            remedy=remedy if line is lines[-1] else "",
            exit_code=error.exit_code,
        )
        for line in lines
    ]
    rest = Finding(
        instance="",
        name="everything else",
        state=State.UNKNOWN,
        finding=f"not checked, because of: {CHECKED}",
        remedy="",
        exit_code=0,
    )
    return (*mistakes, rest)


def code_of(found: "Sequence[Finding]") -> int:
    """The exit code: that of the failure that matters most."""
    from sync_worker.cli.exits import worst

    return worst(each.exit_code for each in found)


def show(found: "Sequence[Finding]") -> None:
    """Print the findings, those of each instance under its name, and how many there are of which kind."""
    width = max(len(each.name) for each in found)
    instance = ""
    for each in found:
        if each.instance != instance:
            instance = each.instance
            typer.secho(f"\n{instance}", bold=True)
        typer.secho(f"{each.state:<8}", fg=COLOURS[each.state], nl=False)
        typer.echo(f" {each.name:<{width}}  {each.finding}")
        if each.remedy:
            typer.echo(f"{'':<{width + 11}}→ {each.remedy}")
    typer.echo(f"\n{', '.join(_counts(found))}")


def _counts(found: "Sequence[Finding]") -> Iterator[str]:
    for state, words in (("ok", "ok"), ("warning", "to look at"), ("failure", "failed"), ("unknown", "not tested")):
        count = sum(each.state == state for each in found)
        if count:
            yield f"{count} {words}"


def _json(found: "Sequence[Finding]") -> str:
    from dataclasses import asdict

    from sync_worker.cli.output import as_json

    return as_json({"exit_code": code_of(found), "checks": [asdict(each) for each in found]}, indent=2)

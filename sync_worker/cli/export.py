"""`export`: the mirror as a desired state."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.cli.output import ByteOrderMark

Form = Literal["yaml", "ndjson", "csv"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "sync-worker export --out desired.yaml",
        "sync-worker export --as-of 2026-11-01T06:00Z --only-missing --out lost.yaml",
    )
    app.command("export", epilog=epilog)(export)


def export(
    ctx: typer.Context,
    as_of: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="As the mirror was then: ISO 8601, UTC unless it says otherwise."),
    ] = None,
    users: Annotated[
        list[str] | None, typer.Option(metavar="SPEC", help="Only these: id:N,N… or sis:ID,ID…; repeatable.")
    ] = None,
    only_missing: Annotated[  # noqa: FBT002  (an option's default)
        bool,
        typer.Option("--only-missing", help="Only what is not there any more; without --as-of all that was deleted."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there (0600) instead of to the standard output.")
    ] = None,
    form: Annotated[
        Form | None, typer.Option("--format", help="By default what the name of FILE says, else yaml.")
    ] = None,
    bom: ByteOrderMark = None,
) -> None:
    """Write the mirror as a desired-state file: e-mail and SMS channels, never push.

    Planning it changes nothing as long as Canvas is as it was. With --only-missing, planning it gives back what was
    lost. Canvas is not asked.
    """
    from sync_worker.cli.exporting import ExportOptions, export_instance
    from sync_worker.users.specs import parse_spec

    options = ExportOptions(
        as_of=None if as_of is None else _time(as_of),
        specs=tuple(map(parse_spec, users or ())),
        only_missing=only_missing,
        out=out,
        form=form or _form_of(out),
        bom=bom,
    )
    async_main(lambda: export_instance(CliContext.of(ctx), options))


def _time(text: str) -> datetime:
    from datetime import UTC

    try:
        time = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2026-11-01 or 2026-11-01T06:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _form_of(out: Path | None) -> Form:
    suffix = "" if out is None else out.suffix.lower()
    forms: dict[str, Form] = {"": "yaml", ".yaml": "yaml", ".yml": "yaml", ".ndjson": "ndjson", ".csv": "csv"}
    if suffix not in forms:
        raise typer.BadParameter(f"{suffix} is no form of it; name the file .yaml, .ndjson or .csv, or give --format")
    return forms[suffix]

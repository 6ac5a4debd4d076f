"""The program's command line: global options, and the list of its commands.

A command is a module of this package with a function `register(app)`. It may import what is light; aiohttp, asyncpg,
pydantic, structlog and rich are imported inside the command's function, so that `--help` stays instant.
"""

from pathlib import Path
from typing import Annotated

import typer

from sync_worker import __version__
from sync_worker.cli import (
    apply,
    channels,
    check,
    completion,
    db,
    demo,
    doctor,
    export,
    forget,
    init,
    pending,
    plan,
    prune,
    report,
    run,
    sandbox,
    schedule,
    status,
    unavailable,
    validate,
)
from sync_worker.cli.context import CliContext, LogFormat, LogLevel
from sync_worker.cli.examples import examples
from sync_worker.cli.exits import PROGRAM, guarded

COMMANDS = (
    demo.register,
    init.register,
    doctor.register,
    run.register,
    schedule.register,
    status.register,
    check.register,
    pending.register,
    plan.register,
    apply.register,
    export.register,
    channels.register,
    report.register,
    forget.register,
    prune.register,
    validate.register,
    db.register,
    sandbox.register,
    completion.register,
    unavailable.register,
)
"""In the order of `--help`."""

_EXIT_CODES = """\b
Exit codes:
  0    done
  1    unexpected error
  2    usage or configuration
  3    done in part: some users or actions failed
  4    a guard or brake withheld something
  5    Canvas refused the token
  6    another run holds the lock
  7    Canvas or the database cannot be reached (run it again later)
  8    implausible result
  10   there are changes, or it is stale
  130  stopped by Ctrl-C after a clean shutdown (143: by SIGTERM)"""


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (the shape of an option's callback)
    if wanted:
        typer.echo(f"{PROGRAM} {__version__}")
        raise typer.Exit


def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The configuration; else $SYNC_WORKER_CONFIG, config/sync-worker.toml, /etc/sync-worker/config.toml.",
        ),
    ] = None,
    instance: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this Canvas of the configuration; repeatable.")
    ] = None,
    log_format: Annotated[
        LogFormat | None, typer.Option(help="By default console on a terminal, json elsewhere.")
    ] = None,
    log_level: Annotated[
        LogLevel | None, typer.Option(help="By default warning on a terminal, info elsewhere.")
    ] = None,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="No progress bar.")] = False,  # noqa: FBT002
    _version: Annotated[  # noqa: FBT002
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep a PostgreSQL mirror of Canvas communication channels, without ever being throttled."""
    if log_level is not None:
        import logging

        logging.getLogger("sync_worker").setLevel(log_level.upper())
    ctx.obj = CliContext(
        config=config,
        instances=tuple(instance or ()),
        log_format=log_format,
        log_level=log_level,
        progress=not no_progress,
    )


def build() -> typer.Typer:
    """The program with all its commands."""
    app = typer.Typer(
        name=PROGRAM,
        rich_markup_mode=None,  # plain help: rich would triple its time
        pretty_exceptions_enable=False,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        epilog="\n\n".join((examples(f"{PROGRAM} --config school.toml validate"), _EXIT_CODES)),
    )
    app.callback()(root)
    for register in COMMANDS:
        register(app)
    return app


def main(arguments: list[str] | None = None) -> int:
    """Run the command line (that of the process unless given); the exit code."""
    completion.answer_shell()
    return guarded(lambda: build()(arguments, prog_name=PROGRAM, standalone_mode=False))

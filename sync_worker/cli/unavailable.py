"""What the contract names and this version does not have yet, in one table: it answers so, with exit 2.

When a command or an option is built, its line goes away here.
"""

from typing import Any, Final, Never

import typer

from sync_worker.errors import UsageError

COMMANDS: Final = ("worker",)
"""They are hidden from `--help`."""

OPTIONS: Final = ("run --distributed", "backfill --distributed")


def refuse(what: str) -> Never:
    """Say that there is no `what`.

    Raises:
        UsageError: always.
    """
    raise UsageError(f"{what} is not available in this version")


def register(app: typer.Typer) -> None:
    """Add the commands that the program does not have yet."""
    for name in COMMANDS:
        settings = {"allow_extra_args": True, "ignore_unknown_options": True}
        app.command(name, hidden=True, add_help_option=False, context_settings=settings)(_refusal(name))


def _refusal(what: str) -> Any:
    def command() -> None:
        refuse(what)

    return command


def option(what: str) -> Any:
    """A hidden option of the table, to stand in an `Annotated`: `what` is `COMMAND --flag`."""
    if what not in OPTIONS:
        raise LookupError(what)

    def check(value: Any) -> Any:
        if value in {None, False}:
            return value
        refuse(what)

    return typer.Option(what.split()[1], hidden=True, callback=check)

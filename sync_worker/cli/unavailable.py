"""What the contract names and this version does not have yet, in one table: it answers so, with exit 2.

When a command or an option is built, its line goes away here.
"""

from typing import Any, Never

import typer

from sync_worker.errors import UsageError

COMMANDS: dict[str, tuple[str, ...]] = {
    "": (
        "init", "apply", "undo", "check", "report",
        "schedule", "worker", "forget", "prune", "doctor",
    ),
    "channels": ("create", "delete", "delete-push"),
}  # fmt: skip
"""By group; "" is the program itself. They are hidden from `--help`."""

OPTIONS: dict[str, tuple[str, ...]] = {
    "plan --users": (),
    "run --desired": (),
    "run --apply": ("off",),
    "run --distributed": (),
    "backfill --distributed": (),
}
"""Options, each with the values that it has all the same."""


def refuse(what: str) -> Never:
    """Say that there is no `what`.

    Raises:
        UsageError: always.
    """
    raise UsageError(f"{what} is not available in this version")


def register(app: typer.Typer, group: str = "") -> None:
    """Add the commands that `group` does not have yet."""
    for name in COMMANDS[group]:
        settings = {"allow_extra_args": True, "ignore_unknown_options": True}
        app.command(name, hidden=True, add_help_option=False, context_settings=settings)(_refusal(f"{group} {name}"))


def _refusal(what: str) -> Any:
    def command() -> None:
        refuse(what.strip())

    return command


def option(what: str) -> Any:
    """A hidden option of the table, to stand in an `Annotated`: `what` is `COMMAND --flag`."""
    allowed = OPTIONS[what]

    def check(value: Any) -> Any:
        if value in {None, False, *allowed}:
            return value
        refuse(what if not allowed else f"{what} {value}")

    return typer.Option(what.split()[1], hidden=True, callback=check)

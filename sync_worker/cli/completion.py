"""`completion`: commands, options and their values at the press of Tab."""

import os
from typing import Annotated, Final, Literal

import typer

from sync_worker.cli.examples import examples
from sync_worker.cli.exits import PROGRAM

VARIABLE: Final = "_SYNC_WORKER_COMPLETE"
"""Set by the shell's script: the program then answers with completions and does nothing else."""


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "sync-worker completion bash > ~/.local/share/bash-completion/completions/sync-worker",
        'sync-worker completion zsh > "${fpath[1]}/_sync-worker"',
        "sync-worker completion fish > ~/.config/fish/completions/sync-worker.fish",
    )
    app.command("completion", epilog=epilog)(completion)


def completion(shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Which shell.")]) -> None:
    """Print the script that teaches a shell to complete this program's commands and options."""
    from typer.completion import get_completion_script  # type: ignore[attr-defined]  # Typer names it nowhere

    typer.echo(get_completion_script(prog_name=PROGRAM, complete_var=VARIABLE, shell=shell))


def answer_shell() -> None:
    """Be ready where it is a shell that asks; Typer does so by itself only with options that clutter the help."""
    if VARIABLE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]  # as above

        completion_init()

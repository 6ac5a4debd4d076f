"""What the acts of the demo play on, and how they announce themselves."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer

from sync_worker.clock import Clock
from sync_worker.flows.stop import Stop
from sync_worker.mirror.database import Database
from sync_worker.sandbox import Sandbox
from sync_worker.settings import Settings

INSTANCE: Final = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the acts play on."""

    settings: Settings
    config: Path
    database: Database
    sandbox: Sandbox
    clock: Clock
    stop: Stop
    progress: bool


def head(title: str, more: str = "") -> None:
    """The title of an act."""
    typer.echo("")
    typer.secho(title, bold=True, nl=not more)
    if more:
        typer.echo(f": {more}")

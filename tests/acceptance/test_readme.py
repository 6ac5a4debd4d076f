"""What the README promises is there, and what is there stands in the README."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from sync_worker.cli import exits
from sync_worker.cli.app import build

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def visible(command: typer.core.TyperCommand | typer.core.TyperGroup, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that `--help` shows, as people type it."""
    if isinstance(command, typer.core.TyperGroup):
        for name, child in command.commands.items():
            if not child.hidden:
                yield from visible(child, (*path, name))  # type: ignore[arg-type]  # Typer's children are Typer's
    else:
        yield " ".join(path)


COMMANDS = sorted(visible(typer.main.get_command(build())))  # type: ignore[arg-type]  # it is a TyperGroup


def test_every_command_is_in_the_readme() -> None:
    """The table of commands misses none."""
    assert [command for command in COMMANDS if f"`{command}" not in README] == []


def test_the_readme_invents_no_command() -> None:
    """Whatever follows `sync-worker` in the README is a command."""
    named = set(re.findall(r"(?:[$`/] ?|^ +)sync-worker(?: --\S+ \S+)* ([a-z]+)", README, re.MULTILINE))
    assert named
    assert named <= {command.split()[0] for command in COMMANDS}


def test_exit_codes_are_those_of_the_program() -> None:
    """The table of exit codes has exactly the codes that the program knows."""
    table = README.split("### Exit codes", 1)[1].split("##", 1)[0]
    codes = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert codes == set(exits.PRECEDENCE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    """A relative link names a file of the repository."""
    assert (ROOT / link).exists()


def test_settings_in_the_readme_exist() -> None:
    """A `brake.…` that the README names is a setting."""
    from sync_worker.settings import BrakeTable  # noqa: PLC0415  (heavy)

    assert set(re.findall(r"`brake\.(\w+)`", README)) <= set(BrakeTable.model_fields)

"""The command line as a whole."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from sync_worker.cli import app, unavailable
from sync_worker.cli.context import CliContext
from sync_worker.cli.exits import GLOBAL_OPTIONS, guarded


def commands(group: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its path, groups included."""
    group = group or get_command(app.build())
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


PUBLIC = {path: command for path, command in commands() if not command.hidden}
ALL = {path for path, _ in commands()}


@pytest.mark.parametrize("path", PUBLIC, ids=" ".join)
def test_every_help_has_an_example(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` of every command ends well, explains, and shows an example of a command that exists."""
    assert app.main([*path, "--help"]) == 0
    text = capsys.readouterr().out
    assert PUBLIC[path].help
    examples = re.findall(r"^ +sync-worker (.*)$", text.partition("Example")[2], re.MULTILINE)
    assert examples
    for example in examples:
        words = re.sub(r"--(config|instance|log-format|log-level) \S+ |--no-progress ", "", example).split()
        assert any(tuple(words[:length]) in ALL - {()} for length in (1, 2)), example


def test_no_command_twice() -> None:
    """What was built has left the table of what is not available."""
    names = [path for path, _ in commands()]
    listed = [c.name for c in app.build().registered_commands]
    assert len(names) == len(ALL)
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("name", unavailable.COMMANDS)
@pytest.mark.parametrize("arguments", [[], ["--help"], ["x", "--yes", "--limit", "3"]], ids=len)
def test_what_is_not_built_says_so(name: str, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and one sentence, whatever follows; it is not in the help."""
    assert app.main([name, *arguments]) == 2
    assert capsys.readouterr() == ("", f"sync-worker: {name} is not available in this version\n")
    assert (name,) not in PUBLIC


def test_options_that_are_not_built(capsys: pytest.CaptureFixture[str]) -> None:
    """A hidden option refuses what is not there, and lets its default through."""
    one = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @one.command()
    def run(
        distributed: Annotated[bool, unavailable.option("run --distributed")] = False,  # noqa: FBT002
    ) -> int:
        return 4 if distributed else 3

    assert guarded(lambda: one([], standalone_mode=False)) == 3
    assert guarded(lambda: one(["--distributed"], standalone_mode=False)) == 2
    assert "run --distributed is not available in this version" in capsys.readouterr().err


def test_global_options() -> None:
    """They reach the command as one frozen value."""
    seen: list[CliContext] = []
    program = typer.Typer(rich_markup_mode=None)
    program.callback()(app.root)
    program.command("look")(_look(seen))
    options = ["--config=a.toml", "--instance=x", "--instance=y", "--log-format=json", "--no-progress"]
    program([*options, "look"], standalone_mode=False)
    program(["look"], standalone_mode=False)
    assert seen == [
        CliContext(config=Path("a.toml"), instances=("x", "y"), log_format="json", progress=False),
        CliContext(),
    ]


def _look(seen: list[CliContext]) -> Any:
    def look(ctx: typer.Context) -> None:
        seen.append(CliContext.of(ctx))

    return look


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing command"),
        (["--nope"], "No such option"),
        (["valid"], "Did you mean 'validate'"),
        (["--log-level", "loud", "validate"], "--log-level"),
        (["--config"], "requires an argument"),
    ],
)
def test_usage_errors(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2, on stderr, with the way to the help."""
    assert app.main(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "try 'sync-worker --help'" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("option", GLOBAL_OPTIONS)
def test_a_global_option_behind_the_command(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said where it stands; an option that nobody knows gets no such hint."""
    assert app.main(["status", option, "x"]) == 2
    assert f"stand before the command: sync-worker {option} … COMMAND" in capsys.readouterr().err
    assert app.main(["status", "--nope"]) == 2
    assert "stand before" not in capsys.readouterr().err


def test_all_global_options_are_known() -> None:
    """Those of the program, but the one that ends it."""
    names = {f"--{name.replace('_', '-')}" for name in inspect.signature(app.root).parameters}
    assert names - {"--ctx", "---version"} == set(GLOBAL_OPTIONS)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """Name and number, on stdout."""
    assert app.main(["--version"]) == 0
    assert re.fullmatch(r"sync-worker \d+\.\d+\.\d+\n", capsys.readouterr().out)

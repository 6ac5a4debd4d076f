"""`init`: a configuration for one Canvas, tested at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer

from sync_worker.cli.context import CliContext
from sync_worker.cli.examples import examples
from sync_worker.cli.exits import INTERRUPTED, say
from sync_worker.errors import UsageError

USUAL_PLACE: Final = Path("config/sync-worker.toml")
USUAL_NAME: Final = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """What the command line says."""

    base_url: str | None = None
    token_file: str | None = None
    database_url: str | None = None
    contact: str | None = None
    yes: bool = False
    overwrite: bool = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "sync-worker init",
        "sync-worker --config school.toml init --base-url https://school.instructure.com --token-file canvas-token "
        "--database-url embedded --contact lms@school.edu --yes",
    )
    app.command("init", epilog=epilog)(init)


def init(
    ctx: typer.Context,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Your Canvas, such as https://school.instructure.com.")
    ] = None,
    token_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="A file that holds the access token; else it is asked for.")
    ] = None,
    database_url: Annotated[str | None, typer.Option(metavar="URL", help="postgresql://…, or embedded.")] = None,
    contact: Annotated[
        str | None, typer.Option(metavar="TEXT", help="An address or URL of yours for the User-Agent.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Take the defaults; ask nothing.")] = False,  # noqa: FBT002
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")] = False,  # noqa: FBT002
) -> None:
    """Ask for URL, token, database and contact; write the configuration; run doctor; print the crontab line.

    The token is typed unseen and goes into a file of its own beside the configuration; both are readable by you alone.
    Nothing is written before the last question is answered.
    """
    context = CliContext.of(ctx)
    options = InitOptions(
        base_url=base_url,
        token_file=token_file,
        database_url=database_url,
        contact=contact,
        yes=yes,
        overwrite=overwrite,
    )
    try:
        path = _write(context, options)
    except (KeyboardInterrupt, typer.Abort):
        say("stopped; nothing was written")
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(_examined(context, path))


def _write(context: CliContext, options: InitOptions) -> Path:
    """Ask, then write; the path of the new configuration.

    Raises:
        UsageError: it exists and is to stay, an answer is wrong, or it cannot be written.
    """
    from sync_worker.cli import interview
    from sync_worker.cli.newconfig import Answers, configuration

    path = (context.config_path() or USUAL_PLACE).absolute()
    name = _name(context)
    _may_replace(path, options)
    url = _answer("Canvas (https://school.instructure.com)", options, "base_url", interview.base_url)
    typed, token_file = _token(path, options)
    question = "Database (a postgresql:// URL, or embedded)"
    database = _answer(question, options, "database_url", interview.database_url, default=interview.EMBEDDED)
    question = "Contact for the administrators of Canvas (an address or a URL, may be empty)"
    contact = _answer(question, options, "contact", interview.contact, default="")
    answers = Answers(name=name, base_url=url, token_file=token_file, database_url=database, contact=contact)
    _save(path, configuration(answers), path.parent / token_file, typed)
    return path


def _name(context: CliContext) -> str:
    """What `--instance` says, or the usual name."""
    from pydantic import TypeAdapter, ValidationError

    from sync_worker.settings.tables import Name

    name = context.instances[0] if context.instances else USUAL_NAME
    try:
        return str(TypeAdapter(Name).validate_python(name))
    except ValidationError:
        what = "the name of an instance is made of letters, digits, hyphens and underscores"
        raise UsageError(what, where="--instance") from None


def _may_replace(path: Path, options: InitOptions) -> None:
    """Never write over a configuration without a person's word.

    Raises:
        UsageError: it is to stay.
    """
    if not path.exists() or options.overwrite:
        return
    from sync_worker.cli.interview import agreed

    hint = "Add --overwrite to replace it, or name another place with --config"
    if options.yes or not agreed(f"{path} is there already. Replace it?", option="--overwrite"):
        raise UsageError("there is a configuration already, and nothing was written", where=str(path), hint=hint)


def _answer(
    question: str,
    options: InitOptions,
    field: str,
    check: Callable[[str], str],
    *,
    default: str | None = None,
) -> str:
    """What the option says, with --yes the default, else a person's answer."""
    from sync_worker.cli.interview import ask

    option = f"--{field.replace('_', '-')}"
    given: str | None = getattr(options, field)
    if given is None and options.yes:
        if default is None:
            raise UsageError("nothing is asked with --yes, and nothing was written", hint=f"Give the option {option}")
        given = default
    return ask(question, given, check, option=option, default=default or "")


def _token(path: Path, options: InitOptions) -> tuple[str | None, str]:
    """A token to be written (None: its file is there already), and its file as the configuration names it."""
    from sync_worker.cli.interview import agreed, ask, hidden, token, token_file
    from sync_worker.cli.tokenplace import place_for, token_there

    option = "--token-file"
    if options.token_file is not None:
        return None, str(ask("", options.token_file, token_file, option=option))
    if options.yes:
        raise UsageError("nothing is asked with --yes, and nothing was written", hint=f"Give the option {option}")
    there = token_there(path)
    if there is not None and agreed(f"There is a token in {there}. Use that one?", option=option):
        return None, there.name
    beside = place_for(path)
    if there not in {None, beside}:
        typer.echo(f"  {there} stays as it is: the token for {path.name} goes into {beside.name}", err=True)
    return hidden("Access token (it is not shown)", token, option=option), beside.name


def _save(path: Path, text: str, beside: Path, token: str | None) -> None:
    """Both files or neither, readable by their owner alone.

    Raises:
        UsageError: they cannot be written.
    """
    from sync_worker.cli.privatefile import private_file

    made = _make_folder(path.parent)
    try:
        with private_file(path) as config:
            config.write(text)
            if token is not None:
                with private_file(beside) as secret:
                    secret.write(f"{token}\n")
    except BaseException:
        for folder in made:
            folder.rmdir()
        raise
    typer.echo(f"wrote {path}" + ("" if token is None else f" and {beside}") + ", readable by you alone")


def _make_folder(folder: Path) -> list[Path]:
    """Make it where it is missing; what was made, the innermost first."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"the folder cannot be made ({error.strerror})", where=str(folder)) from error
    return missing


def _examined(context: CliContext, path: Path) -> int:
    """Run doctor on what was written, and say how to go on; doctor's exit code."""
    from sync_worker.cli.doctor import code_of, examine, show
    from sync_worker.cli.newconfig import mend_first, next_steps

    found = examine(replace(context, config=path, instances=()))
    show(found)
    code = code_of(found)
    typer.echo(f"\n{mend_first(path) if code else next_steps(path)}")
    return code

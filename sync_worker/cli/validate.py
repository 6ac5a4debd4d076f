"""`validate`: check the configuration, and say what was understood."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from sync_worker.cli.context import CliContext
from sync_worker.cli.examples import examples

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync_worker.settings import Instance, Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("sync-worker validate", "sync-worker validate desired.yaml")
    app.command("validate", epilog=epilog)(validate)


def validate(
    ctx: typer.Context,
    file: Annotated[
        str | None, typer.Argument(metavar="FILE", help="A desired state to check instead of the configuration.")
    ] = None,
) -> None:
    """Check the configuration and the files with its secrets, or a desired state.

    Each problem is one line with its place. Nothing is contacted: neither Canvas nor the database.
    """
    if file is not None:
        from sync_worker.cli.planning import describe_document

        typer.echo(describe_document(file))
        return
    context = CliContext.of(ctx)
    settings = context.load_settings(warn=False)
    instances = context.selected_instances(settings)
    _check_secrets(settings, instances)
    typer.echo(_summary(settings, instances))
    for sentence in settings.exposed():
        typer.echo(f"warning: {sentence}")


def _check_users(instance: "Instance") -> None:
    """Read the user specs, and every file of theirs to its end.

    Raises:
        ConfigError: with what is wrong.
    """
    from sync_worker.errors import ConfigError, SourceError
    from sync_worker.users.fingerprint import fingerprint
    from sync_worker.users.specs import configured

    try:
        specs = configured(instance)
    except SourceError as error:  # with its place in the configuration
        raise ConfigError(str(error)) from error
    try:
        fingerprint(specs)
    except SourceError as error:
        raise ConfigError(f"{instance.place('users')}: {error}") from error


def _check_secrets(settings: "Settings", instances: "tuple[Instance, ...]") -> None:
    """Read every secret and certificate once, and every source of users.

    Raises:
        ConfigError: with every one that cannot be read.
    """
    from sync_worker.errors import ConfigError

    readers: list[Callable[[], object]] = [settings.database_url, settings.direct_database_url]
    for instance in instances:
        readers += [instance.read_access, instance.write_access, instance.tls, partial(_check_users, instance)]
    problems: dict[str, None] = {}
    for read in readers:
        try:
            read()
        except ConfigError as error:
            problems[str(error)] = None
    if problems:
        raise ConfigError("\n".join(problems))


def _summary(settings: "Settings", instances: "tuple[Instance, ...]") -> str:
    count = f"{len(instances)} instance{'' if len(instances) == 1 else 's'}"
    rows = [("database", _database(settings)), *((each.name, _instance(each)) for each in instances)]
    width = max(len(name) for name, _ in rows)
    head = f"{settings.file or 'the environment'} is valid: {count}"
    return "\n".join((head, *(f"  {name:<{width}}  {what}" for name, what in rows)))


def _database(settings: "Settings") -> str:
    """Where the mirror lives, without the password."""
    from sync_worker.mirror.trouble import describe

    url = settings.database_url().get_secret_value()
    return url if url.startswith("embedded") else f"PostgreSQL, {describe(url)}"


def _instance(instance: "Instance") -> str:
    desired = f", desired state {instance.desired.file}" if instance.desired.file else ""
    return f"{instance.origin}, users {' '.join(instance.users)}, token {_token(instance)}{desired}"


def _token(instance: "Instance") -> str:
    """Where the token comes from."""
    if instance.oauth.client_id is not None:
        return f"renewed by OAuth2 (client {instance.oauth.client_id})"
    return "in the configuration" if instance.token is not None else f"in {instance.token_file}"

"""`sandbox`: the simulated Canvas by itself."""

from typing import TYPE_CHECKING, Annotated

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.errors import Stopped, UsageError

if TYPE_CHECKING:
    from sync_worker.sandbox import Sandbox, SandboxOptions


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples(
        "sync-worker sandbox --users 1000 --port 8080",
        "sync-worker sandbox --set outflow=2 --set token_role=account_admin",
    )
    app.command("sandbox", epilog=epilog)(sandbox)


def sandbox(
    ctx: typer.Context,
    users: Annotated[int, typer.Option(min=0, help="How many users the school has.")] = 200,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens; 0: any free port.")] = 0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same school.")] = 1,
    knobs: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other knob of the sandbox; repeatable."),
    ] = None,
) -> None:
    """Run a simulated Canvas with the real rules until it is stopped.

    It prints a configuration that fits it, ready to paste.
    """
    options = _options({"users": users, "port": port, "seed": seed}, knobs or [])
    CliContext.of(ctx).configure_logs()

    async def serve_until_stopped() -> None:
        from sync_worker.sandbox import serve

        await serve(options, ready=lambda running: _introduce(running, options))

    try:
        async_main(serve_until_stopped)
    except Stopped as stopped:
        raise typer.Exit(128 + stopped.signum) from None
    except BrokenPipeError:
        raise  # nobody reads what it prints
    except OSError as error:
        raise UsageError(f"cannot listen on {options.host}:{options.port}: {error.strerror}") from error


def _options(flags: dict[str, int], knobs: list[str]) -> "SandboxOptions":
    """The flags and the `KEY=VALUE` knobs as options, checked.

    Raises:
        UsageError: a knob does not exist, or cannot have this value.
    """
    from dataclasses import fields

    from pydantic import TypeAdapter, ValidationError

    from sync_worker.sandbox import SandboxOptions

    known = {each.name for each in fields(SandboxOptions)}
    values: dict[str, object] = {**flags}
    for knob in knobs:
        key, equals, value = knob.partition("=")
        if not equals or key not in known:
            raise UsageError(f"--set {knob}: write KEY=VALUE; the keys are {', '.join(sorted(known))}")
        values[key] = value
    try:
        return TypeAdapter(SandboxOptions).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise UsageError(f"--set {first['loc'][0]}: {first['msg']}") from None


def _introduce(running: "Sandbox", options: "SandboxOptions") -> None:
    """Print where it is, as a configuration; flushed, because programs wait for it."""
    lines = (
        f"# A simulated Canvas with {options.users} users at {running.base_url}, token {options.token}",
        "# Its configuration; Ctrl-C stops it.",
        "[database]",
        'url = "embedded"',
        "",
        "[instances.sandbox]",
        f'base_url = "{running.base_url}"',
        f'token = "{options.token}"',
    )
    typer.echo("\n".join(lines))

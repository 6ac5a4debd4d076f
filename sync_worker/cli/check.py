"""`check`: whether the mirror is fresh and whole, for monitors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from sync_worker.cli.context import CliContext, async_main
from sync_worker.cli.examples import examples
from sync_worker.errors import Stopped, SyncWorkerError, Unreachable, UsageError

if TYPE_CHECKING:
    from datetime import timedelta

    from sync_worker.cli.nagios import Weighed
    from sync_worker.flows.look.freshness import Bounds

PATIENCE: Final = 30.0  # seconds for the database: monitors kill who takes longer than a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What the command line says, as written."""

    max_age: str | None = None
    warn_age: str | None = None
    min_coverage: str | None = None


def register(app: typer.Typer) -> None:
    """Add the command."""
    epilog = examples("sync-worker check --max-age 26h --min-coverage 98", "sync-worker check --format nagios")
    app.command("check", epilog=epilog)(check)


def check(
    ctx: typer.Context,
    max_age: Annotated[
        str | None, typer.Option(metavar="D", help="The last good run may be so old, such as 26h (the default).")
    ] = None,
    warn_age: Annotated[
        str | None, typer.Option(metavar="D", help="A warning from this age on; by default none.")
    ] = None,
    min_coverage: Annotated[
        str | None,
        typer.Option(metavar="PCT", help="Users read, in per cent; by default brake.min_coverage_percent."),
    ] = None,
    form: Annotated[
        Literal["text", "nagios"], typer.Option("--format", help="For people, or one line for Nagios and its kin.")
    ] = "text",
) -> None:
    """Tell whether the mirror is fresh and whole; Canvas is not asked.

    Too old, too few users read or a token that has ended: exit 10. Open failures, interrupted runs, waiting deletions,
    actions in doubt and a token that ends within 21 days are warnings: exit 0. As a Nagios plugin: 0, 1, 2 and 3.
    """
    context = CliContext.of(ctx)
    options = CheckOptions(max_age=max_age, warn_age=warn_age, min_coverage=min_coverage)
    raise typer.Exit(_nagios(context, options) if form == "nagios" else _text(context, options))


def _text(context: CliContext, options: CheckOptions) -> int:
    from sync_worker.cli.exits import CHANGES, DONE
    from sync_worker.flows.look.freshness import Level, worst

    found = async_main(lambda: _weighed(context, options))
    for vitals, _, remarks in found:
        typer.echo(f"{vitals.instance}: {worst(remark.level for remark in remarks)}")
        for remark in remarks:
            typer.echo(f"  {'' if remark.level is Level.OK else f'{remark.level}: '}{remark.text}")
    stale = any(remark.level is Level.CRITICAL for _, _, remarks in found for remark in remarks)
    return CHANGES if stale else DONE


def _nagios(context: CliContext, options: CheckOptions) -> int:
    """One line on stdout whatever happens, and a code that Nagios understands."""
    from sync_worker.cli import nagios
    from sync_worker.cli.exits import messages
    from sync_worker.flows.look.freshness import Level, worst

    try:
        found = async_main(lambda: _weighed(context, options))
    except Stopped:
        raise
    except Exception as error:  # noqa: BLE001  (whatever it is, Nagios reads the line and the code)
        level = Level.CRITICAL if isinstance(error, Unreachable) else Level.UNKNOWN
        told = str(error) if isinstance(error, SyncWorkerError) else next(iter(messages(error)))
        typer.echo(nagios.failure(level, told))
        return nagios.CODES[level]
    typer.echo(nagios.line(found))
    return nagios.CODES[worst(remark.level for _, _, remarks in found for remark in remarks)]


async def _weighed(context: CliContext, options: CheckOptions) -> "Sequence[Weighed]":
    """Every chosen instance with its limits and what there is to say about it.

    Raises:
        DatabaseUnreachable: also when it takes too long.
    """
    from sync_worker.cli.opening import opening
    from sync_worker.clock import deadline
    from sync_worker.errors import DatabaseUnreachable
    from sync_worker.flows.look.freshness import weigh
    from sync_worker.flows.look.vitals import read_vitals

    _bounds(options, 0.0)  # a wrong option is told before anything is opened
    found: list[Weighed] = []
    try:
        async with deadline(PATIENCE), opening(context) as opened:
            for name in opened.names:
                instance = opened.settings.instance(name)
                vitals = await read_vitals(opened.database, opened.clock, instance)
                limits = _bounds(options, instance.brake.min_coverage_percent)
                found.append((vitals, limits, weigh(vitals, limits)))
    except TimeoutError as error:
        raise DatabaseUnreachable(f"the database does not answer within {PATIENCE:g} seconds") from error
    return found


def _bounds(options: CheckOptions, usual_coverage: float) -> "Bounds":
    from sync_worker.flows.look.freshness import MAX_AGE, Bounds

    max_age = _duration("--max-age", options.max_age)
    return Bounds(
        max_age=MAX_AGE if max_age is None else max_age,
        warn_age=_duration("--warn-age", options.warn_age),
        min_coverage=_percent("--min-coverage", options.min_coverage, usual_coverage),
    )


def _duration(option: str, text: str | None) -> "timedelta | None":
    from sync_worker.settings.durations import parse_duration

    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise UsageError(str(error), where=f"{option} {text}") from None


def _percent(option: str, text: str | None, usual: float) -> float:
    if text is None:
        return usual
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:  # noqa: PLR2004  (per cent)
        raise UsageError("not a percentage; write a number from 0 to 100", where=f"{option} {text}")
    return value

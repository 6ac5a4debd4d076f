"""The wiring of `report NAME`."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from sync_worker.cli.context import CliContext
from sync_worker.cli.exits import say
from sync_worker.cli.opening import opening
from sync_worker.cli.output import byte_order_mark
from sync_worker.cli.privatefile import private_file
from sync_worker.flows.look.reporting import Question, Told, tell
from sync_worker.reports.header import Report, Type

TABLE_LIMIT: Final = 200  # rows, unless --limit says otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """What the command line says."""

    form: str
    out: Path | None
    addresses: bool
    limit: int | None
    bom: bool | None  # --bom or --no-bom
    given: Mapping[str, str]  # values of the report's own parameters


async def print_report(context: CliContext, report: Report, options: ReportOptions) -> None:
    """Ask, write, and say what has to be said beside it."""
    mark = byte_order_mark(options.form, options.out, asked=options.bom)
    single = any(parameter.type is Type.USER for parameter in report.parameters)
    async with opening(context, single=single) as opened:
        question = Question(
            report=report,
            instances=opened.names,
            given=options.given,
            form=options.form,
            addresses=options.addresses,
            limit=_limit(options),
        )
        with _opened(options.out) as file:
            file.write(mark)
            told = await tell(opened.database, question, opened.clock.now(), file)
    _say(options, told)


def _limit(options: ReportOptions) -> int | None:
    if options.limit is None:
        return TABLE_LIMIT if options.form in {"table", "html"} else None
    return options.limit or None


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    with private_file(out) as file:
        yield file


def _say(options: ReportOptions, told: Told) -> None:
    for note in told.notes:
        say(note)
    if told.more:
        say(f"only the first {told.rows:,} rows; --limit 0 or --format csv gives all")
    if options.out is not None:
        say(f"{told.rows:,} rows written to {options.out}")

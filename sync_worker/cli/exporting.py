"""The wiring of `export`."""

import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from sync_worker.cli.context import CliContext
from sync_worker.cli.exits import say
from sync_worker.cli.opening import opening
from sync_worker.cli.output import byte_order_mark
from sync_worker.cli.privatefile import private_file
from sync_worker.desired import writing
from sync_worker.desired.model import DesiredUser
from sync_worker.desired.render.words import counted
from sync_worker.flows.look.exporting import TERMS, Exported, export, named_users
from sync_worker.flows.privacy.prune import describe
from sync_worker.mirror.export import Selection
from sync_worker.mirror.retention import reach
from sync_worker.users.specs import Spec

FORMS: Final[Mapping[str, Callable[[], writing.Form]]] = {
    "yaml": lambda: writing.yaml(TERMS),
    "ndjson": writing.ndjson,
    "csv": writing.csv_rows,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What the command line says."""

    as_of: datetime | None
    specs: tuple[Spec, ...]
    only_missing: bool
    out: Path | None
    form: str
    bom: bool | None  # --bom or --no-bom


async def export_instance(context: CliContext, options: ExportOptions) -> None:
    """Write one instance, and say how much it was."""
    exported = Exported()
    mark = byte_order_mark(options.form, options.out, asked=options.bom)
    async with opening(context, single=True) as opened:
        name = opened.names[0]
        users = await named_users(opened.database, name, options.specs) if options.specs else None
        selection = Selection(as_of=options.as_of, users=users, only_missing=options.only_missing)
        history = await reach(opened.database, name, "history")
        with _opened(options.out) as file:
            file.write(mark)
            region = opened.settings.instance(name).phone_region
            found = export(opened.database, name, selection, exported, region)
            await _write(found, FORMS[options.form](), file, exported)
    _tell(options, exported)
    if history is not None and options.as_of is not None and options.as_of < history.back_to:
        say(f"what changed before is missing: the history {describe(history)}")


@contextmanager
def _opened(out: Path | None) -> Iterator[TextIO]:
    if out is None:
        yield sys.stdout
        return
    with private_file(out) as file:
        yield file


async def _write(found: AsyncGenerator[DesiredUser], form: writing.Form, file: TextIO, exported: Exported) -> None:
    file.write(form.head)
    before = form.first
    async with aclosing(found) as users:
        async for user in users:
            file.write(before + form.user(user))
            before = ""
    if not exported.users:
        file.write(form.nobody)


def _tell(options: ExportOptions, exported: Exported) -> None:
    what = f"{counted(exported.channels, 'channel', 'channels')} of {counted(exported.users, 'user', 'users')}"
    missing = " that are not there any more" if options.only_missing else ""
    if not exported.channels:
        what, missing = "nothing is missing" if options.only_missing else "no channels", ""
    when = "" if options.as_of is None else f", as of {options.as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    say(f"{what}{missing}{when}" + (f": written to {options.out}" if options.out else ""))
    if exported.unwritable:
        one, many = "channel is", "channels are"
        say(f"{counted(exported.unwritable, one, many)} left out: no document can hold such a type or address")
    if exported.gone:
        one, many = "user is", "users are"
        say(f"{counted(exported.gone, one, many)} left out: Canvas does not know them any more")
    if exported.sms and options.form == "csv":
        say("a CSV cannot say what is managed: plan it with --manage email,sms, or its SMS channels are not touched")

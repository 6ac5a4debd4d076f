"""The wiring of `plan` and `plans`."""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import typer

from sync_worker.cli.context import CliContext
from sync_worker.cli.display import showing
from sync_worker.cli.exits import CHANGES, DONE, IN_PART, say, worst
from sync_worker.cli.opening import opening
from sync_worker.cli.output import byte_order_mark
from sync_worker.cli.privatefile import private_file
from sync_worker.desired.diff import Kind
from sync_worker.desired.document import check, named
from sync_worker.desired.entries import Terms
from sync_worker.desired.guards import Ruling
from sync_worker.desired.model import Mode
from sync_worker.desired.plan import Plan, fingerprint
from sync_worker.desired.problems import told_warnings
from sync_worker.desired.render import text
from sync_worker.desired.render.as_json import plan_to_json
from sync_worker.desired.render.forms import Format, render
from sync_worker.desired.render.page import Shown
from sync_worker.desired.render.sample import sample
from sync_worker.desired.render.words import counted
from sync_worker.desired.rules import type_named
from sync_worker.errors import DocumentError, UsageError
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.planning import PlanRequest, make_plan
from sync_worker.flows.push.reconcile import document_request
from sync_worker.flows.push.saving import load_plan, note_comparison, save_plan
from sync_worker.flows.push.weighing import weigh_new
from sync_worker.flows.rooms import open_rooms
from sync_worker.logs import bind
from sync_worker.mirror import plans
from sync_worker.mirror.actions import Action, Status, actions_of_plan
from sync_worker.mirror.database import Database
from sync_worker.mirror.foreign import load
from sync_worker.settings import Instance
from sync_worker.users.specs import QuerySpec, configured

LISTED: Final = 20  # plans that `plans list` shows

_BECAME: Final[Mapping[Status, str]] = {
    Status.DONE: "done",
    Status.EXISTED: "there before",
    Status.SKIPPED: "set aside",
    Status.REFUSED: "refused by Canvas",
    Status.WITHHELD: "withheld",
    Status.FAILED: "failed",
    Status.STARTED: "with an unknown outcome",
    Status.UNCERTAIN: "with an unknown outcome",
    Status.UNRESOLVED: "unresolved",
    Status.PLANNED: "not yet",
}
"""What became of an action, in the words and the order of the last line of `plans show`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What the command line says."""

    desired: str | None = None  # a file, or query:FILE.sql
    mode: str | None = None
    manage: str | None = None  # types with commas between them
    users: tuple[str, ...] = ()  # specs; none: everybody
    sample: int | None = None
    refresh: bool = False
    out: Path | None = None
    form: str = Format.TEXT
    bom: bool | None = None  # --bom or --no-bom

    @property
    def whole(self) -> bool:
        """Whether the plan is what the document says, of all its users."""
        return self.mode is None and self.manage is None and not self.users


async def plan_instance(context: CliContext, options: PlanOptions) -> int:
    """Plan one instance, show it, save it; the exit code."""
    mark = byte_order_mark(options.form, None, asked=options.bom)
    async with opening(context, single=True) as opened:
        name = opened.names[0]
        instance = opened.settings.instance(name)
        request = plan_request(instance, options)
        progress = Progress(instance=name)
        with bind(instance=name):
            async with (
                open_rooms(opened.settings, opened.database, name, opened.clock) as rooms,
                showing(progress, rooms, enabled=context.progress),
            ):
                plan = await make_plan(rooms, request, progress)
        number = await _save(opened.database, instance, plan, whole=options.whole)
    sys.stdout.write(mark)
    _show(plan, weigh_new(plan, instance.guards), options)
    _tell(plan, number, plan.made_at + instance.desired.max_plan_age, progress.failed)
    if options.out is not None:
        with private_file(options.out) as file:
            file.write(plan_to_json(plan))
    return worst([DONE if plan.empty else CHANGES, IN_PART if progress.failed else DONE])


async def _save(database: Database, instance: Instance, plan: Plan, *, whole: bool) -> int | None:
    """The number of the plan; None where nothing differs: then only the comparison is noted."""
    if not plan.empty:
        return await save_plan(database, instance, plan, whole=whole)
    if whole:
        await note_comparison(database, plan, None)
    return None


def _tell(plan: Plan, number: int | None, expires_at: datetime, failed: int) -> None:
    """What to know beside the plan itself."""
    if failed:
        users = counted(failed, "user", "users")
        say(f"{plan.instance}: Canvas gave no usable answer about {users}; nothing is planned there, plan again later")
    if plan.source.only and not plan.users and not plan.unchanged:
        say(f"{plan.instance}: the document names none of the users of --users")
    if number is not None:
        say(f"{plan.instance}: saved as plan {number}; it expires at {expires_at:%Y-%m-%d %H:%M} UTC")


def plan_request(instance: Instance, options: PlanOptions) -> PlanRequest:
    """What to plan, by command line and configuration.

    Raises:
        UsageError: neither names a desired state, or an option cannot be.
    """
    request = document_request(instance, options.desired)
    manage = None if options.manage is None else _types(options.manage)
    terms = Terms(forced_mode=Mode(options.mode) if options.mode else None, forced_manage=manage)
    only = configured(instance, options.users) if options.users else ()
    return replace(request, terms=terms, only=only, max_age=None if options.refresh else request.max_age)


def _types(text: str) -> frozenset[str]:
    try:
        return frozenset(type_named(word.strip()) for word in text.split(","))
    except DocumentError as error:
        raise UsageError(f"--manage {text}: {error.what}", hint=error.hint) from error


def _show(plan: Plan, ruling: Ruling, options: PlanOptions) -> None:
    shown = None
    if options.sample is not None:
        seed = int(fingerprint(plan)[:8], 16)
        shown = Shown(sample=sample(plan, options.sample, seed))
    _print(plan, ruling, options.form, shown)


def _print(plan: Plan, ruling: Ruling, form: str, shown: Shown | None) -> None:
    if form == Format.TEXT:
        from rich.console import Console

        text.show(Console(highlight=False), plan, ruling, text.SHOWN if shown is None else shown)
    else:
        typer.echo(render(plan, ruling, Format(form), shown), nl=False)


async def list_saved(context: CliContext) -> None:
    """Print the latest plans."""
    async with opening(context) as opened:
        rows = await plans.latest(opened.database, opened.clock, opened.names, LISTED)
    if not rows:
        typer.echo("no plans")
    for row in rows:
        typer.echo(f"{row.instance}: plan {row.id} is {_state(row)}: {_figures(row)}")
        typer.echo(f"  made {row.made_at:%Y-%m-%d %H:%M} UTC by {row.made_by} from {row.document}")


def _state(plan: plans.SavedPlan) -> str:
    until = f"until {plan.expires_at:%Y-%m-%d %H:%M} UTC"
    words = {"open": f"open {until}", "applying": f"begun and not finished, can go on {until}"}
    why = f" ({plan.reason})" if plan.reason else ""
    return words.get(plan.status, f"{plan.status}{why}")


def _figures(plan: plans.SavedPlan) -> str:
    parts = [counted(plan.creates, "create", "creates"), counted(plan.deletes, "delete", "deletes")]
    parts += [counted(plan.messages, "message to people", "messages to people")] if plan.messages else []
    return ", ".join(parts)


async def show_saved(context: CliContext, number: int, form: str, *, bom: bool | None = None) -> None:
    """Print a saved plan."""
    mark = byte_order_mark(form, None, asked=bom)
    async with opening(context) as opened:
        kept = await load_plan(opened.database, opened.clock, opened.names, number)
        if kept is None:
            raise UsageError(f"there is no plan {number}", hint="See: sync-worker plans list")
        plan, saved = kept.plan, kept.saved
        guards = opened.settings.instance(plan.instance).guards
        actions = await actions_of_plan(opened.database, number)
    sys.stdout.write(mark)
    _print(plan, weigh_new(plan, guards), form, None)
    say(f"{saved.instance}: plan {number} is {_state(saved)}")
    if actions:
        became = _progress(actions)
        say(f"{saved.instance}: done so far of plan {number}: {became}; see them: sync-worker report actions")


def _progress(actions: Sequence[Action]) -> str:
    """What became of the creates and deletes of a plan that was begun."""
    counts = Counter((action.kind, _BECAME[action.status]) for action in actions)
    parts = {
        kind: ", ".join(
            f"{counts[kind, word]:,} {word}" for word in dict.fromkeys(_BECAME.values()) if counts[kind, word]
        )
        for kind in (Kind.CREATE, Kind.DELETE)
    }
    return "; ".join(f"{kind}s: {words}" for kind, words in parts.items() if words)


async def reject_saved(context: CliContext, number: int, reason: str | None) -> None:
    """Reject a saved plan."""
    async with opening(context) as opened:
        if not await plans.reject(opened.database, opened.clock, opened.names, number, reason):
            raise UsageError(f"there is no open plan {number}", hint="See: sync-worker plans list")
    typer.echo(f"plan {number} is rejected")


def describe_document(name: str) -> str:
    """Check a desired state without touching anything; what it holds, in a sentence, and its warnings."""
    document = named(name)
    if isinstance(document, QuerySpec):
        load(document.path, DocumentError)
        return f"{name} can be read; `sync-worker plan` asks it and checks its rows"
    return _describe_file(document)


def _describe_file(path: Path) -> str:
    checked = check(path, with_warnings=True)
    figures = f"{counted(checked.users, 'user', 'users')}, {counted(checked.entries, 'entry', 'entries')}"
    lines = [f"{path} is valid: {figures}"]
    lines += told_warnings(checked.warnings, checked.warning_count)
    return "\n".join(lines)

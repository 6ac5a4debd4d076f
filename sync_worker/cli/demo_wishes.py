"""The demo's act of plan, apply and undo."""

import csv
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console

from sync_worker.cli.applysummary import print_apply
from sync_worker.cli.demo_stage import INSTANCE, Stage
from sync_worker.desired.entries import Terms
from sync_worker.desired.guards import Allowances
from sync_worker.desired.plan import Plan, fingerprint
from sync_worker.desired.render import text
from sync_worker.desired.render.page import Shown
from sync_worker.desired.render.sample import sample
from sync_worker.flows.progress import Progress
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.flows.push.apply import ApplyRequest, apply
from sync_worker.flows.push.planning import PlanRequest, make_plan
from sync_worker.flows.push.saving import save_plan
from sync_worker.flows.push.undo import plan_undo
from sync_worker.flows.push.weighing import weigh_new
from sync_worker.flows.rooms import Rooms, open_rooms

MOVED: Final = 20  # people who get a new address
SHOWN: Final = 2  # of them, in the plan on the screen

Facts = set[tuple[int, str, str, str]]


async def play(stage: Stage) -> bool:
    """Plan, apply, plan again, undo; whether all came as it should."""
    before = _facts(stage)
    document = _document(stage)
    plan = await _plan(stage, document)
    _show(stage, plan)
    done = await _apply(stage, plan, "document")
    again = await _plan(stage, document)
    typer.echo(f"  a second plan: {'nothing to do' if again.empty else 'NOT empty'}")
    undone = await _undo(stage, done.run_id)
    same = _facts(stage) == before
    found = "the same channels as before" if same else "OTHER channels than before"
    typer.echo(f"  Canvas has {found}, numbers included")
    return done.exit_code == undone.exit_code == 0 and again.empty and same


def _document(stage: Stage) -> Path:
    """Everybody chosen moves to the new domain."""
    document = stage.config.parent / "new-domain.csv"
    with document.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("user", "type", "address", "state", "reason"))
        for channel in islice(_single_addresses(stage), MOVED):
            name = channel["address"].partition("@")[0]
            writer.writerow((channel["user_id"], "email", f"{name}@new.example", "present", "new mail domain"))
            writer.writerow((channel["user_id"], "email", channel["address"], "absent", "new mail domain"))
    return document


def _single_addresses(stage: Stage) -> Iterator[dict[str, Any]]:
    """The addresses of people who have one, and get mail there."""
    for user in stage.sandbox.school.users.values():
        live = user.live_channels()
        if len(live) == 1 and _plain(live[0]):
            yield {"user_id": user.id, "address": live[0].address}


def _plain(channel: Any) -> bool:
    """Whether mail goes there, and Canvas lets it be deleted."""
    delivered = channel.type == "email" and channel.state == "active" and channel.bounce is None
    return delivered and not channel.sis_locked and channel.position is not None


def _rooms(stage: Stage) -> AbstractAsyncContextManager[Rooms]:
    return open_rooms(stage.settings, stage.database, INSTANCE, stage.clock, writing=True)


async def _plan(stage: Stage, document: Path) -> Plan:
    async with _rooms(stage) as rooms:
        request = PlanRequest(document=document, terms=Terms(), max_age=rooms.instance.desired.max_mirror_age)
        return await make_plan(rooms, request, Progress(instance=INSTANCE))


def _show(stage: Stage, plan: Plan) -> None:
    shown = Shown(sample=sample(plan, SHOWN, int(fingerprint(plan)[:8], 16)))
    ruling = weigh_new(plan, stage.settings.instance(INSTANCE).guards)
    text.show(Console(highlight=False), plan, ruling, shown)


async def _apply(stage: Stage, plan: Plan, kind: str) -> ApplyReport:
    async with _rooms(stage) as rooms:
        number = await save_plan(stage.database, rooms.instance, plan, kind)
        request = ApplyRequest(
            plan_id=number,
            plan=plan,
            allowances=Allowances(default_change=True),
            reason="demo",
            kind="undo" if kind == "undo" else "apply",
        )
        typer.echo(f"\n  approved, with --allow-default-change: plan {number}")
        report = await apply(rooms, request, stop=stage.stop, progress=Progress(instance=INSTANCE))
    print_apply(report)
    return report


async def _undo(stage: Stage, run: int) -> ApplyReport:
    async with _rooms(stage) as rooms:
        undoing = await plan_undo(rooms, run, Progress(instance=INSTANCE))
    return await _apply(stage, undoing.plan, "undo")


def _facts(stage: Stage) -> Facts:
    return {
        (channel["id"], channel["type"], channel["address"], channel["workflow_state"])
        for channel in stage.sandbox.school.live_channels()
    }

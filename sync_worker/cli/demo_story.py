"""The demo's story, told with the real flows: first load, changes, second sync, an accident, a plan and its undoing."""

import fcntl
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import typer

from sync_worker.cli.demo_stage import INSTANCE, Stage, head
from sync_worker.cli.demo_wishes import MOVED, play
from sync_worker.cli.display import showing
from sync_worker.cli.exits import DONE, IMPLAUSIBLE, PROGRAM, UNEXPECTED, WITHHELD
from sync_worker.cli.page import write_page
from sync_worker.cli.summary import print_report
from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer
from sync_worker.embedded.home import default_folder
from sync_worker.errors import LockHeld
from sync_worker.flows.progress import Progress
from sync_worker.flows.pull.overrides import Overrides, limits
from sync_worker.flows.pull.pull import PullRequest, pull
from sync_worker.flows.pull.report import RunReport
from sync_worker.flows.rooms import DATABASE_NAME, Opened, open_database, open_rooms, prepare_schema
from sync_worker.flows.stop import stopping_on_signals
from sync_worker.logs import bind
from sync_worker.mirror.database import connect
from sync_worker.mirror.readback import all_channels
from sync_worker.sandbox import Fault, FaultKind, Sandbox, SandboxOptions
from sync_worker.settings import load_settings
from sync_worker.users.specs import parse_spec

CHANGED: Final = 0.02  # of the users, between the two syncs
STRUCK: Final = 100  # users whom the accident meets
COMPARED: Final = (
    "user_id",
    "type",
    "address",
    "position",
    "workflow_state",
    "bounce_count",
    "last_bounce_at",
    "last_bounce_summary",
    "last_transient_bounce_at",
    "last_transient_bounce_summary",
    "last_suppression_bounce_at",
    "created_at",
)


async def tell(users: int, *, progress: bool) -> int:
    """Play all acts; the exit code."""
    clock = Clock()
    # 13 requests in flight on an empty bucket, as hosted Canvas allows; a network of 40 ms of server time
    options = SandboxOptions(users=users, high_water_mark=700.0, mean_server_time=0.04)
    folder = default_folder(os.environ, os.getuid()).parent / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        return await _tell(options, folder, clock, progress=progress)


async def _tell(options: SandboxOptions, folder: Path, clock: Clock, *, progress: bool) -> int:
    users = options.users
    typer.echo(f"Starting a PostgreSQL in {folder} and a simulated Canvas with {users:,} users ...")
    async with Sandbox(options) as sandbox, stopping_on_signals() as stop:
        config = _configure(folder, sandbox)
        settings = load_settings(config, {})
        await _empty(folder / "postgres", clock)
        async with open_database(settings, clock) as database:
            await prepare_schema(settings, database, clock)
            stage = Stage(
                settings=settings,
                config=config,
                database=database,
                sandbox=sandbox,
                clock=clock,
                stop=stop,
                progress=progress,
            )
            return await _acts(stage)


async def _acts(stage: Stage) -> int:
    head("1. The first load", "every user's channels, under Canvas's real rate limit")
    first = await _pull(stage, "backfill")
    head("2. A day passes at Canvas")
    _changes(stage.sandbox)
    head("3. The nightly run", "only what changed is written; deletions after a second look")
    second = await _pull(stage, "run")
    equal = await _compare(stage)
    head("4. An accident", f"Canvas answers with empty lists for {STRUCK} users")
    third = await _accident(stage)
    safe = await _compare(stage)
    head(
        "5. A new mail domain", f"{MOVED} people get an address in it and lose the old one, by plan; then it is undone"
    )
    wished = await play(stage)
    same = await _compare(stage)
    page = stage.config.parent / "report.html"
    await write_page(_opened(stage), page)
    _farewell(stage, first, second)
    head("The page", "open it in a browser")
    typer.echo(f"  {page}")
    good = first.exit_code == second.exit_code == DONE and third.exit_code in {WITHHELD, IMPLAUSIBLE}
    return DONE if good and equal and safe and wished and same else UNEXPECTED


def _opened(stage: Stage) -> Opened:
    return Opened(settings=stage.settings, database=stage.database, names=(INSTANCE,), clock=stage.clock)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One demo at a time: it begins with an empty mirror.

    Raises:
        LockHeld: another demo is running.
    """
    with (folder / "demo.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockHeld("another demo is running", where=str(folder), hint="Wait for its end") from None
        yield


def _configure(folder: Path, sandbox: Sandbox) -> Path:
    """The configuration that the story runs on, left behind for looking around."""
    config = folder / "sync-worker.toml"
    lines = (
        "# Made by `sync-worker demo`; its Canvas lives only as long as the demo.",
        "[database]",
        'url = "embedded:postgres"',
        f"[instances.{INSTANCE}]",
        f'base_url = "{sandbox.base_url}"',
        f'token = "{sandbox.token}"',
        "",
    )
    config.touch(mode=0o600)
    config.write_text("\n".join(lines), encoding="utf-8")
    return config


async def _empty(folder: Path, clock: Clock) -> None:
    """Begin with an empty mirror."""
    async with EmbeddedServer(folder, clock) as server:
        async with connect(server.dsn("postgres")) as maintenance, maintenance.session() as session:
            await session.execute("drop_demo_database")
        await server.ensure_database(DATABASE_NAME)


async def _pull(stage: Stage, kind: str, users: tuple[str, ...] = ("account:self",)) -> RunReport:
    progress = Progress(instance=INSTANCE)
    with bind(instance=INSTANCE):
        async with open_rooms(stage.settings, stage.database, INSTANCE, stage.clock) as rooms:
            request = PullRequest(
                kind=kind,
                specs=tuple(parse_spec(text) for text in users),
                limits=limits(rooms.instance.brake, Overrides()),
            )
            async with showing(progress, rooms, enabled=stage.progress):
                report = await pull(rooms, request, stop=stage.stop, progress=progress)
    print_report(report)
    return report


def _changes(sandbox: Sandbox) -> None:
    counts = Counter(change.kind for change in sandbox.churn(CHANGED, seed=7))
    typer.echo("  " + ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in sorted(counts.items())))


async def _accident(stage: Stage) -> RunReport:
    struck = sorted({channel["user_id"] for channel in stage.sandbox.school.live_channels()})[:STRUCK]
    stage.sandbox.add_fault(Fault(kind=FaultKind.EMPTY_LIST, route="list_channels"))
    report = await _pull(stage, "run", (f"id:{','.join(map(str, struck))}",))
    stage.sandbox.clear_faults()
    return report


async def _compare(stage: Stage) -> bool:
    """Mirror against Canvas, field by field."""
    canvas = {channel["id"]: _fields(channel) for channel in stage.sandbox.school.live_channels()}
    mirror = {row["id"]: _fields(row) async for row in all_channels(stage.database, INSTANCE)}
    equal = canvas == mirror
    verdict = "equal" if equal else "NOT equal"
    typer.echo(f"  mirror and Canvas are {verdict}: {len(canvas):,} channels compared field by field")
    return equal


def _fields(channel: dict[str, Any]) -> tuple[object, ...]:
    return tuple(_instant(channel.get(name)) for name in COMPARED)


def _instant(value: object) -> object:
    """Canvas writes times as text."""
    if isinstance(value, str) and value.endswith("Z") and value[:2] == "20":
        return datetime.fromisoformat(value)
    return value


def _farewell(stage: Stage, first: RunReport, second: RunReport) -> None:
    refused = first.refusals + second.refusals
    figures = second.figures
    head("What you have seen")
    typer.echo(
        f"  {figures.users_total:,} users mirrored twice in {_seconds(first)} and {_seconds(second)}: "
        f"{first.requests + second.requests:,} requests, {refused} of them refused by the rate limit.\n"
        f"  The second run wrote {figures.channels_created} new and {figures.channels_changed} changed channels, and "
        f"made {second.settled.merged.deleted} tombstones after reading their users twice.\n"
        "  The accident deleted nothing: what it would have deleted waits for a person's word.\n"
        "  The plan was carried out as it was shown, and taken back: every address under its old number."
    )
    head("Look around", "Canvas is gone now, the mirror stays")
    for command in (
        "status",
        "plans list",
        "pending list",
        f"channels list {stage.sandbox.admin_id} --mirror",
        "db status",
    ):
        typer.echo(f"  {_program()} --config {stage.config} {command}")


def _program() -> str:
    """How the command was called, so that the next one can be called the same way."""
    return sys.argv[0] if Path(sys.argv[0]).name == PROGRAM else PROGRAM


def _seconds(report: RunReport) -> str:
    return f"{report.took.total_seconds():.1f} s"

"""What the page shows, read from the database as of one moment: a snapshot that only looks."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sync_worker.desired.render.words import counted
from sync_worker.flows.look.freshness import TOKEN_NOTICE, Bounds, Level, Vitals, percent, weigh, worst
from sync_worker.flows.look.status import size_of
from sync_worker.flows.look.vitals import read_vitals
from sync_worker.flows.rooms import Opened
from sync_worker.logs import mask_emails, mask_phones, redact
from sync_worker.mirror.readback import InstanceStatus, instance_status
from sync_worker.mirror.reporting import Reading, reading
from sync_worker.reports.catalogue import find
from sync_worker.reports.header import Report
from sync_worker.reports.overview import Answer, InstanceState, Overview, Said, Todo
from sync_worker.reports.values import masked, plain, value_of
from sync_worker.users.specs import configured

ROWS: Final = 100  # of a list
EVERYTHING: Final = 5_000  # rows of what is drawn or counted: far more than there ever are
ASKED: Final[Mapping[str, int]] = {
    "runs": ROWS,
    "changes": ROWS,
    "changes-by-day": EVERYTHING,
    "channels": EVERYTHING,
    "unreachable": ROWS,
    "bouncing": ROWS,
    "failures": ROWS,
    "pending": ROWS,
    "plans": ROWS,
    "drift": ROWS,
}
"""The reports that are on the page, and how many rows of each at most."""

_READING: Final = frozenset({"run", "backfill", "accept"})


async def look(opened: Opened, *, addresses: bool) -> Overview:
    """Everything that the page shows.

    Raises:
        DatabaseUnreachable: the database does not answer.
    """
    now = opened.clock.now()
    async with reading(opened.database, now) as read:
        totals = await read.totals(opened.names)
        answers = {
            name: await _answer(opened, read, find(name), totals.get(name, 0), addresses=addresses) for name in ASKED
        }
        states = [await _state(opened, read, name) for name in opened.names]
    return Overview(now=now, instances=tuple(states), answers=answers, masked=not addresses)


async def _answer(opened: Opened, read: Reading, report: Report, total: int, *, addresses: bool) -> Answer:
    usual = {each.name: each.default or "" for each in report.parameters}
    arguments = [value_of(each, usual[each.name]) for each in report.parameters]
    rows = await read.first(report.sql, ASKED[report.name], list(opened.names), *report.arguments(arguments, read.now))
    seen = rows if addresses else [masked(report, _without_words(report, row)) for row in rows]
    return Answer(
        report=report,
        rows=[{name: _shown(value) for name, value in _of_its_kind(report, row).items()} for row in seen],
        total=max(total, len(rows)),
        given=usual,
    )


def _without_words(report: Report, row: dict[str, Any]) -> dict[str, Any]:
    """Sentences of runs that write to Canvas name people's addresses, of any form."""
    return {**row, "message": None} if report.name == "runs" and row["kind"] not in _READING else row


def _of_its_kind(report: Report, row: dict[str, Any]) -> dict[str, Any]:
    """Runs that write to Canvas have no users to read, and those of others are counted when a start ends.

    0 would say that there were some, and none was read.
    """
    unsaid = report.name == "runs" and (row["kind"] not in _READING or row["status"] == "running")
    return {**row, "users_total": None, "users_failed": None} if unsaid else row


def _shown(value: Any) -> Any:
    said = plain(value)
    return redact(said) if isinstance(said, str) else said


async def _state(opened: Opened, read: Reading, name: str) -> InstanceState:
    instance = opened.settings.instance(name)
    specs = [spec.text for spec in configured(instance)]
    status = await instance_status(read, opened.clock, name, specs, runs=0)
    vitals = await read_vitals(read, opened.clock, instance)
    remarks = weigh(vitals, Bounds(min_coverage=instance.brake.min_coverage_percent))
    reach = await read.reach(name)
    several = len(opened.names) > 1
    return InstanceState(
        name=name,
        origin=status.origin,
        level=worst(remark.level for remark in remarks),
        last_success_at=status.last_success_at,
        coverage=None if vitals.coverage is None else percent(vitals.coverage),
        holder=status.holder,
        remarks=tuple(Said(level=remark.level, text=remark.text) for remark in remarks),
        users=status.users_present,
        others={state: getattr(status, f"users_{state}") for state in ("unreadable", "unlisted", "gone")},
        channels=status.channels_live,
        median_read_at=reach.pop("median_read_at"),
        reach=reach,
        todos=tuple(_todos(status, vitals, await read.held(name), _command(name, several=several))),
    )


def _command(name: str, *, several: bool) -> str:
    return f"sync-worker --instance {name}" if several else "sync-worker"


def _todos(status: InstanceStatus, vitals: Vitals, held: Mapping[int, int], program: str) -> Iterator[Todo]:
    """What a person has to do, the gravest first."""
    if vitals.failed:
        last = vitals.failed[0]
        why = mask_phones(mask_emails(redact(last.message))).removesuffix(".")
        yield _todo(
            Level.CRITICAL,
            f"Run {last.id} failed before it could read anybody: {why}.",
            (f"{program} doctor", "says what is wrong, and what to do"),
        )
    if status.origin is not None and status.last_success_at is None:
        yield _todo(
            Level.CRITICAL,
            "No run over all configured users has come to a good end yet.",
            (f"{program} run", "reads everybody, or goes on where the last one stopped"),
        )
    if vitals.token_days is not None and vitals.token_days <= TOKEN_NOTICE:
        yield _todo(
            Level.WARNING if vitals.token_days >= 0 else Level.CRITICAL,
            "The access token ends soon, or has ended: make a new one in Canvas and put it in its place.",
            (f"{program} doctor", "tests it then"),
        )
    yield from _held(held, program)
    yield from _plans(status, program)
    yield from _unfinished(status, vitals, program)


def _held(held: Mapping[int, int], program: str) -> Iterator[Todo]:
    for run, count in sorted(held.items()):
        yield _todo(
            Level.WARNING,
            f"{counted(count, 'deletion waits', 'deletions wait')}, held back by run {run}.",
            (f"{program} pending list {run}", "shows them"),
            (f"{program} pending accept {run}", "reads them again, and deletes what is gone"),
            (f"{program} pending dismiss {run}", "keeps them"),
        )


def _plans(status: InstanceStatus, program: str) -> Iterator[Todo]:
    for plan in status.plans_waiting:
        state = "is not finished" if plan["status"] == "applying" else "waits"
        yield _todo(
            Level.WARNING,
            f"Plan {plan['id']} {state}: {size_of(plan)}; until {plan['expires_at']:%Y-%m-%d %H:%M} UTC.",
            (f"{program} plans show {plan['id']}", "shows it"),
            (f"{program} apply {plan['id']}", "carries it out"),
            (f"{program} plans reject {plan['id']}", "drops it"),
        )


def _unfinished(status: InstanceStatus, vitals: Vitals, program: str) -> Iterator[Todo]:
    if vitals.unfinished:
        runs = ", ".join(map(str, vitals.unfinished))
        yield _todo(
            Level.WARNING, f"Interrupted and not gone on with: run {runs}.", (f"{program} run", "goes on from there")
        )
    for plan in vitals.unfinished_plans:
        yield _todo(
            Level.WARNING,
            f"The apply of plan {plan} was interrupted and not gone on with.",
            (f"{program} apply {plan}", "goes on from there"),
        )
    if status.open_failures:
        yield _todo(
            Level.WARNING,
            f"{counted(status.open_failures, 'user or reference', 'users or references')} could not be read; the next "
            "run tries again.",
            (f"{program} report failures", "says whom and why"),
            (f"{program} doctor", "says what the token may read"),
        )
    if vitals.actions_uncertain:
        yield _todo(
            Level.WARNING,
            f"{counted(vitals.actions_uncertain, 'action has', 'actions have')} an unknown outcome until two reads "
            "agree; the next run, apply or undo reads again.",
            (f"{program} report actions", "shows them"),
        )


def _todo(level: Level, text: str, *commands: tuple[str, str]) -> Todo:
    return Todo(level=level, text=text, commands=commands)


def latest(found: tuple[InstanceStatus, ...], shown: int) -> list[tuple[str, int | None, str | None]]:
    """The latest run of each instance that has ended, among so many: name, number, status."""
    ended = [(each.instance, next((run for run in each.runs[:shown] if run["finished_at"]), None)) for each in found]
    return [(name, run["id"] if run else None, run["status"] if run else None) for name, run in ended]

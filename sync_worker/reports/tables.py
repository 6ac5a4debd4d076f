"""Answers of reports as tables of the page: which columns, what they are called, what stands in a cell. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sync_worker.desired.render.escaping import visible
from sync_worker.reports.forms import Asked, Row
from sync_worker.reports.overview import Answer
from sync_worker.reports.values import cell

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "runs": (
        "id", "instance", "kind", "status", "started_at", "seconds", "users_total", "users_failed", "coverage_percent",
        "channels_created", "channels_changed", "channels_deleted", "requests", "throttled", "requests_per_second",
        "requests_per_second_limit", "message",
    ),
    "changes": (
        "seen_at", "instance", "kind", "origin", "type", "address", "old_address", "user_id", "channel_id", "run_id",
    ),
    "changes-by-day": ("day", "instance", "kind", "origin", "changes"),
    "channels": ("instance", "type", "workflow_state", "channels", "users", "bouncing", "bounce_unknown",
        "pending_deletion"),
    "unreachable": ("user_id", "instance", "sis_user_id", "login_id", "reason", "emails", "active_emails", "read_at"),
    "bouncing": ("user_id", "instance", "type", "address", "is_default", "bounce_count", "last_bounce_at",
        "last_bounce_summary"),
    "failures": ("reference", "instance", "kind", "status", "message", "run_id", "failed_at", "resolved_at"),
    "pending": ("held_run_id", "instance", "waits_for", "reason", "absent_since", "user_id", "channel_id", "type",
        "address"),
    "plans": ("id", "instance", "kind", "status", "made_at", "made_by", "creates", "deletes", "actions_done",
        "actions_not_done", "expires_at", "reason"),
    "drift": ("document", "instance", "compared_at", "users", "users_differing", "users_unresolved", "creates_left",
        "deletes_left", "plan_id", "plan_status"),
}  # fmt: skip
"""The columns of the page, in their order; `report NAME` has all."""

LABELS: Final = {
    "id": "No.",
    "users_total": "Users",
    "users_failed": "Failed",
    "coverage_percent": "Coverage %",
    "channels_created": "Created",
    "channels_changed": "Changed",
    "channels_deleted": "Deleted",
    "throttled": "Refused",
    "requests_per_second": "Requests/s",
    "requests_per_second_limit": "Limit/s",
    "workflow_state": "State",
    "sis_user_id": "SIS id",
    "login_id": "Login",
    "held_run_id": "Run",
    "run_id": "Run",
    "user_id": "User",
    "channel_id": "Channel",
    "is_default": "Default",
    "emails": "E-mails",
    "active_emails": "Active e-mails",
    "bounce_unknown": "Bounces unknown",
    "last_bounce_summary": "What the mail server said",
    "old_address": "Address before",
    "actions_done": "Done",
    "actions_not_done": "Not done",
    "waits_for": "Waits for",
    "document": "Desired state",
    "users_differing": "Users that differ",
    "users_unresolved": "Users not found",
    "creates_left": "Creates to do",
    "deletes_left": "Deletes to do",
    "plan_id": "Plan",
}
"""Headings where the name of the column is none."""

_TIMES: Final = "_at"
SHORT: Final = 48  # characters that stay in one line
_LEVELS: Final = {
    "done": "ok", "applied": "ok", "running": "busy", "applying": "warning", "open": "warning", "partial": "warning",
    "withheld": "warning", "interrupted": "warning", "abandoned": "warning", "implausible": "critical",
    "failed": "critical",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell."""

    kind: str  # text, words, number, id, time, state
    text: str
    sort: str  # what it is sorted by
    level: str = ""  # of a state


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the page."""

    name: str
    title: str
    description: str
    headings: tuple[tuple[str, bool], ...]  # text, and whether numbers stand below it
    rows: tuple[tuple[Cell, ...], ...]
    total: int
    command: str  # that gives all rows

    @property
    def more(self) -> bool:
        """Whether there are rows that it does not show."""
        return self.total > len(self.rows)


def table(answer: Answer, *, several: bool) -> Table:
    """A report as a table; the instance is said where there are several."""
    names = [name for name in COLUMNS[answer.report.name] if several or name != "instance"]
    rows = _rows(names, answer.rows)
    given = "".join(f" --{name} {value}" for name, value in answer.given.items())
    return Table(
        name=answer.report.name,
        title=answer.report.title,
        description=answer.report.description,
        headings=tuple((heading(name), _numeric(answer.rows, name)) for name in names),
        rows=rows,
        total=max(answer.total, len(rows)),
        command=f"sync-worker report {answer.report.name}{given} --format csv",
    )


def sheet(asked: Asked, rows: Sequence[Row]) -> Table:
    """A report as a table of its own, with all its columns."""
    return Table(
        name=asked.report,
        title=asked.title,
        description="",
        headings=tuple((heading(name), _numeric(rows, name)) for name in asked.columns),
        rows=_rows(asked.columns, rows),
        total=len(rows),
        command="",
    )


def _rows(names: Sequence[str], rows: Sequence[Row]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(tuple(_cell(name, row[name]) for name in names) for row in rows)


def heading(column: str) -> str:
    """What people read above a column."""
    plainly = column.removesuffix(_TIMES).replace("_", " ")
    return LABELS.get(column, f"{plainly[:1].upper()}{plainly[1:]}")


def _names(column: str) -> bool:
    """Whether its numbers name something, or are codes: nobody adds them up."""
    return column == "id" or column.endswith("_id") or column == "status"


def _numeric(rows: Sequence[Mapping[str, Any]], name: str) -> bool:
    if _names(name):
        return False
    found = [row[name] for row in rows if row[name] is not None]
    return bool(found) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)


def _cell(name: str, value: Any) -> Cell:
    match value:
        case bool():
            return Cell(kind="text", text="yes" if value else "no", sort=str(int(value)))
        case int() if _names(name):
            return Cell(kind="id", text=str(value), sort=str(value))
        case int() | float():
            return Cell(kind="number", text=_figure(name, value), sort=str(value))
        case str() if name.endswith(_TIMES) or name == "absent_since":
            return Cell(kind="time", text=utc(value), sort=value)
        case str() if name == "status":
            return Cell(kind="state", text=visible(value), sort=value, level=_LEVELS.get(value, ""))
        case _:
            text = visible(cell(value))
            return Cell(kind="words" if len(text) > SHORT else "text", text=text, sort=text)


def _figure(name: str, value: Any) -> str:
    if name == "coverage_percent":
        return f"{value:g}"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def utc(time: str | datetime) -> str:
    """A time as it is read where no script turns it into the reader's zone."""
    at = datetime.fromisoformat(time) if isinstance(time, str) else time
    return f"{at:%Y-%m-%d %H:%M} UTC"

"""A report: asked, masked, written page by page."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from sync_worker.errors import UsageError
from sync_worker.flows.privacy.person import find_person
from sync_worker.flows.privacy.prune import describe
from sync_worker.mirror.database import Database
from sync_worker.mirror.reporting import Reading, reading
from sync_worker.mirror.retention import reach
from sync_worker.reports.forms import FORMS, Asked, Row
from sync_worker.reports.header import Caveat, Parameter, Report, Type
from sync_worker.reports.page import Html
from sync_worker.reports.values import masked, plain, value_of
from sync_worker.users.refs import parse_ref

_UNSEEN: Final = (
    "{count:,} active e-mail channels: whether they bounce is not visible to the token, so nothing is said of them"
)

_NOT_YET: Final = "the mirror of {instance} begins at {begins:%Y-%m-%d %H:%M:%S} UTC: nothing is known of before"
_PRUNED: Final = "what changed before is missing: the history of {instance} {reach}"

_FORMS: Final = {**FORMS, "html": Html}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody wants to know."""

    report: Report
    instances: Sequence[str]
    given: Mapping[str, str]  # values of parameters, as people write them
    form: str  # table, csv, json, html
    addresses: bool  # show them
    limit: int | None  # rows at most; None: all


@dataclass(slots=True, kw_only=True)
class Told:
    """What was written, and what has to be said beside it."""

    rows: int = 0
    more: bool = False  # whether the limit held rows back
    notes: tuple[str, ...] = ()


async def tell(database: Database, question: Question, now: datetime, out: TextIO) -> Told:
    """Ask and write; memory stays flat, but for a table, which has its rows at once.

    Raises:
        UsageError: a parameter is missing or wrong, or names nobody.
    """
    arguments = [await _argument(database, question, parameter) for parameter in question.report.parameters]
    told = Told()
    async with reading(database, now) as read:
        form = _FORMS[question.form](_asked(question, await read.columns(question.report.sql), now))
        out.write(form.head())
        values = question.report.arguments(arguments, now)
        async with aclosing(read.pages(question.report.sql, list(question.instances), *values)) as pages:
            async for page in pages:
                rows = _within(question, told, page)
                if rows:
                    out.write(form.rows([_shown(question, row) for row in rows]))
                if told.more:
                    break
        told.notes = await _notes(read, question, arguments)
    out.write(form.end(told.notes))
    return told


def _within(question: Question, told: Told, page: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of a page that the limit lets through, counted."""
    rows = page if question.limit is None else page[: question.limit - told.rows]
    told.rows += len(rows)
    told.more = len(rows) < len(page)
    return rows


def _shown(question: Question, row: dict[str, Any]) -> Row:
    seen = row if question.addresses else masked(question.report, row)
    return {name: plain(value) for name, value in seen.items()}


async def _argument(database: Database, question: Question, parameter: Parameter) -> Any:
    text = question.given.get(parameter.name, parameter.default)
    if text is None:
        raise UsageError(f"report {question.report.name} needs --{parameter.name}", hint=f"It says {parameter.meaning}")
    if parameter.type is Type.USER:
        return await find_person(database, question.instances[0], parse_ref(text))
    return value_of(parameter, text)


def _asked(question: Question, columns: tuple[str, ...], now: datetime) -> Asked:
    usual = {each.name: each.default for each in question.report.parameters if each.default is not None}
    return Asked(
        report=question.report.name,
        title=question.report.title,
        instances=question.instances,
        parameters={**usual, **question.given},
        columns=columns,
        asked_at=plain(now.replace(microsecond=0)),
        masked=not question.addresses,
        chart=question.report.chart,
    )


async def _notes(read: Reading, question: Question, arguments: Sequence[Any]) -> tuple[str, ...]:
    match question.report.caveat:
        case Caveat.BOUNCES:
            count = await read.bounces_not_visible(question.instances)
            return (_UNSEEN.format(count=count),) if count else ()
        case Caveat.BEGINNING:
            times = dict(zip((each.name for each in question.report.parameters), arguments, strict=True))
            notes = [await _before_all(read, instance, times["time"]) for instance in question.instances]
            return tuple(filter(None, notes))
        case None:
            return ()


async def _before_all(read: Reading, instance: str, time: datetime) -> str | None:
    """What has to be said of a time at which the mirror does not know everything."""
    begins, history = await read.begins_at(instance), await reach(read, instance, "history")
    if history is not None and time < history.back_to and (begins is None or begins < history.back_to):
        return _PRUNED.format(instance=instance, reach=describe(history))
    if begins is not None and time < begins:
        return _NOT_YET.format(instance=instance, begins=begins.astimezone(UTC))
    return None

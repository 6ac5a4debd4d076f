"""The page: one HTML file that needs nothing else, and the same live from `schedule`. Pure, but for its own files.

Everything in it is escaped. Its style and its scripts stand inside it, and the policy names them by their hashes: a
browser runs nothing else, and loads nothing. Without scripts the tables are plain tables, and times are in UTC.
"""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from typing_extensions import override

from sync_worker.reports import charts
from sync_worker.reports.charts import Picture
from sync_worker.reports.forms import Asked, Form, Row
from sync_worker.reports.overview import Answer, InstanceState, Live, Overview
from sync_worker.reports.tables import Table, heading, sheet, table, utc

DAYS: Final = 30  # of the chart of changes
_VERDICTS: Final = {
    "ok": "Fresh",
    "warning": "Fresh, with something to look at",
    "critical": "Not to be relied on",
}
_ICON: Final = "data:,"  # none: the browser is not to ask for one


def render(overview: Overview | None, live: Live | None = None) -> str:
    """The page.

    Args:
        overview: what the database says; None: it does not answer.
        live: what `schedule` knows; None: the page is a file.
    """
    now = overview.now if overview else live.now if live else None
    return _template("page").render(
        now=now,
        overview=overview,
        live=live,
        several=overview is not None and len(overview.instances) > 1,
        pictures=dict(_pictures(overview)) if overview else {},
        tables={name: _table(overview, answer) for name, answer in overview.answers.items()} if overview else {},
        todos=[(each.name, todo) for each in overview.instances for todo in each.todos] if overview else [],
        **_shell(live=live is not None),
    )


def render_sheet(asked: Asked, rows: Sequence[Row], notes: Sequence[str]) -> str:
    """One report as a page of its own, in the same dress."""
    picture = charts.of_report(asked.report, heading(asked.chart.y), asked.chart, rows) if asked.chart else None
    return _template("sheet").render(
        asked=asked, table=sheet(asked, rows), notes=notes, pictures=[picture] if picture else [], **_shell(live=False)
    )


def _shell(*, live: bool) -> dict[str, Any]:
    """What every page has in its head and at its end."""
    return {
        "policy": policy(live=live),
        "icon": _ICON,
        "style": Markup(_text("page.css")),  # noqa: S704  (files of this package)
        "scripts": [Markup(text) for text in scripts()],  # noqa: S704  (as above)
    }


def policy(*, live: bool) -> str:
    """The content security policy: nothing but what stands in the page; live it may ask for the status."""
    return "; ".join(
        (
            "default-src 'none'",
            f"style-src {_hash(_text('page.css'))}",
            f"script-src {' '.join(map(_hash, scripts()))}",
            "img-src data:",
            "connect-src 'self'" if live else "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def scripts() -> tuple[str, ...]:
    """The page's scripts: one that sorts tables, and its own."""
    return (_text("vendor/sortable.min.js"), _text("page.js"))


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _text(name: str) -> str:
    return files("sync_worker.reports").joinpath(name).read_text(encoding="utf-8")


def _table(overview: Overview, answer: Answer) -> Table:
    return table(answer, several=len(overview.instances) > 1)


def _pictures(overview: Overview) -> Iterator[tuple[str, list[Picture]]]:
    """The charts by the section in which they stand."""
    rows = {name: answer.rows for name, answer in overview.answers.items()}
    speeds = [charts.throughput(rows["runs"], instance.name) for instance in overview.instances]
    yield "runs", [picture for picture in speeds if picture]
    changes = charts.changes_by_day(rows["changes-by-day"], overview.now.date(), DAYS)
    yield "changes", [changes] if changes else []
    channels = charts.channels_by_state(rows["channels"])
    yield "channels", [channels] if channels else []


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("sync_worker.reports", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["utc"] = utc
    environment.filters["figure"] = lambda number: f"{number:,}"
    environment.filters["plural"] = _plural
    environment.filters["safe_svg"] = lambda picture: Markup(picture.svg)  # noqa: S704  (made by charts, escaped)
    environment.globals["verdict"] = verdict
    return environment.get_template(f"{name}.html.jinja")


def _plural(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def verdict(instance: InstanceState) -> str:
    """The state in a word."""
    if instance.origin is None:
        return "Nothing has run yet"
    if instance.last_success_at is None:
        return "Never read to a good end"
    return _VERDICTS.get(instance.level, "Unknown")


class Html(Form):
    """A report on its way out as a page: all rows at the end."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._rows: list[Row] = []

    @override
    def head(self) -> str:
        return ""

    @override
    def rows(self, rows: Sequence[Row]) -> str:
        self._rows += rows
        return ""

    @override
    def end(self, notes: Sequence[str]) -> str:
        return render_sheet(self._asked, self._rows, notes)

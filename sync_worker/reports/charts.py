"""The charts of the page, drawn by pygal: SVG without script, style and links; `page.css` has the colours. Pure."""

import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, tostring

import pygal

from sync_worker.desired.render.escaping import visible
from sync_worker.reports.header import Chart

# pygal puts a finder of plug-ins where Python looks for modules; we have none, and Python 3.11 warns of its old form.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

KINDS: Final = ("created", "confirmed", "revived", "moved", "readdressed", "bounced", "retired")
"""Of changes, in the order in which they are stacked."""

TOWERING: Final = 8.0
"""A day with so many times the changes of any other is not drawn: nothing else could be seen."""

WIDEST: Final = 60  # places on the x axis of a report's own chart
LABELLED: Final = 6  # of them that have a label
RUNS: Final = 30  # in the chart of throughput
_READING: Final = frozenset({"run", "backfill"})
_FEW: Final = 10  # requests, below which a throughput says nothing
_LEFT_OUT: Final = frozenset({"defs", "title"})
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_STATES: Final = ("active", "unconfirmed")
_TYPES: Final = ("email", "sms", "push")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A chart."""

    name: str
    title: str
    svg: str  # safe HTML; says in words what it shows
    notes: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()  # of the same figures as a table, where no table of the page has them
    rows: tuple[tuple[str, ...], ...] = ()


def throughput(rows: Sequence[Row], instance: str) -> Picture | None:
    """Requests a second of an instance's last reading runs, and what the rate limit would have borne; None: no runs."""
    runs = [row for row in reversed(rows) if row["instance"] == instance and _tells(row)][-RUNS:]
    if not runs:
        return None
    chart = pygal.Line(**_usual(height=300, range=(0, _top(runs)), dots_size=4))
    chart.x_labels = [f"run {row['id']}" for row in runs]
    chart.add("sent", [row["requests_per_second"] for row in runs])
    limits = [row["requests_per_second_limit"] for row in runs]
    known = [limit for limit in limits if limit is not None]
    if known:
        chart.add("theoretical limit", limits)
    last = runs[-1]
    of = f" of a possible {last['requests_per_second_limit']:,.1f}" if limits[-1] is not None else ""
    alternative = (
        f"Requests a second of the last {len(runs)} reading runs of {visible(instance)}. The latest, run "
        f"{last['id']}, sent {last['requests_per_second']:,.1f}{of}. The table of runs has the figures."
    )
    return Picture(
        name=f"throughput-{instance}",
        title="Throughput against the theoretical limit, requests a second",
        svg=_drawn(chart, alternative),
        notes=() if known else ("The limit is not known: the answers of Canvas did not say what they cost.",),
    )


def _tells(row: Row) -> bool:
    rate = row["requests_per_second"]
    return row["kind"] in _READING and rate is not None and row["requests"] >= _FEW and row["status"] != "running"


def _top(runs: Sequence[Row]) -> float:
    return 1.1 * max(
        float(row[name] or 0) for row in runs for name in ("requests_per_second", "requests_per_second_limit")
    )


def changes_by_day(rows: Sequence[Row], today: date, days: int) -> Picture | None:
    """What changed, by day and kind; None: nothing did."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[row["day"]][row["kind"]] += row["changes"]
    if not counts:
        return None
    tall = _towering({day: kinds.total() for day, kinds in counts.items()})
    shown = [(today - timedelta(days=back)).isoformat() for back in reversed(range(days))]
    chart = pygal.StackedBar(**_usual(height=300, show_minor_x_labels=False))
    chart.x_labels = shown
    chart.x_labels_major = shown[days - 1 :: -7]
    for kind in _present(KINDS, (kind for kinds in counts.values() for kind in kinds)):
        chart.add(kind, [None if day == tall else counts[day][kind] or None for day in shown])
    said = f"{tall} is not drawn: with {counts[tall].total():,} changes it towers above all others." if tall else None
    all_kinds = sum(counts.values(), Counter[str]())
    told = ", ".join(f"{count:,} {kind}" for kind, count in all_kinds.most_common())
    return Picture(
        name="changes-by-day",
        title=f"Changes by day, last {days} days (UTC)",
        svg=_drawn(chart, f"Changes of channels on each of the last {days} days, in all: {told}. A table follows."),
        notes=(said,) if said else (),
        columns=("Day", "Kind", "Changes"),
        rows=tuple(
            (day, kind, f"{count:,}") for day in sorted(counts, reverse=True) for kind, count in counts[day].items()
        ),
    )


def _towering(totals: Mapping[str, int]) -> str | None:
    """The day that would hide all others."""
    if len(totals) == 1:
        return None
    (tallest, most), (_, next_most) = sorted(totals.items(), key=lambda pair: pair[1], reverse=True)[:2]
    return tallest if most > TOWERING * next_most else None


def channels_by_state(rows: Sequence[Row]) -> Picture | None:
    """Live channels by state and type; None: there are none."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        counts[row["workflow_state"], row["type"]] += row["channels"]
    if not counts:
        return None
    states = _present(_STATES, (state for state, _ in counts))
    types = _present(_TYPES, (kind for _, kind in counts))
    chart = pygal.HorizontalStackedBar(**_usual(height=140 + 50 * len(states)))
    chart.x_labels = [visible(state) for state in reversed(states)]
    for kind in types:
        chart.add(visible(kind), [counts[state, kind] or None for state in reversed(states)])
    told = ", ".join(f"{count:,} {visible(kind)} {visible(state)}" for (state, kind), count in counts.most_common())
    return Picture(
        name="channels-by-state",
        title="Live channels by state",
        svg=_drawn(chart, f"Live channels by state and type: {told}. The table of channels has the figures."),
    )


def of_report(name: str, title: str, chart: Chart, rows: Sequence[Row]) -> Picture | None:
    """The chart that a report asks for in its head, of at most `WIDEST` places on its x axis; None: nothing to draw.

    Of days and times the latest are drawn, of anything else those with the most.
    """
    values: dict[str, dict[str, float]] = defaultdict(dict)  # by place, then by series
    for row in rows:
        if row[chart.y] is not None:
            serie = visible(str(row[chart.by])) if chart.by else chart.y.replace("_", " ")
            place = str(row[chart.x])
            values[place][serie] = values[place].get(serie, 0) + row[chart.y]
    if not values:
        return None
    in_time = all(_TIME.match(place) for place in values)
    ranked = sorted(values) if in_time else sorted(values, key=lambda place: (sum(values[place].values()), place))
    shown = ranked[-WIDEST:] if in_time else ranked[: -WIDEST - 1 : -1]
    kind = pygal.Line if chart.kind == "line" else pygal.StackedBar
    drawing = kind(**_usual(height=300, show_minor_x_labels=False, include_x_axis=True))
    labels = [place[:16].replace("T", " ") if in_time else visible(place) for place in shown]
    drawing.x_labels = labels
    drawing.x_labels_major = labels[:: -(-len(labels) // LABELLED)]
    series = _present(KINDS, (serie for place in shown for serie in values[place]))
    for serie in series:
        drawing.add(serie, [values[place].get(serie) for place in shown])
    left_out = len(values) - len(shown)
    which = "earlier" if in_time else "smaller"
    return Picture(
        name=name,
        title=title,
        svg=_drawn(drawing, f"{title}: {len(shown)} values of {', '.join(series)}. The table has the figures."),
        notes=(f"Not drawn: {left_out:,} {which} ones, which the table has.",) if left_out else (),
    )


def _present(order: Sequence[str], found: Iterable[str]) -> list[str]:
    """What was found: in the given order, then the rest by name."""
    names = set(found)
    return [name for name in order if name in names] + sorted(names - set(order))


# --- pygal ----------------------------------------------------------------------------------------------


def _usual(**given: Any) -> dict[str, Any]:
    return {
        "width": 760,
        "js": [],
        "css": [],
        "no_prefix": True,
        "disable_xml_declaration": True,
        "legend_at_bottom": True,
        "legend_box_size": 14,
        "margin": 12,
        "margin_bottom": 36,
        "truncate_label": -1,
        "truncate_legend": -1,
        "max_scale": 6,
        "value_formatter": lambda value: f"{value:,.10g}",
        **given,
    }


def _drawn(chart: Any, alternative: str) -> str:
    """The SVG without what is for pygal's own script and style; each value is told where the pointer rests."""
    names = [kwargs["title"] for _, kwargs in chart.raw_series]
    chart.legend_at_bottom_columns = max(3, len(names))
    root: Element = chart.render_tree()
    for parent in list(root.iter()):
        for child in list(parent):
            if callable(child.tag) or child.tag in _LEFT_OUT or "tooltip-overlay" in child.get("class", ""):
                parent.remove(child)
        for name in ("id", "style"):
            parent.attrib.pop(name, None)
    for number, name in enumerate(names):
        for serie in root.iter("g"):
            if f"serie-{number}" in serie.get("class", "").split():
                _tell_values(serie, name)
    root.attrib.update({"class": "chart", "role": "img", "aria-label": alternative})
    return tostring(root, encoding="unicode")


def _tell_values(serie: Element, name: str) -> None:
    """What pygal's script would show in a tooltip becomes a title, which browsers show by themselves."""
    for bars in [group for group in serie.iter("g") if group.get("class") == "bars"]:
        for bar in [bar for bar in bars if _invisible(bar)]:
            bars.remove(bar)
    for mark in serie.iter("g"):
        said = {child.get("class", ""): child.text or "" for child in mark if child.tag == "desc"}
        for child in [child for child in mark if child.tag == "desc"]:
            mark.remove(child)
        if said:
            SubElement(mark, "title").text = f"{said.get('x_label', '')}: {said.get('value', '')} {name}".strip()


def _invisible(bar: Element) -> bool:
    """Whether it stands for nothing."""
    return any(float(rect.get(side, "1")) == 0 for rect in bar.iter("rect") for side in ("width", "height"))

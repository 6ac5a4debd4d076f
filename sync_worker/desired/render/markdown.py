"""A plan for a pull request or a ticket. Pure.

Whatever somebody else wrote is code there: it cannot be markup, a link or a mention, and cannot leave its cell.
"""

from collections.abc import Iterator
from typing import Final

from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan
from sync_worker.desired.render.escaping import code, prose
from sync_worker.desired.render.page import Line, Page, Person, Shown, page

SHOWN: Final = Shown(most=200)


def render(plan: Plan, ruling: Ruling, shown: Shown = SHOWN) -> str:
    """The plan as GitHub's Markdown."""
    return "".join(f"{line}\n" for line in _lines(page(plan, ruling, shown)))


def _lines(content: Page) -> Iterator[str]:
    yield f"# {prose(content.title)}"
    yield ""
    yield f"**{prose(content.summary)}**"
    yield ""
    yield from (f"- {name}: {code(value)}" for name, value in content.facts)
    yield from _block("Mind", content.warnings)
    if content.people:
        yield from ("", "## Changes", "", "| | User | Type | Address | Notes |", "| :-: | --- | --- | --- | --- |")
    for person in content.people:
        yield from _rows(person)
    if content.more:
        yield from ("", f"_{prose(content.more)}_")
    yield from _block("Withheld", content.withheld)
    yield from _block("Outside manage, not touched", content.unmanaged)
    yield from _block("References that lead to nobody", content.unresolved, verbatim=True)
    if content.unresolved_more:
        yield f"- and {content.unresolved_more:,} more"


def _block(title: str, items: tuple[str, ...], *, verbatim: bool = False) -> Iterator[str]:
    if items:
        yield from ("", f"## {title}", "")
        yield from (f"- {code(item) if verbatim else prose(item)}" for item in items)


def _rows(person: Person) -> Iterator[str]:
    name = code(person.name)
    for warning in person.warnings:
        yield f"| **!** | {name} | | | **{prose(warning)}** |"
    for line in person.lines:
        yield f"| {code(line.sign)} | {name} | {code(line.type)} | {code(line.address)} | {_remarks(line)} |"


def _remarks(line: Line) -> str:
    withheld = (f"**withheld: {prose(line.withheld)}**",) if line.withheld else ()
    return "; ".join((*withheld, *map(prose, line.notes)))

"""A plan for a terminal: what to mind first, then a table for each user, the sum, and what is not done. Pure.

Addresses stand in full: no line is wrapped or cut.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan
from sync_worker.desired.render.page import Line, Page, Person, Shown, Sign, page

SHOWN: Final = Shown(most=200)

_STYLES: Final[Mapping[Sign, str]] = {
    Sign.CREATE: "green",
    Sign.DELETE: "red",
    Sign.REPLACE: "yellow",
    Sign.UNMANAGED: "dim",
}


def render(plan: Plan, ruling: Ruling, shown: Shown = SHOWN) -> str:
    """The plan as plain text."""
    return "".join(f"{line.plain}\n" for line in lines(plan, ruling, shown))


def show(console: Console, plan: Plan, ruling: Ruling, shown: Shown = SHOWN) -> None:
    """The same on a console: in colours where it is a terminal."""
    for line in lines(plan, ruling, shown):
        console.print(line, soft_wrap=True, highlight=False)


def lines(plan: Plan, ruling: Ruling, shown: Shown = SHOWN) -> Iterator[Text]:
    """The lines of both."""
    content = page(plan, ruling, shown)
    yield Text(content.title, style="bold")
    for name, value in content.facts:
        yield Text.assemble((f"  {name:<9}  ", "dim"), value)
    yield from _block("Mind", content.warnings, "bold yellow", "! ")
    for person in content.people:
        yield from _person(person)
    if content.more:
        yield Text()
        yield Text(content.more, style="italic")
    yield Text()
    yield Text(content.summary, style="bold")
    yield from _end(content)


def _end(content: Page) -> Iterator[Text]:
    yield from _block("Withheld", content.withheld, "magenta")
    yield from _block("Outside manage, not touched", content.unmanaged, "dim")
    more = (f"and {content.unresolved_more:,} more",) if content.unresolved_more else ()
    yield from _block("References that lead to nobody", (*content.unresolved, *more), "yellow")


def _block(title: str, items: tuple[str, ...], style: str, mark: str = "") -> Iterator[Text]:
    if items:
        yield Text()
        yield Text(title, style="bold")
        yield from (Text(f"  {mark}{item}", style=style) for item in items)


def _person(person: Person) -> Iterator[Text]:
    yield Text()
    yield Text(person.name, style="bold")
    for warning in person.warnings:
        yield Text(f"  ! {warning}", style="bold yellow")
    widths = [max((cell_len(cell) for cell in column), default=0) for column in zip(*_cells(person), strict=True)]
    for line in person.lines:
        yield _line(line, widths)


def _cells(person: Person) -> Iterator[tuple[str, str]]:
    yield from ((line.type, line.address) for line in person.lines)


def _line(line: Line, widths: list[int]) -> Text:
    kind = line.type + " " * (widths[0] - cell_len(line.type))
    address = line.address + " " * (widths[1] - cell_len(line.address))
    text = Text.assemble((f"  {line.sign} {kind}  {address}", _STYLES[line.sign]))
    if line.withheld:
        text.append(f"  withheld: {line.withheld}", style="magenta")
    if line.notes:
        text.append(f"  {'; '.join(line.notes)}", style="dim")
    text.rstrip()
    return text

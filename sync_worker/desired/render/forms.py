"""The forms that a plan can be printed in. Pure."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan
from sync_worker.desired.render import as_csv, as_json, html, markdown, text
from sync_worker.desired.render.page import Shown


class Format(StrEnum):
    """What `plan --format` takes."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"


_RENDERERS: Final[Mapping[Format, tuple[Callable[[Plan, Ruling, Shown], str], Shown]]] = {
    Format.TEXT: (text.render, text.SHOWN),
    Format.JSON: (lambda plan, ruling, _: as_json.render(plan, ruling), Shown()),
    Format.MARKDOWN: (markdown.render, markdown.SHOWN),
    Format.HTML: (html.render, html.SHOWN),
    Format.CSV: (as_csv.render, as_csv.SHOWN),
}


def render(plan: Plan, ruling: Ruling, form: Format, shown: Shown | None = None) -> str:
    """The plan in a form; ends with a line end.

    Args:
        plan: all of it.
        ruling: what the guards say to it.
        form: which; text comes without colours (`text.show` has them).
        shown: which users; None: the first 200 in text and Markdown, else all. JSON has all of them always.
    """
    renderer, usual = _RENDERERS[form]
    return renderer(plan, ruling, usual if shown is None else shown)

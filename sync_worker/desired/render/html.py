"""A plan as one HTML file that needs nothing else: no network, no script. Pure, but for reading its own template."""

from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan
from sync_worker.desired.render.page import Shown, Sign, page

SHOWN: Final = Shown()

_CLASSES: Final = {
    Sign.CREATE: "create",
    Sign.DELETE: "delete",
    Sign.REPLACE: "replace",
    Sign.UNMANAGED: "unmanaged",
}


def render(plan: Plan, ruling: Ruling, shown: Shown = SHOWN) -> str:
    """The plan as a page; everything in it is escaped."""
    return _template().render(page=page(plan, ruling, shown), classes=_CLASSES)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("sync_worker.desired.render", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("plan.html.jinja")

"""A plan for a spreadsheet: one row a change. Pure.

Values that a spreadsheet would take for a formula begin with an apostrophe, and control characters are written out; a
program that needs them as they are takes JSON.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final

from sync_worker.desired.diff import Change
from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan, PlannedUser
from sync_worker.desired.render.escaping import visible
from sync_worker.desired.render.page import Shown
from sync_worker.desired.render.words import why_withheld
from sync_worker.spreadsheets import disarmed

SHOWN: Final = Shown()

COLUMNS: Final = (
    "instance",
    "user_id",
    "user",
    "change",
    "type",
    "address",
    "channel_id",
    "replaced",
    "skip_confirmation",
    "warnings",
    "withheld",
    "reason",
    "where",
)


def render(plan: Plan, ruling: Ruling, shown: Shown = SHOWN) -> str:
    """The plan as CSV with a header; `yes` or empty for what holds or not."""
    users = plan.users[: shown.most] if shown.sample is None else shown.sample
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for user in users:
        writer.writerows(_rows(plan.instance, user, ruling))
    return sheet.getvalue()


def _rows(instance: str, user: PlannedUser, ruling: Ruling) -> Iterator[Mapping[str, str]]:
    for change in user.diff.changes:
        texts = {
            "instance": instance,
            "user": str(user.diff.desired.ref),
            "type": change.type,
            "address": change.address,
            "warnings": "; ".join(user.warnings),
            "withheld": why_withheld(change, ruling),
            "reason": change.reason,
            "where": change.where,
        }
        yield {**_figures(change), **{name: disarmed(visible(text)) for name, text in texts.items()}}


def _figures(change: Change) -> dict[str, str]:
    return {
        "user_id": str(change.user_id),
        "change": change.kind.value,
        "channel_id": "" if change.channel_id is None else str(change.channel_id),
        "replaced": "yes" if change.replaced else "",
        "skip_confirmation": "yes" if change.channel_id is None and change.skip_confirmation else "",
    }

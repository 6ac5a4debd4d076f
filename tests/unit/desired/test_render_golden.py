"""Every form of a plan, compared with a file that a person has looked at.

To write the files anew, and then read what `git diff` says: `UPDATE_GOLDEN=1 python -m pytest tests/unit/desired`.
"""

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan
from sync_worker.desired.render import text
from sync_worker.desired.render.as_json import plan_to_json
from sync_worker.desired.render.forms import Format, render
from sync_worker.desired.render.page import Shown
from sync_worker.desired.render.sample import sample
from tests.unit.desired.stories import everything, quiet, usual

GOLDEN = Path(__file__).parent / "golden"
SUFFIXES = {Format.TEXT: "txt", Format.JSON: "json", Format.MARKDOWN: "md", Format.HTML: "html", Format.CSV: "csv"}


def compare(name: str, found: str) -> None:
    """Found is what the file says, to the byte."""
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_bytes(found.encode())
    assert found == file.read_bytes().decode()


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("story", [everything, usual, quiet])
def test_every_form_is_as_it_was(story: Callable[[], tuple[Plan, Ruling]], form: Format) -> None:
    """What people and scripts read does not change unnoticed."""
    compare(f"{story.__name__}.{SUFFIXES[form]}", render(*story(), form))


@pytest.mark.parametrize("form", [Format.TEXT, Format.MARKDOWN, Format.HTML])
def test_a_long_plan_is_cut_and_says_so(form: Format) -> None:
    """Two users of six, one reference of three; the counts are of the whole plan."""
    compare(f"cut.{SUFFIXES[form]}", render(*_long(), form, Shown(most=2)))


@pytest.mark.parametrize("form", [Format.TEXT, Format.CSV])
def test_a_sample_says_that_it_is_one(form: Format) -> None:
    """The users of the sample, the counts of the whole plan."""
    plan, ruling = _long()
    compare(f"sample.{SUFFIXES[form]}", render(plan, ruling, form, Shown(sample=sample(plan, 3, seed=7))))


def test_a_terminal_has_colours() -> None:
    """Creates green, deletes red, replaced yellow; nothing is wrapped, however narrow."""
    screen = io.StringIO()
    console = Console(
        file=screen, force_terminal=True, width=30, color_system="standard", legacy_windows=False, _environ={}
    )
    text.show(console, *everything())
    compare("everything.ansi", screen.getvalue())


def test_a_pipe_has_none() -> None:
    """What is shown on something else than a terminal is what `render` gives."""
    screen = io.StringIO()
    text.show(Console(file=screen, width=30, _environ={}), *everything())
    assert screen.getvalue() == text.render(*everything())


def test_the_plan_alone_is_as_it_was() -> None:
    """The shape that plan files and the table of plans have."""
    compare("plan.json", plan_to_json(everything()[0]))


def _long() -> tuple[Plan, Ruling]:
    plan, ruling = everything()
    references = tuple(f"id:{number} (desired.csv:{number})" for number in (7, 8, 9))
    return replace(plan, source=replace(plan.source, unresolved=references)), ruling

"""What the README promises is there, and what is there stands in the README. More of it: tests/unit/test_docs.py."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import typer

from sync_worker.channels import Channel
from sync_worker.cli import exits
from sync_worker.cli.app import build
from sync_worker.desired.diff import diff
from sync_worker.desired.document import check, digest, read
from sync_worker.desired.entries import Entry, UserHead, desired_user
from sync_worker.desired.plan import Plan, Source, planned
from sync_worker.desired.render import text
from sync_worker.flows.push.weighing import weigh_new
from sync_worker.mirror.sql import sql_folder
from sync_worker.reports.catalogue import names
from sync_worker.settings import GuardsTable

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def visible(command: typer.core.TyperCommand | typer.core.TyperGroup, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Every command that `--help` shows, as people type it."""
    if isinstance(command, typer.core.TyperGroup):
        for name, child in command.commands.items():
            if not child.hidden:
                yield from visible(child, (*path, name))  # type: ignore[arg-type]  # Typer's children are Typer's
    else:
        yield " ".join(path)


COMMANDS = sorted(visible(typer.main.get_command(build())))  # type: ignore[arg-type]  # it is a TyperGroup


def test_every_command_is_in_the_readme() -> None:
    """The table of commands misses none."""
    assert [command for command in COMMANDS if f"`{command}" not in README] == []


def test_the_readme_invents_no_command() -> None:
    """Whatever follows `sync-worker` in the README is a command."""
    named = set(re.findall(r"(?:[$`/] ?|^ +)sync-worker(?: --\S+ \S+)* ([a-z]+)", README, re.MULTILINE))
    assert named
    assert named <= {command.split()[0] for command in COMMANDS}


def test_every_report_has_its_row() -> None:
    """The table of reports has exactly those that there are, and every view is named."""
    section = (ROOT / "docs/reporting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)
    assert sorted(name for row in rows for name in re.findall(r"`([\w-]+)`", row)) == list(names())
    views = re.findall(r"CREATE VIEW reporting\.(\w+)", (sql_folder() / "schema.sql").read_text(encoding="utf-8"))
    assert [view for view in views if not re.search(rf"`(reporting\.)?{view}`", section)] == []


def test_exit_codes_are_those_of_the_program() -> None:
    """The table of exit codes has exactly the codes that the program knows."""
    table = README.split("### Exit codes", 1)[1].split("##", 1)[0]
    codes = {int(code) for row in re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE) for code in row.split(",")}
    assert codes == set(exits.PRECEDENCE)


MADE_AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
LIVE = {
    "S1001": (1001, ("sheldon@caltech.example",)),
    "1042": (1042, ("amy@home.example", "amy@old.example")),
}
"""What the people of the example have at Canvas, by the name that the document gives them."""


def test_the_example_of_a_plan(tmp_path: Path) -> None:
    """The document is valid, and the plan is what the program says of it."""
    document = tmp_path / "desired.yaml"
    document.write_text(_block("```yaml\n", "version: 1"), encoding="utf-8")
    assert (check(document).users, check(document).warning_count) == (2, 0)
    shown, last = _block("```\n", "$ sync-worker plan").split("\n", 1)[1].rsplit("\nsync-worker: ", 1)
    assert last == "main: saved as plan 7; it expires at 2026-11-30 09:30 UTC\n"
    plan = _example(document)
    assert f"{shown}\n" == text.render(plan, weigh_new(plan, GuardsTable()))


def _block(fence: str, start: str) -> str:
    return start + README.split(fence + start, 1)[1].split("```", 1)[0]


def _example(document: Path) -> Plan:
    items = [item for item in read(document) if isinstance(item, UserHead | Entry)]
    users = []
    for name, (user_id, addresses) in LIVE.items():
        desired = desired_user(user_id, [item for item in items if item.ref.value == name])
        live = tuple(
            Channel(
                id=20 * user_id + place,
                user_id=user_id,
                type="email",
                address=address,
                position=place,
                workflow_state="active",
            )
            for place, address in enumerate(addresses, 1)
        )
        users.append(planned(diff(desired, live), MADE_AT))
    return Plan(
        instance="main",
        origin="https://school.instructure.com",
        made_at=MADE_AT,
        source=Source(document="desired.yaml", digest=digest(document), users=2),
        users=tuple(users),
        unchanged=0,
        managed_live=3,
    )

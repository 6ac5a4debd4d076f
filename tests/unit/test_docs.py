"""What the pages for people say is so: links, commands, settings, metrics, tables, messages."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from sync_worker import errors
from sync_worker.cli.app import build
from sync_worker.service.board import Board
from sync_worker.service.metrics import Metrics
from sync_worker.service.stored import Stored, _Ended
from sync_worker.settings import Settings, load_settings
from tests import docpages
from tests.docpages import PAGES, ROOT, Raised

ROOT_COMMAND: Any = typer.main.get_command(build())
TEXTS = {page: page.read_text(encoding="utf-8") for page in PAGES}
CONTRIBUTING = ROOT / "CONTRIBUTING.md"  # it speaks of modules, not of settings
LINKS = [(page, link) for page in PAGES for link in docpages.links(page)]
COMMANDS = sorted({words for page in PAGES for words in docpages.commands(page)})


def named(value: object) -> str | None:
    """A name for a case."""
    return docpages.relative(value) if isinstance(value, Path) else None


# --- Links ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "link"), LINKS, ids=named)
def test_links_lead_somewhere(page: Path, link: str) -> None:
    """A relative link names a file of the repository, and a heading that it has."""
    assert not docpages.leads_nowhere(page, link)


@pytest.mark.parametrize("link", ["docs/nowhere.md", "docs/settings.md#nowhere", "#nowhere"])
def test_a_broken_link_is_found(link: str) -> None:
    """So the test above can fail."""
    assert docpages.leads_nowhere(ROOT / "README.md", link)


def test_every_page_can_be_reached_from_the_readme() -> None:
    """No page is lost."""
    linked = {(page.parent / link.partition("#")[0]).resolve() for page, link in LINKS}
    assert [docpages.relative(page) for page in PAGES if page.parent.name == "docs" and page not in linked] == []


# --- Commands -------------------------------------------------------------------------------------------


def parse(words: tuple[str, ...]) -> None:
    """As the command line does, without doing anything.

    Raises:
        typer.TyperException: there is no such command, option or number of arguments.
    """
    if "--version" in words or "--help" in words:
        return
    command, context, rest = ROOT_COMMAND, None, list(words)
    while isinstance(command, typer.core.TyperGroup):
        context = command.make_context(command.name, rest, parent=context, allow_interspersed_args=False)
        if command.invoke_without_command and not [*context._protected_args, *context.args]:
            return
        _, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
    command.make_context(command.name, rest, parent=context)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_parse(words: tuple[str, ...]) -> None:
    """Commands, options and arguments exist as they stand there."""
    parse(words)


@pytest.mark.parametrize("words", [("runn",), ("run", "--user", "x"), ("db", "migrat"), ("apply",), ("undo", "x")])
def test_a_wrong_command_is_found(words: tuple[str, ...]) -> None:
    """So the test above can fail."""
    with pytest.raises(typer.TyperException):
        parse(words)


# --- Names ----------------------------------------------------------------------------------------------


def test_settings_exist() -> None:
    """`brake.…`, `database.…` and the like are settings."""
    tables = {name: field.annotation for name, field in Settings.model_fields.items()}
    fields = {name: set(getattr(table, "model_fields", {})) for name, table in tables.items() if name != "instances"}
    pairs = {
        pair for page, text in TEXTS.items() for pair in re.findall(r"`(\w+)\.(\w+)`", text) if page != CONTRIBUTING
    }
    assert len(pairs) > 10
    assert sorted(pair for pair in pairs if pair[0] in fields and pair[1] not in fields[pair[0]]) == []


def test_metrics_exist() -> None:
    """Every `sync_worker_…` is a metric, as Prometheus names it."""
    families = [family for source in (Stored(()), _Ended(())) for family in source.collect()]
    families += Metrics(Board(), ("main",)).registry.collect()
    known = {f"{family.name}{'_total' * (family.type == 'counter')}" for family in families}
    told = {name for text in TEXTS.values() for name in re.findall(r"\bsync_worker_\w*[a-z]\b", text)}
    assert len(told) > 10
    roles = set(re.findall(r"\bsync_worker_\w+", (ROOT / "sql/roles.sql").read_text(encoding="utf-8")))
    assert told - known - roles == set()


def test_tables_exist() -> None:
    """Every table and view that a page names is in the schema."""
    schema = (ROOT / "sql" / "schema.sql").read_text(encoding="utf-8")
    name = re.compile(r"(?<![\w/-])(?:mirror|worker|reporting)\.(?!md\b)[a-z_]+")
    told = {found for text in TEXTS.values() for found in name.findall(text)}
    assert len(told) > 10
    assert [each for each in sorted(told) if not re.search(rf"(?:TABLE|VIEW|FUNCTION) {each}\b", schema)] == []


def test_examples_of_the_configuration_are_valid(tmp_path: Path) -> None:
    """Each, with a Canvas where it names none."""
    found = [block for page in PAGES for block in docpages.blocks(page, "toml")]
    assert len(found) > 2
    for block in found:
        path = tmp_path / "config.toml"
        canvas = "" if "base_url" in block else '\n[instances.main]\nbase_url = "http://127.0.0.1:1"\n'
        path.write_text(textwrap.dedent(block) + canvas, encoding="utf-8")
        assert load_settings(path, {}).instance("main").origin.startswith("http")


def test_examples_in_yaml_and_json_are_valid() -> None:
    """They can be read."""
    alerts = yaml.safe_load("".join(docpages.blocks(ROOT / "docs" / "operations.md", "yaml")))
    assert all({"alert", "expr"} <= set(rule) for rule in alerts["groups"][0]["rules"])
    for page in PAGES:
        for block in docpages.blocks(page, "json"):
            assert json.loads(block)


# --- Messages -------------------------------------------------------------------------------------------

MESSAGES = docpages.documented()
STOPS = {
    "TokenRefused", "LockHeld", "CanvasUnreachable", "DatabaseUnreachable", "DatabaseStuck", "LockLost",
    "QuotaExhausted", "Unreachable", "WrongCanvas", "ClientRefused", "SchemaError", "PlanError",
}  # fmt: skip
"""Errors that a person has to understand at night; those of a command line or a file say all there is to say."""

NOT_FOR_USERS = {"a migration's file is named NNNN_name.sql"}  # whoever writes migrations sees it


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_are_those_of_the_program(message: str) -> None:
    """What the page quotes is what people see."""
    found = docpages.pattern(message)
    assert any(found.search(text) for text in docpages.texts())


def test_the_page_quotes_many() -> None:
    """So the test above says something."""
    assert len(MESSAGES) > 80
    assert not any(docpages.pattern("the database has … drunk").search(text) for text in docpages.texts())


def known(error: Raised) -> bool:
    """Whether the page has it."""
    return error.words in NOT_FOR_USERS or any(docpages.pattern(message).search(error.words) for message in MESSAGES)


def test_every_stop_is_on_the_page() -> None:
    """Whoever finds exit code 5, 6 or 7, or a word about plan, schema or binding, finds it there."""
    assert {name for name in STOPS if not issubclass(getattr(errors, name), errors.SyncWorkerError)} == set()
    stops = [error for error in docpages.raised() if error.error in STOPS and re.search(r"\w{3}", error.words)]
    assert len(stops) > 20
    assert [error for error in stops if not known(error)] == []

"""`docs/settings.md` and the settings say the same."""

import tomllib

import pytest

from sync_worker.errors import ConfigError
from sync_worker.settings import load_settings
from tests.write_settings import EXAMPLE, FILE, Section, page, sections, settings_of, table_of, variable

SECTIONS = sections(EXAMPLE.read_text(encoding="utf-8"))
SHOWN = [(section.name, name) for section in SECTIONS for name in section.shown if section.name != "schedule"]


def test_the_page_is_what_the_generator_writes() -> None:
    """After a change of a setting: .venv/bin/python -m tests.write_settings."""
    assert FILE.read_text(encoding="utf-8") == page()


def test_every_setting_is_on_the_page() -> None:
    """Each table of the example has all settings of its class."""
    assert {section.name: set(section.texts) for section in SECTIONS} == {
        section.name: set(settings_of(section.name)) for section in SECTIONS
    }


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_the_defaults_on_the_page_are_those_of_the_code(section: Section) -> None:
    """What the page shows as a default is the value that stands in where the setting is left out."""
    fields, table = settings_of(section.name), table_of(section.name)
    shown = {name: tomllib.loads(f"value = {text}")["value"] for name, text in section.shown.items()}
    needed = {name: value for name, value in shown.items() if fields[name].is_required()}
    defaults = {name: value for name, value in shown.items() if fields[name].default is not None}
    assert table(**{**needed, **defaults}) == table(**needed)


@pytest.mark.parametrize(("table", "name"), SHOWN)
def test_the_variable_sets_it(table: str, name: str) -> None:
    """The environment variable that stands below a setting is known, and takes its value."""
    text = next(section.shown[name] for section in SECTIONS if section.name == table).strip('"')
    named = variable(f"{table}.{name}").replace("INSTANCES__NAME", "INSTANCES__MAIN")
    assert load_settings(EXAMPLE, {named: text}).model_dump() == load_settings(EXAMPLE, {}).model_dump()


def test_a_variable_that_is_not_on_the_page_is_an_error() -> None:
    """So the test above can fail."""
    with pytest.raises(ConfigError, match="SYNC_WORKER_BRAKE__NONSENSE"):
        load_settings(EXAMPLE, {variable("brake.nonsense"): "1"})

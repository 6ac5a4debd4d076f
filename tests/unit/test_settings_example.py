"""`config/sync-worker.example.toml` and the settings say the same."""

import re
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sync_worker.settings import InstanceTable, ScheduleTable, Settings, load_settings
from sync_worker.settings.tables import Table

EXAMPLE = Path(__file__).parents[2] / "config" / "sync-worker.example.toml"
SETTING = re.compile(r"^# (?=\w+ = )", re.MULTILINE)
TOKEN = re.compile(r"^token(_file)? = .*$", re.MULTILINE)
ALTERNATIVE = re.compile(r"^# or: (\w+ = .*)$", re.MULTILINE)
OVERRIDES = {"instances.NAME.desired", "instances.NAME.guards", "instances.NAME.brake"}


def paths(tree: dict[str, Any], above: str = "") -> Iterator[str]:
    """The dotted path of every key; `NAME` for the names of instances."""
    for key, value in tree.items():
        name = "NAME" if above == "instances." else key
        if isinstance(value, dict):
            yield from paths(value, f"{above}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from paths(value[0], f"{above}{name}.")
        else:
            yield f"{above}{name}"


def fields(table: type[BaseModel], above: str = "") -> Iterator[str]:
    """The dotted path of every setting."""
    for name, field in table.model_fields.items():
        path = {"instances": "instances.NAME"}.get(f"{above}{name}", f"{above}{name}")
        kind: Any = {"instances.NAME": InstanceTable, "schedule": ScheduleTable}.get(path, field.annotation)
        if isinstance(kind, type) and issubclass(kind, Table):
            if path not in OVERRIDES:
                yield from fields(kind, f"{path}.")
        else:
            yield path


def with_settings(text: str) -> str:
    """The example with all settings set that are not."""
    return SETTING.sub("", text)


def with_alternatives(text: str) -> str:
    """The example with the other way to set each secret in place of the first."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if alternative := ALTERNATIVE.match(line):
            rival = max(i for i in range(index) if re.match(r"(?:# )?\w+ = ", lines[i]))
            lines[rival], lines[index] = "", alternative[1]
    return "\n".join(lines)


def test_every_setting_is_in_the_example_and_the_other_way_round() -> None:
    """No setting is missing, none is there that does not exist."""
    text = EXAMPLE.read_text(encoding="utf-8")
    written = {
        *paths(tomllib.loads(with_settings(text))),
        *paths(tomllib.loads(with_settings(with_alternatives(text)))),
    }
    assert written == set(fields(Settings))


def test_every_setting_has_a_comment() -> None:
    """The line above a setting explains it, or belongs to it."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    bare = [
        line
        for before, line in pairwise(lines)
        if re.match(r"(# )?(or: )?\w+ = ", line) and not before.startswith("# ")
    ]
    assert bare == []


def test_the_example_is_valid_in_all_its_forms(tmp_path: Path) -> None:
    """As it is; and with everything set but the token, whose place [oauth] takes; and that with the alternatives."""
    text = EXAMPLE.read_text(encoding="utf-8")
    everything = [TOKEN.sub("", with_settings(form)) for form in (text, with_alternatives(text))]
    for number, form in enumerate((text, *everything)):
        path = tmp_path / f"{number}.toml"
        path.write_text(form, encoding="utf-8")
        assert load_settings(path, {}).instance("main").origin == "https://school.instructure.com"


def test_what_is_set_is_the_default() -> None:
    """Set lines show defaults; only what has none (or must be in writing) may differ."""
    example = load_settings(EXAMPLE, {})
    needed = {"base_url", "token_file"}
    assert example.instances["main"].model_dump(exclude=needed) == InstanceTable(base_url="https://x").model_dump(
        exclude=needed
    )
    for table in ("desired", "guards", "brake", "run", "retention", "web", "logs"):
        assert getattr(example, table) == type(getattr(example, table))()
    assert example.database.model_dump(exclude={"url"}) == Settings().database.model_dump(exclude={"url"})
    assert example.schedule[0].timezone == ScheduleTable(job="run", cron="0 0 * * *").timezone

"""The reference of the settings, out of the tables in the code and the comments of the example configuration.

Writes docs/settings.md anew:

    .venv/bin/python -m tests.write_settings
"""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from sync_worker.settings import InstanceTable, ScheduleTable, Settings
from sync_worker.settings.model import ENV_PREFIX

ROOT: Final = Path(__file__).parents[1]
EXAMPLE: Final = ROOT / "config" / "sync-worker.example.toml"
FILE: Final = ROOT / "docs" / "settings.md"

HEADER: Final = """\
<!-- Made by: .venv/bin/python -m tests.write_settings -->

# Settings

One TOML file: `--config FILE`, else `$SYNC_WORKER_CONFIG`, else `config/sync-worker.toml` in the folder from which the
command runs, else `/etc/sync-worker/config.toml`. Relative paths in it are relative to it. A key that is not here is an
error, told with file, line and key; `sync-worker validate` reads it, and the files with secrets that it names, and says
everything that is wrong. [config/sync-worker.example.toml](../config/sync-worker.example.toml) is this page as a file
to copy.

Each setting can also come from the environment, under the name that stands below it; the environment wins. For `NAME`
write the name of the instance in capitals, with `_` for `-`; lists and tables are JSON. A duration is a number with a
unit, such as `"500ms"`, `"20s"`, `"15m"`, `"12h"`, `"7d"` or `"1h30m"`; a plain number is seconds.
"""

_HEADING: Final = re.compile(r"# --- (.*?) -+$")
_TABLE: Final = re.compile(r"\[{1,2}([\w.]+)\]{1,2}$")
_SETTING: Final = re.compile(r"(?:# (or: )?)?(\w+) = (.*)$")


@dataclass(slots=True, kw_only=True)
class Section:
    """A table of the example, as people read it."""

    name: str  # instances.NAME, with NAME for whatever it is called
    title: str  # what the example says over it; empty where that is said above another table
    intro: str = ""
    texts: dict[str, str] = field(default_factory=dict)  # what the example says about each setting
    shown: dict[str, str] = field(default_factory=dict)  # the values that it sets
    after: list[str] = field(default_factory=list)  # paragraphs for themselves, below the settings


def sections(text: str) -> list[Section]:
    """The tables of the example in their order, with all that its comments say."""
    found: list[Section] = []
    title = ""
    rest: list[str] = []
    for line in text.splitlines():
        if heading := _HEADING.match(line):
            title = heading[1]
        elif table := _TABLE.match(line):
            name = table[1].replace("instances.main", "instances.NAME")
            found.append(Section(name=name, title=title, intro=_prose(rest)))
            title, rest = "", []
        elif found and (setting := _SETTING.match(line)):
            _note(found[-1], setting, rest)
            rest = []
        elif line.startswith("#"):
            rest.append(line.removeprefix("#").strip())
        elif rest and found and not title:
            found[-1].after.append(_prose(rest))
            rest = []
        elif not found:
            rest = []
    return found


def _note(section: Section, setting: re.Match[str], above: list[str]) -> None:
    rival = next(reversed(section.texts), "")
    section.texts[setting[2]] = _prose(above) or f"In the place of `{rival}`."
    if not setting[0].startswith("#"):
        section.shown[setting[2]] = setting[3]


def _prose(lines: list[str]) -> str:
    return " ".join(lines)


# --- What the code says ---------------------------------------------------------------------------------


def table_of(name: str) -> type[BaseModel]:
    """The class of a table."""
    if name == "schedule":
        return ScheduleTable
    if name == "instances.NAME":
        return InstanceTable
    inside, _, last = name.rpartition(".")
    table: Any = (InstanceTable if inside else Settings).model_fields[last].annotation
    assert _is_table(table)
    return cast("type[BaseModel]", table)


def settings_of(table: str) -> dict[str, FieldInfo]:
    """The settings of a table, without the tables inside it."""
    fields = table_of(table).model_fields.items()
    return {name: each for name, each in fields if not _is_table(each.annotation)}


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def form(kind: Any, limits: tuple[Any, ...] = ()) -> str:
    """What may be written, in words."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return form(inside[0], (*limits, *inside[1:]))
    if origin in {Union, UnionType}:
        return next(form(each, limits) for each in inside if each is not NoneType)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in inside)
    return _bounded(_WORDS[origin or kind], limits)


def _bounded(noun: str, limits: tuple[Any, ...]) -> str:
    bounds = {type(each): each for limit in limits for each in _unfolded(limit)}
    if Ge in bounds and Le in bounds:
        return f"{noun}, {bounds[Ge].ge:,} to {bounds[Le].le:,}"
    if Ge in bounds:
        return f"{noun}, {bounds[Ge].ge:,} or more"
    if Gt in bounds:
        return f"{noun}, more than 0"
    return f"{noun}, not empty" if MinLen in bounds and noun.startswith("list") else noun


def _unfolded(limit: Any) -> list[Any]:
    """The bounds in a `Field(…)`, which pydantic unfolds only at the outermost place."""
    return limit.metadata if isinstance(limit, FieldInfo) else [limit]


_WORDS: Final = {
    str: "text",
    SecretStr: "text (a secret)",
    Path: "path",
    date: "date",
    bool: "`true` or `false`",
    tuple: "list of texts",
    int: "whole number",
    float: "number",
    timedelta: "duration",
}


def default(field_: FieldInfo, shown: str | None) -> str:
    """As it would be written; the example shows defaults, and a test proves that they are."""
    if field_.is_required():
        return "must be set"
    if field_.default is None or (field_.default == () and shown is None):
        return "not set"
    assert shown is not None
    return f"`{shown}`"


def variable(path: str) -> str:
    """The environment variable of a setting."""
    return ENV_PREFIX + path.replace(".", "__").upper()


# --- The page -------------------------------------------------------------------------------------------


def page() -> str:
    """The text of docs/settings.md."""
    return "\n".join([HEADER, *(_section(each) for each in sections(EXAMPLE.read_text(encoding="utf-8")))])


def _section(section: Section) -> str:
    brackets = f"[[{section.name}]]" if section.name == "schedule" else f"[{section.name}]"
    title = section.title[:1].upper() + section.title[1:]
    paragraphs = [f"## `{brackets}`", title and _ended(title), section.intro, _environment(section)]
    fields = settings_of(section.name)
    rows = [_row(section, name, fields[name]) for name in section.texts]
    table = "\n".join(["| setting | form | default | meaning |", "| --- | --- | --- | --- |", *rows])
    return "\n\n".join(filter(None, [*paragraphs, table, *section.after])) + "\n"


def _row(section: Section, name: str, each: FieldInfo) -> str:
    names = f"`{name}`"
    if section.name != "schedule":
        names += f"<br>`{variable(f'{section.name}.{name}')}`"
    told = default(each, section.shown.get(name))
    meaning = _ended(section.texts[name].replace("|", "\\|"))
    return f"| {names} | {form(each.annotation, tuple(each.metadata))} | {told} | {meaning} |"


def _environment(section: Section) -> str:
    if section.name == "schedule":
        return f"From the environment: `{variable(section.name)}`, all jobs as one JSON list of tables."
    return ""


def _ended(text: str) -> str:
    return text + ("" if text[-1] in ".…!?" else ".")


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")

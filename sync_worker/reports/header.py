"""What a file of `sql/reports` says about itself: comments `-- field: value` at its head. Pure.

A field goes on in lines that begin with `--` and three spaces. The fields:

    title: a few words
    description: some sentences
    parameter: NAME TYPE [DEFAULT] = what it means; repeatable, in the order of $2, $3, …; $1 is the instances. Where
            the query has one more, as `$N::timestamptz`, that is the time at which it is asked: it asks no clock itself
    addresses: columns that hold addresses
    identifiers: columns that hold logins and the like, which may be addresses
    caveat: bounces, where the answer depends on bounces being visible; beginning, where it depends on how far back the
            mirror knows things, at the parameter `time`
    chart: bar or line, with x=, y= and perhaps by=, which are columns
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

_FIELD: Final = re.compile(r"-- (\w+): (.+)")
_GOES_ON: Final = re.compile(r"--   (.+)")
_PARAMETER: Final = re.compile(r"(\w+) (\w+)(?: (\S+))? = (.+)")
_ONCE: Final = frozenset({"title", "description", "addresses", "identifiers", "caveat", "chart"})


class Type(StrEnum):
    """What the value of a parameter is."""

    INTEGER = "integer"
    TIME = "time"
    USER = "user"  # a reference; the query gets the Canvas id


class Caveat(StrEnum):
    """What has to be said beside an answer."""

    BOUNCES = "bounces"
    BEGINNING = "beginning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A value that the query takes."""

    name: str
    type: Type
    default: str | None  # None: it has to be given
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """How the rows may be drawn."""

    kind: str  # bar, line
    x: str  # columns
    y: str
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One named query."""

    name: str
    title: str
    description: str
    sql: str
    parameters: tuple[Parameter, ...] = ()
    addresses: frozenset[str] = frozenset()  # columns
    identifiers: frozenset[str] = frozenset()
    caveat: Caveat | None = None
    chart: Chart | None = None

    def arguments(self, values: Sequence[Any], now: datetime) -> tuple[Any, ...]:
        """What the query takes after the instances: the values of its parameters and, if it asks for it, the time."""
        asks_time = f"${len(self.parameters) + 2}::timestamptz" in self.sql
        return (*values, now) if asks_time else tuple(values)


def parse(name: str, text: str) -> Report:
    """A file of `sql/reports`.

    Raises:
        ValueError: its head is not as this module says.
    """
    fields, sql = _head(name, text)
    said = dict(fields)
    names = [field for field, _ in fields if field != "parameter"]
    if unknown := set(names) - _ONCE or {field for field in names if names.count(field) > 1}:
        raise ValueError(f"report {name}: {', '.join(sorted(unknown))} is unknown, or said twice")
    if not {"title", "description"} <= set(names):
        raise ValueError(f"report {name}: it has no title or no description")
    return Report(
        name=name,
        title=said["title"],
        description=said["description"],
        sql=sql,
        parameters=tuple(_parameter(name, value) for field, value in fields if field == "parameter"),
        addresses=frozenset(said.get("addresses", "").split()),
        identifiers=frozenset(said.get("identifiers", "").split()),
        caveat=Caveat(said["caveat"]) if "caveat" in said else None,
        chart=_chart(name, said["chart"]) if "chart" in said else None,
    )


def _head(name: str, text: str) -> tuple[list[tuple[str, str]], str]:
    """Fields in their order, and what comes after them."""
    fields: list[tuple[str, str]] = []
    lines = text.splitlines()
    for line in _comments(lines):
        if begun := _FIELD.fullmatch(line):
            fields.append((begun[1], begun[2]))
        elif (more := _GOES_ON.fullmatch(line)) and fields:
            field, value = fields[-1]
            fields[-1] = (field, f"{value} {more[1]}")
        else:
            raise ValueError(f"report {name}: this line of its head cannot be read: {line}")
    return fields, "\n".join(lines[len(list(_comments(lines))) :])


def _comments(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if not line.startswith("--"):
            return
        yield line


def _parameter(name: str, text: str) -> Parameter:
    match = _PARAMETER.fullmatch(text)
    if match is None:
        raise ValueError(f"report {name}: a parameter is NAME TYPE [DEFAULT] = meaning, not: {text}")
    return Parameter(name=match[1], type=Type(match[2]), default=match[3], meaning=match[4])


def _chart(name: str, text: str) -> Chart:
    kind, *pairs = text.split()
    axes = dict(pair.split("=", 1) for pair in pairs)
    if kind not in {"bar", "line"} or not {"x", "y"} <= axes.keys() <= {"x", "y", "by"}:
        raise ValueError(f"report {name}: a chart is bar or line with x=, y= and perhaps by=, not: {text}")
    return Chart(kind=kind, x=axes["x"], y=axes["y"], by=axes.get("by"))

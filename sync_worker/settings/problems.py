"""What is wrong with a configuration, for people: one line for each problem, with its place."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sync_worker.settings.lines import Place, line_of, lines_by_place
from sync_worker.settings.model import Settings
from sync_worker.settings.sources import Environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to put right."""

    place: Place  # the keys that lead to it
    what: str


def from_validation(error: ValidationError) -> Iterator[Problem]:
    """The problems that the type check found; values are never repeated, they may be secrets."""
    for detail in error.errors(include_url=False, include_input=False, include_context=False):
        yield Problem(place=_clean(detail["loc"]), what=_sentence(detail))


def _clean(place: Place) -> Place:
    """The place without pydantic's marker for the key of a mapping."""
    return tuple(key for key in place if key != "[key]")


_SENTENCES = {
    "missing": "is required",
    "tuple_type": "must be a list",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
}
"""What people call it, by pydantic's type of error; the others speak well enough themselves."""


def _sentence(detail: ErrorDetails) -> str:
    if detail["type"] == "extra_forbidden":
        *parents, key = detail["loc"]
        return "unknown key" + did_you_mean(str(key).lower(), keys_at(tuple(parents)))
    if detail["type"] == "string_pattern_mismatch" and "[key]" in detail["loc"]:
        return "the name of an instance is made of letters, digits, hyphens and underscores"
    message = detail["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return _SENTENCES.get(detail["type"], message[0].lower() + message[1:])


def did_you_mean(key: str, known: list[str]) -> str:
    """The end of a sentence about a wrong key: the nearest right one, if any is near."""
    nearest = get_close_matches(key, known, n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def keys_at(place: Place) -> list[str]:
    """The keys that may stand in the table at `place`."""
    kind: Any = Settings
    for key in place:
        kind = _inside(kind, key)
    return list(kind.model_fields) if _is_table(kind) else []


def _inside(kind: Any, key: str | int) -> Any:
    """The type of the value under `key` of a value of type `kind`; None where that says nothing."""
    if _is_table(kind):
        field = kind.model_fields.get(str(key))
        return field.annotation if field else None
    if get_origin(kind) in {Annotated, Union, UnionType}:
        return _inside(get_args(kind)[0], key)
    arguments = get_args(kind)
    return next((a for a in arguments if _is_table(a)), None)


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def spelt(place: Place) -> str:
    """The keys as people write and count them: `run.lock_wait`, `[[schedule]] 2: cron`, `users, item 1`."""
    at = next((at for at, key in enumerate(place) if isinstance(key, int)), len(place))
    keys = ".".join(map(str, place[:at]))
    if at == len(place):
        return keys
    number = int(place[at]) + 1
    head = f"[[{keys}]] {number}" if keys_at(place[: at + 1]) else f"{keys}, item {number}"
    return ": ".join(filter(None, (head, ".".join(map(str, place[at + 1 :])))))


def located(place: Place, file: str, text: str, environment: Environment) -> str:
    """The head of a message about a setting: `VARIABLE`, or `FILE:LINE: key.path`."""
    where, _ = _where(place, file, lines_by_place(text), environment)
    return where


def _where(place: Place, file: str, lines: Mapping[Place, int], environment: Environment) -> tuple[str, int]:
    """The head, and the line; 0 where there is none."""
    if variable := environment.variable(place):
        return variable, 0
    number = line_of(place, lines)
    where = ":".join(filter(None, (file or "configuration", str(number or ""))))
    return ": ".join(filter(None, (where, spelt(place)))), number


def described(problems: Iterable[Problem], file: str, text: str, environment: Environment) -> list[str]:
    """One line for each problem: first `VARIABLE: what`, then `FILE:LINE: key.path: what` down the file."""
    found = []
    lines = lines_by_place(text)
    for problem in problems:
        where, number = _where(problem.place, file, lines, environment)
        found.append((not environment.variable(problem.place), number, f"{where}: {problem.what}"))
    return [line for _, _, line in sorted(found)]

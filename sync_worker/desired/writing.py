"""Writing users as a desired state: YAML, NDJSON or CSV, user by user, so that reading gives the same again. Pure.

CSV holds wishes, and neither mode nor managed types nor users without channels; the others hold it all. A wish that no
document can hold is the caller's to keep out (`rules.writable`).
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sync_worker.channels import RefKind, UserRef
from sync_worker.desired.entries import State, Terms
from sync_worker.desired.formats.rows import COLUMNS
from sync_worker.desired.model import DesiredUser, Wish
from sync_worker.desired.rules import TYPES
from sync_worker.desired.toplevel import VERSION
from sync_worker.spreadsheets import disarmed

_PREFIXES: Final[Mapping[RefKind, str]] = {
    RefKind.SIS: "sis",
    RefKind.LOGIN: "login",
    RefKind.INTEGRATION: "integration",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The pieces that a document is written in, for whoever has its users one by one."""

    head: str  # comes first
    first: str  # before the first user
    nobody: str  # where there is no user at all
    user: Callable[[DesiredUser], str]


def ndjson() -> Form:
    """One object a line; each says all that holds for it."""
    return Form(head="", first="", nobody="", user=_ndjson_user)


def csv_rows() -> Form:
    """One wish a row, after a line that names the columns; no cell is a formula (`spreadsheets`)."""
    return Form(head=_row(COLUMNS), first="", nobody="", user=_csv_user)


def yaml(terms: Terms | None = None) -> Form:
    """A document with `terms` as its defaults; users say what is different."""
    terms = terms or Terms()
    skip = "true" if terms.skip_confirmation else "false"
    defaults = f"defaults: {{mode: {terms.mode}, manage: {_types(terms.manage)}, skip_confirmation: {skip}}}\n"
    return Form(
        head=f"version: {VERSION}\n{defaults}",
        first="users:\n",
        nobody="users: []\n",
        user=lambda user: _yaml_user(user, terms),
    )


def write_ndjson(users: Iterable[DesiredUser]) -> Iterator[str]:
    """All users in the form `ndjson`."""
    return _written(users, ndjson())


def write_csv(users: Iterable[DesiredUser]) -> Iterator[str]:
    """All users in the form `csv_rows`."""
    return _written(users, csv_rows())


def write_yaml(users: Iterable[DesiredUser], terms: Terms | None = None) -> Iterator[str]:
    """All users in the form `yaml`."""
    return _written(users, yaml(terms))


def _written(users: Iterable[DesiredUser], form: Form) -> Iterator[str]:
    yield from filter(None, [form.head])
    before = form.first
    empty = True
    for user in users:
        empty = False
        yield before + form.user(user)
        before = ""
    yield from filter(None, [form.nobody] if empty else [])


def _ndjson_user(user: DesiredUser) -> str:
    fields = {
        "user": _user(user.ref),
        "mode": user.mode.value,
        "manage": sorted(user.manage),
        "channels": [_present(wish) for wish in user.present],
        "absent": [_named(wish) for wish in user.absent],
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _csv_user(user: DesiredUser) -> str:
    name = str(_user(user.ref))
    rows = [
        (name, wish.type, wish.address, State.PRESENT, "true" if wish.skip_confirmation else "false", wish.reason)
        for wish in user.present
    ]
    rows += [(name, wish.type, wish.address, State.ABSENT, "", wish.reason) for wish in user.absent]
    return "".join(map(_row, rows))


def _row(cells: Iterable[str]) -> str:
    line = io.StringIO()
    # Before Python 3.13 only characters of the line's end are sure to be quoted: so it is written with both.
    csv.writer(line, lineterminator="\r\n").writerow([disarmed(cell) for cell in cells])
    return line.getvalue().removesuffix("\r\n") + "\n"


def _user(ref: UserRef) -> str | int:
    prefix = _PREFIXES.get(ref.kind)
    return f"{prefix}:{ref.value}" if prefix else int(ref.value)


def _present(wish: Wish) -> dict[str, Any]:
    named = _named(wish)
    return {"type": wish.type, "address": wish.address, "skip_confirmation": wish.skip_confirmation, **named}


def _named(wish: Wish) -> dict[str, Any]:
    fields = {"type": wish.type, "address": wish.address}
    return {**fields, "reason": wish.reason} if wish.reason else fields


# --- YAML -----------------------------------------------------------------------------------------------


def _yaml_user(user: DesiredUser, terms: Terms) -> str:
    lines = [f"  - user: {_scalar(_user(user.ref))}"]
    if user.mode is not terms.mode:
        lines.append(f"    mode: {user.mode}")
    if user.manage != terms.manage:
        lines.append(f"    manage: {_types(user.manage)}")
    lines += _yaml_list("channels", [_yaml_present(wish, terms) for wish in user.present])
    if user.absent:
        lines += _yaml_list("absent", [_named(wish) for wish in user.absent])
    return "\n".join(lines) + "\n"


def _yaml_list(key: str, items: list[dict[str, Any]]) -> list[str]:
    if not items:
        return [f"    {key}: []"]
    rows = (", ".join(f"{name}: {_scalar(value)}" for name, value in item.items()) for item in items)
    return [f"    {key}:", *(f"      - {{{row}}}" for row in rows)]


def _yaml_present(wish: Wish, terms: Terms) -> dict[str, Any]:
    fields = _present(wish)
    if wish.skip_confirmation == terms.skip_confirmation:
        del fields["skip_confirmation"]
    return fields


def _types(manage: frozenset[str]) -> str:
    return f"[{', '.join(_scalar(each) for each in sorted(manage))}]"


def _scalar(value: str | int | bool) -> str:  # noqa: FBT001 - a value to write, not a switch
    """A scalar as YAML: words that are safe as they are plain, all other text in double quotes."""
    if isinstance(value, str):
        return value if value in TYPES else f'"{"".join(map(_escaped, value))}"'
    return json.dumps(value)


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    return char if char.isprintable() else f"\\U{ord(char):08x}"

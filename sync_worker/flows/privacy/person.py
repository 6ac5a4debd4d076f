"""Everything that is held on one person: whom a reference means, and what each table says."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sync_worker.channels import RefKind, UserRef
from sync_worker.errors import SourceError, UsageError
from sync_worker.folding import fold
from sync_worker.mirror import persons
from sync_worker.mirror.database import Database, Record, Session
from sync_worker.mirror.forgotten import forgotten
from sync_worker.mirror.persons import Person
from sync_worker.mirror.readback import find_users
from sync_worker.users.refs import KINDS, reference

Row = dict[str, Any]

BEYOND: Final = (
    "backups, and what PostgreSQL keeps of deleted rows until it vacuums them",
    "files: exports, saved plans (plan --out), desired states, lists of users, the configuration",
    "logs and mail with the output of earlier commands",
    "Canvas itself",
)
"""Where a person may be named that no command reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What an instance holds on one person."""

    person: Person
    reported_at: datetime
    tables: dict[str, list[Row]]  # by table; only those that hold something
    acted: int  # actions on others that were done with the person's token

    @property
    def counts(self) -> dict[str, int]:
        """Rows by table."""
        return {table: len(rows) for table, rows in self.tables.items()}

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""
        return not self.tables and not self.acted


async def find_person(database: Database, instance: str, ref: UserRef) -> int:
    """The number of the user that a reference names in the mirror; a number need not be there.

    Raises:
        UsageError: the mirror does not know the reference, or knows several users by it.
    """
    found = await find_users(database, instance, ref)
    if len(found) == 1:
        user_id: int = found[0]["id"]
        return user_id
    if ref.kind is RefKind.ID:
        return int(ref.value)
    what = "no user" if not found else f"{len(found)} users (an identifier that changed hands)"
    raise UsageError(f"the mirror has {what} for {ref}", hint="Name the user by the number that Canvas gives it")


async def held_on(database: Database, instance: str, user_id: int, now: datetime) -> Holding:
    """Everything that the instance holds on a user."""
    async with database.session() as session:
        person = await persons.identify(session, instance, user_id)
        tables = {
            **await persons.held(session, person),
            "worker.plans": [row async for row in _plans(session, person)],
            "worker.runs": [dict(row) for row in await runs_naming(session, person)],
        }
        acted = await persons.acted(session, person)
    full = {table: rows for table, rows in sorted(tables.items()) if rows}
    return Holding(person=person, reported_at=now, tables=full, acted=acted)


async def nothing_held(database: Database, instance: str, user_id: int) -> UsageError:
    """What to say where nothing is."""
    if user_id in await forgotten(database, instance):
        return UsageError(f"nothing is held on user {user_id}, who was forgotten and is not read again")
    hint = "See: sync-worker channels list USER, which asks Canvas"
    return UsageError(f"{instance} holds nothing on user {user_id}", hint=hint)


# --- runs -----------------------------------------------------------------------------------------------


async def runs_naming(session: Session, person: Person) -> list[Record]:
    """Runs whose specs or message name the person."""
    return [row for row in await persons.runs_to_search(session, person) if _names_run(row, person)]


def _names_run(row: Record, person: Person) -> bool:
    specs = list(row["users_spec"])
    message = row["message"] or ""
    return spec_texts_without(specs, person) != specs or person.scrub(message) != message


def spec_texts_without(specs: list[str], person: Person) -> list[str]:
    """User specs as a run or a plan keeps them, without the person."""
    return [_spec_without(text, person) for text in specs]


def _spec_without(text: str, person: Person) -> str:
    prefix, _, values = text.partition(":")
    kind = KINDS.get(prefix)
    if kind is None:  # file:, query:, account: — a path may name somebody
        return person.scrub(text)
    kept = [value for value in values.split(",") if not _is_person(kind, value, person)]
    return text if len(kept) == len(values.split(",")) else f"{prefix}:{','.join(kept) or persons.REPLACEMENT}"


def _is_person(kind: RefKind, value: str, person: Person) -> bool:
    """In any case of letters, as Canvas compares logins and SIS ids."""
    try:
        found = reference(kind, value, "")
    except SourceError:  # an earlier version, or somebody by hand, has written what this one would not
        return False
    return any(ref.kind is found.kind and fold(ref.value) == fold(found.value) for ref in person.refs)


# --- plans ----------------------------------------------------------------------------------------------


async def _plans(session: Session, person: Person) -> AsyncIterator[Row]:
    """What saved plans say of the person, one plan in memory at a time."""
    for number in await persons.plans_to_search(session, person):
        row = await persons.plan_to_search(session, number)
        said = None if row is None else said_by_plan(row, person)
        if said is not None:
            yield said


def said_by_plan(row: Record, person: Person) -> Row | None:
    """What one plan says of the person; None where it only looks as if it did."""
    content = json.loads(row["content"])
    users = [user for user in content.get("users", ()) if entry_of(user) == person.user_id]
    source = content.get("source", {})
    unresolved = [line for line in source.get("unresolved", ()) if person.scrub(line) != line]
    only = [spec for spec in source.get("only", ()) if spec_texts_without([spec], person) != [spec]]
    texts = {
        "document": row["document"] if person.scrub(row["document"]) != row["document"] else None,
        "reason": row["reason"] if row["reason"] and person.scrub_loosely(row["reason"]) != row["reason"] else None,
    }
    others = [user for user in content.get("users", ()) if entry_of(user) != person.user_id]
    said = {"users": users, "unresolved": unresolved, "only": only, "remarks": _remarks(others, person), **texts}
    if not any(said.values()):
        return None
    head = {name: row[name] for name in ("id", "kind", "status", "made_at", "made_by")}
    return {**head, **{name: value for name, value in said.items() if value}}


def _remarks(entries: list[Row], person: Person) -> list[str]:
    """What is written about others, and names the person all the same."""
    pairs = zip(_texts(entries), _texts(without_remarks(entries, person)), strict=True)
    return [before for before, after in pairs if after != before]


def _texts(value: Any) -> Iterator[str]:
    """The remarks in a part of a plan's JSON, in their order."""
    match value:
        case dict():
            for key, item in value.items():
                yield from [item] if key in REMARKS and isinstance(item, str) else _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case _:
            pass


REMARKS: Final = frozenset({"where", "reason"})
"""Fields of a plan's JSON: the place of a wish, which holds the name of a file, and why somebody has it."""


def without_remarks(value: Any, person: Person) -> Any:
    """A part of a plan's JSON without what its remarks say of the person."""
    match value:
        case dict():
            return {key: _without_remark(key, item, person) for key, item in value.items()}
        case list():
            return [without_remarks(item, person) for item in value]
        case _:
            return value


def _without_remark(key: str, value: Any, person: Person) -> Any:
    if key not in REMARKS or not isinstance(value, str):
        return without_remarks(value, person)
    return person.scrub_loosely(value) if key == "reason" else person.scrub(value)


def entry_of(user: Row) -> int | None:
    """Whom an entry of a plan's JSON is about."""
    found: int | None = user.get("diff", {}).get("desired", {}).get("user_id")
    return found

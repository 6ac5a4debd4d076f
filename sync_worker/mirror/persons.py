"""One person in the database: by which names, and what every table holds on them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sync_worker.channels import RefKind, UserRef, by_id
from sync_worker.mirror.database import Record, Session

REPLACEMENT: Final = "[forgotten]"
"""Stands in texts where a person was named."""

_SHORTEST: Final = 4  # characters of an identifier or address that is looked for as a word by itself
_JSON: Final = frozenset({"image_before", "image_after"})  # columns
_HELD: Final = (
    ("mirror.users", "person_users"),
    ("mirror.user_history", "person_user_history"),
    ("mirror.communication_channels", "person_channels"),
    ("mirror.channel_history", "person_channel_history"),
    ("worker.candidates", "person_candidates"),
    ("worker.batches", "person_batches"),
    ("worker.actions", "person_actions"),
)
"""Tables whose rows are the person's by number, and the statement that reads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who somebody is, and how texts may name them."""

    instance: str
    user_id: int
    refs: frozenset[UserRef]  # the number and all identifiers, former ones too, that name nobody else now
    addresses: frozenset[str]  # present and former ones

    @property
    def references(self) -> list[str]:
        """The references as the ledger writes them."""
        return sorted(map(str, self.refs))

    @property
    def needles(self) -> list[str]:
        """Texts of which at least one stands in every document that names the person; JSON escapes included."""
        return sorted({json.dumps(ref.value, ensure_ascii=False)[1:-1] for ref in self.refs})

    @property
    def pattern(self) -> str:
        """What names the person in a message of this program, as a regular expression of Python and of PostgreSQL.

        The bare number is not looked for: in messages it may be the number of a run, or of users.
        """
        return _pattern({*self._named(), *self._words()})

    @property
    def loose_pattern(self) -> str:
        """The same for what people wrote, where a longer number alone may name somebody."""
        number = str(self.user_id)
        return _pattern({*self._named(), *self._words(), *([number] if len(number) >= _SHORTEST - 1 else [])})

    def scrub(self, text: str) -> str:
        """A message of this program without the person."""
        return re.sub(self.pattern, REPLACEMENT, text)

    def scrub_loosely(self, text: str) -> str:
        """What somebody wrote, without the person."""
        return re.sub(self.loose_pattern, REPLACEMENT, text)

    def _named(self) -> Iterator[str]:
        yield from (f"user {self.user_id}", f"users/{self.user_id}")
        for ref in self.refs:
            yield from (str(ref), ref.path_segment() if ref.kind is not RefKind.ID else f"id:{ref.value}")

    def _words(self) -> Iterator[str]:
        identifiers = (ref.value for ref in self.refs if ref.kind is not RefKind.ID)
        yield from (word for word in (*identifiers, *self.addresses) if len(word) >= _SHORTEST)


def _pattern(texts: set[str]) -> str:
    """Any of the texts, as words of their own and in any case; the longest first."""
    longest_first = sorted(texts, key=lambda text: (-len(text), text))
    return rf"(?i)(?<![\w@.+-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w@-])"


async def identify(session: Session, instance: str, user_id: int) -> Person:
    """All names of a user, whether or not anything is held."""
    names = await session.fetch("person_names", instance, user_id)
    addresses = await session.fetch("person_addresses", instance, user_id)
    identifiers = (UserRef(kind=RefKind(row["kind"]), value=row["value"]) for row in names)
    return Person(
        instance=instance,
        user_id=user_id,
        refs=frozenset({by_id(user_id), *identifiers}),
        addresses=frozenset(row["address"] for row in addresses if row["address"]),
    )


async def held(session: Session, person: Person) -> dict[str, list[dict[str, Any]]]:
    """The person's rows by table, but those of runs and plans, which name people in their contents."""
    rows = {table: await session.fetch(name, person.instance, person.user_id) for table, name in _HELD}
    failures = await session.fetch("person_failures", person.instance, person.user_id, person.references)
    compared = await session.fetch("person_comparisons", person.instance, person.pattern)
    every = {**rows, "worker.failures": failures, "worker.comparisons": compared}
    return {table: [_plain(row) for row in found] for table, found in every.items()}


async def acted(session: Session, person: Person) -> int:
    """Actions on others that were done with the person's token."""
    count: int = await session.fetch_value("person_acted", person.instance, person.user_id)
    return count


async def runs_to_search(session: Session, person: Person) -> list[Record]:
    """Runs that may name the person: id, kind, status, started_at, users_spec, message."""
    values = sorted({ref.value for ref in person.refs})
    return await session.fetch("runs_that_may_name", person.instance, values, person.pattern)


async def plans_to_search(session: Session, person: Person) -> tuple[int, ...]:
    """The numbers of plans that may name the person."""
    rows = await session.fetch("plans_that_may_name", person.instance, person.needles, person.loose_pattern)
    return tuple(row["id"] for row in rows)


async def plan_to_search(session: Session, number: int) -> Record | None:
    """One of them, with its content as JSON."""
    return await session.fetch_row("plan_to_search", number)


def _plain(row: Record) -> dict[str, Any]:
    return {name: json.loads(value) if name in _JSON and value else value for name, value in row.items()}

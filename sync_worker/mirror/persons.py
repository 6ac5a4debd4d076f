"""One person in the database: by which names, and what every table holds on them."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sync_worker.channels import RefKind, UserRef, by_id
from sync_worker.folding import any_case
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
    def in_specs(self) -> str:
        """What stands in every user spec that names the person, as a regular expression for PostgreSQL.

        This one and the next ones find texts in which somebody has to look; where words begin and end in them only
        Python says, for to PostgreSQL that depends on the locale.
        """
        return _any_of({ref.value for ref in self.refs})

    @property
    def in_documents(self) -> str:
        """The same for documents in JSON, with its escapes."""
        return _any_of({json.dumps(ref.value, ensure_ascii=False)[1:-1] for ref in self.refs})

    @property
    def in_messages(self) -> str:
        """The same for messages of this program.

        The bare number is not looked for: in messages it may be the number of a run, or of users.
        """
        return _any_of({*self._named(), *self._words()})

    @property
    def in_remarks(self) -> str:
        """The same for what people wrote, where a longer number alone may name somebody."""
        number = str(self.user_id)
        return _any_of({*self._named(), *self._words(), *([number] if len(number) >= _SHORTEST - 1 else [])})

    def scrub(self, text: str) -> str:
        """A message of this program without the person."""
        return re.sub(_words_of_their_own(self.in_messages), REPLACEMENT, text)

    def scrub_loosely(self, text: str) -> str:
        """What somebody wrote, without the person."""
        return re.sub(_words_of_their_own(self.in_remarks), REPLACEMENT, text)

    def _named(self) -> Iterator[str]:
        yield from (f"user {self.user_id}", f"users/{self.user_id}")
        for ref in self.refs:
            yield from (str(ref), ref.path_segment() if ref.kind is not RefKind.ID else f"id:{ref.value}")

    def _words(self) -> Iterator[str]:
        identifiers = (ref.value for ref in self.refs if ref.kind is not RefKind.ID)
        yield from (word for word in (*identifiers, *self.addresses) if len(word) >= _SHORTEST)


def _any_of(texts: set[str]) -> str:
    """Any of the texts, in any case; the longest first."""
    longest_first = sorted(texts, key=lambda text: (-len(text), text))
    return f"(?:{'|'.join(map(any_case, longest_first))})"


def _words_of_their_own(pattern: str) -> str:
    return rf"(?<![\w@.+-]){pattern}(?![\w@-])"


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
    compared = await comparisons_naming(session, person)
    every = {**rows, "worker.failures": failures, "worker.comparisons": compared}
    return {table: [_plain(row) for row in found] for table, found in every.items()}


async def comparisons_naming(session: Session, person: Person) -> list[Record]:
    """Comparisons with a document whose name names the person: id, document, compared_at, compared_by."""
    rows = await session.fetch("comparisons_that_may_name", person.instance, person.in_messages)
    return [row for row in rows if person.scrub(row["document"]) != row["document"]]


async def acted(session: Session, person: Person) -> int:
    """Actions on others that were done with the person's token."""
    count: int = await session.fetch_value("person_acted", person.instance, person.user_id)
    return count


async def runs_to_search(session: Session, person: Person) -> list[Record]:
    """Runs that may name the person: id, kind, status, started_at, users_spec, message."""
    return await session.fetch("runs_that_may_name", person.instance, person.in_specs, person.in_messages)


async def plans_to_search(session: Session, person: Person) -> tuple[int, ...]:
    """The numbers of plans that may name the person."""
    rows = await session.fetch("plans_that_may_name", person.instance, person.in_documents, person.in_remarks)
    return tuple(row["id"] for row in rows)


async def plan_to_search(session: Session, number: int) -> Record | None:
    """One of them, with its content as JSON."""
    return await session.fetch_row("plan_to_search", number)


def _plain(row: Record) -> dict[str, Any]:
    return {name: json.loads(value) if name in _JSON and value else value for name, value in row.items()}

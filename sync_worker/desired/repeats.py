"""Users and wishes that stand twice in a document of any size, found with flat memory.

What may repeat is sorted by user in pieces, each piece in a temporary file of its own, and merged: so all of a user
come together, wherever their rows stand. A document that fits into one piece touches no disk.
"""

import heapq
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import IO, Final, Self

from sync_worker.channels import RefKind, UserRef
from sync_worker.desired.entries import Entry, Item, State, Terms, UserHead
from sync_worker.desired.problems import Problem
from sync_worker.desired.rules import check_user

PIECE: Final = 200_000  # records in memory

_ANY: Final = Terms()  # comparing does not look at mode and managed types

_Record = tuple[str, str, int, str, str, str, str]
"""Kind and value of the reference, number of the item (for the order), place, type (empty: a head), address, state."""


class Repeats:
    """Takes in the items of a document, and then says what repeats. A context: it holds temporary files."""

    def __init__(self, piece: int = PIECE, phone_region: str | None = None) -> None:
        self.users = 0  # after `problems` has run to its end
        self._size = piece
        self._region = phone_region  # of the items, by which their numbers are compared
        self._count = 0
        self._piece: list[_Record] = []
        self._files: list[IO[str]] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def watch(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items; those that can repeat elsewhere in the document are remembered.

        The entries of a user object were compared with each other when it was read: its head stands for them.
        """
        headed: UserRef | None = None
        for item in items:
            if isinstance(item, UserHead):
                headed = item.ref
            if isinstance(item, UserHead) or item.ref is not headed:
                self._remember(item)
            yield item

    def problems(self) -> Iterator[Problem]:
        """What repeats, user by user."""
        self._piece.sort()
        pieces = [*(map(_loaded, file) for file in self._files), iter(self._piece)]
        for _, group in groupby(heapq.merge(*pieces), key=lambda record: record[:2]):
            self.users += 1
            yield from check_user(_item(record, self._region) for record in group)

    def _remember(self, item: Item) -> None:
        ref, self._count = item.ref, self._count + 1
        what = (item.type, item.address, item.state.value) if isinstance(item, Entry) else ("", "", "")
        self._piece.append((ref.kind.value, ref.value, self._count, item.where, *what))
        if len(self._piece) >= self._size:
            self._spill()

    def _spill(self) -> None:
        file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - the stack closes it
        self._stack.enter_context(file)
        file.writelines(f"{json.dumps(record)}\n" for record in sorted(self._piece))
        file.seek(0)
        self._files.append(file)
        self._piece.clear()


def _loaded(line: str) -> _Record:
    kind, value, number, where, channel_type, address, state = json.loads(line)
    return kind, value, number, where, channel_type, address, state


def _item(record: _Record, phone_region: str | None) -> Item:
    kind, value, _, where, channel_type, address, state = record
    ref = UserRef(kind=RefKind(kind), value=value, where=where)
    if not channel_type:
        return UserHead(ref=ref, mode=_ANY.mode, manage=_ANY.manage)
    return Entry(
        ref=ref,
        mode=_ANY.mode,
        manage=_ANY.manage,
        type=channel_type,
        address=address,
        state=State(state),
        where=where,
        phone_region=phone_region,
    )

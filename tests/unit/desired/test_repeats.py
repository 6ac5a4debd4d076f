"""What stands twice is found in documents of any size."""

from itertools import chain

import pytest

from sync_worker.channels import by_id
from sync_worker.desired.entries import Entry, Item, State, Terms, UserHead
from sync_worker.desired.repeats import Repeats

TERMS = Terms()


def entry(user: int, line: int, address: str, state: State = State.PRESENT) -> Entry:
    """A row of a CSV."""
    return Entry(
        ref=by_id(user),
        mode=TERMS.mode,
        manage=TERMS.manage,
        type="email",
        address=address,
        state=state,
        where=f"d:{line}",
    )


def heads(users: list[int]) -> list[Item]:
    """User objects, each with the same entry twice, as its reader has told already."""
    items: list[Item] = []
    for user in users:
        head = UserHead(ref=by_id(user), mode=TERMS.mode, manage=TERMS.manage)
        rows = [
            Entry(ref=head.ref, mode=TERMS.mode, manage=TERMS.manage, type="email", address="ü@x", where="d:1")
            for _ in range(2)
        ]
        items += [head, *rows]
    return items


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 100])
def test_pieces_do_not_matter(piece: int) -> None:
    """However much fits into memory: users are counted once, repeats are told in the order of the document."""
    rows = [entry(n % 10 + 1, n + 2, f"ü{n}@x") for n in range(50)]
    rows += [entry(3, 90, "\u00dc2@x", State.ABSENT), entry(3, 91, "Ü2@X"), entry(9, 92, "ü2@x")]
    with Repeats(piece) as repeats:
        assert list(repeats.watch(rows)) == rows
        problems = list(repeats.problems())
        assert repeats.users == 10
    assert [(problem.where, problem.what) for problem in problems] == [
        ("d:90", "the same email address is present in d:4 and absent in d:90"),
        ("d:91", "the same email address is already in d:4"),
    ]


@pytest.mark.parametrize("piece", [1, 100])
def test_user_objects_are_compared_by_their_heads(piece: int) -> None:
    """What repeats inside an object was told when it was read."""
    with Repeats(piece) as repeats:
        items = list(chain(heads([5, 3, 4]), heads([3])))
        assert list(repeats.watch(items)) == items
        assert [problem.field for problem in repeats.problems()] == ["user"]
        assert repeats.users == 3


def test_nothing_repeats_in_nothing() -> None:
    """An empty document."""
    with Repeats() as repeats:
        assert list(repeats.watch([])) == []
        assert list(repeats.problems()) == []
        assert repeats.users == 0

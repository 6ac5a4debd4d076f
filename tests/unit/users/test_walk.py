"""Walking sources, and resolving references on the way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sync_worker.channels import RefKind, User, UserRef
from sync_worker.errors import Forbidden, Incomplete, NotFound, SourceError, TokenRefused, Trouble
from sync_worker.users.resolve import Chunk, Resolver
from sync_worker.users.specs import FileSpec, parse_spec
from sync_worker.users.walk import CHUNK, walk


class School:
    """A Canvas of a few people in memory: knows references, counts calls."""

    def __init__(self, /, **users: int | Exception) -> None:
        self._users = users
        self.calls: list[str] = []
        self.most_at_once = 0
        self._now = 0

    async def get_user(self, user: UserRef) -> User:
        """One user by reference."""
        self.calls.append(str(user))
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.Event().wait() if user.value == "never" else await asyncio.get_running_loop().run_in_executor(
            None, str
        )
        self._now -= 1
        found = self._users.get(user.value or "self", NotFound("no such user", status=404))
        if isinstance(found, Exception):
            raise found
        return User(id=found, sis_user_id=user.value)

    async def list_users(self, account: str) -> AsyncIterator[list[User]]:
        """Two pages, then whatever is under the account's name."""
        if account == "404":
            raise NotFound("Canvas does not know this id", status=404)
        if account == "403":
            raise Forbidden("this token may not do that", status=403)
        yield [User(id=1), User(id=2)]
        yield [User(id=3)]
        if account == "500":
            raise Trouble("no usable answer", status=500)
        if account == "2":
            raise Incomplete("the list goes round in circles")


async def walked(text: str, school: School) -> list[Chunk]:
    """All chunks of a spec."""
    return [chunk async for chunk in walk(parse_spec(text), school)]


async def test_a_listing_comes_page_by_page() -> None:
    """Fetching may begin while the listing goes on."""
    chunks = await walked("account:self", School())
    assert [[user.id for user in chunk.users] for chunk in chunks] == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("account", "kind"), [("404", SourceError), ("403", SourceError), ("500", Trouble), ("2", Incomplete)]
)
async def test_a_listing_that_breaks_off_is_never_complete(account: str, kind: type[Exception]) -> None:
    """A wrong account is a mistake of the configuration; anything else a failed request."""
    with pytest.raises(kind):
        await walked(f"account:{account}", School())


async def test_numbers_need_no_call() -> None:
    """The ledger wants numbers, and these are."""
    school = School()
    [chunk] = await walked("id:7,8", school)
    assert [user.id for user in chunk.users] == [7, 8]
    assert school.calls == []


async def test_a_global_number_may_be_the_other_form_of_a_local_one() -> None:
    """Canvas says which one it is; one that it does not know stays as it is, and its read says that it is gone."""
    school = School(**{"10000000000008": 8})
    [chunk] = await walked("id:8,1~8,2~9", school)
    assert [user.id for user in chunk.users] == [8, 20_000_000_000_009]
    assert chunk.failures == ()


async def test_references_cost_one_call_each_and_fail_alone() -> None:
    """A reference that leads to nobody is a failed reference, never somebody gone."""
    school = School(S1=1, S2=Forbidden("no", status=401), S4=Trouble("down", status=503), S5=1)
    [chunk] = await walked("sis:S1,S2,S3,S4,S5", school)
    assert [user.id for user in chunk.users] == [1]
    assert [(f.ref.value, f.kind, f.status, f.where) for f in chunk.failures] == [
        ("S2", "forbidden", 401, "sis:S1,S2,S3,S4,S5"),
        ("S3", "not_found", 404, "sis:S1,S2,S3,S4,S5"),
        ("S4", "trouble", 503, "sis:S1,S2,S3,S4,S5"),
    ]
    assert chunk.failures[0].message == "no"
    assert sorted(school.calls) == [f"sis_user_id:S{n}" for n in range(1, 6)]


async def test_a_chunk_says_whom_its_references_named() -> None:
    """Two of them may be one user."""
    school = School(S1=1, S5=1)
    [chunk] = await walked("sis:S1,S2,S5", school)
    assert {ref.value: user_id for ref, user_id in chunk.named.items()} == {"S1": 1, "S5": 1}


async def test_who_is_known_by_number_only_can_be_identified() -> None:
    """A call each; whom Canvas does not tell of is left out, or comes back as a number and no more."""
    users: dict[str, int | Exception] = {"7": 7, "9": Trouble("down", status=503)}
    school = School(**users)
    found = await Resolver(school).identified([7, 8, 9])
    assert [(user.id, user.sis_user_id) for user in found] == [(7, "7"), (8, None)]
    assert sorted(school.calls) == ["id:7", "id:8", "id:9"]


async def test_a_query_needs_a_mirror(tmp_path: Path) -> None:
    """Where there is none, that is said."""
    with pytest.raises(SourceError, match="no mirror to ask"):
        await walked(f"query:{tmp_path / 'q.sql'}", School())


async def test_self_is_looked_up() -> None:
    """Whose token it is."""
    [chunk] = await walked("self", School(self=5))
    assert chunk.users[0].id == 5


async def test_a_refused_token_stops_the_walk_and_leaves_nothing_behind() -> None:
    """Not wrapped in a group, and the other look-ups are ended."""
    school = School(S1=TokenRefused("expired"))
    before = asyncio.all_tasks()
    with pytest.raises(TokenRefused):
        await walked("sis:never,S1,S3", school)
    assert asyncio.all_tasks() == before


async def test_a_file_is_walked_in_chunks(tmp_path: Path) -> None:
    """However long it is, only a chunk of it is in memory."""
    path = tmp_path / "u.txt"
    path.write_text("".join(f"{n}\n" for n in range(1, CHUNK + 8)))
    chunks = [chunk async for chunk in walk(FileSpec(path=path), School())]
    assert [len(chunk.users) for chunk in chunks] == [CHUNK, 7]


async def test_look_ups_run_side_by_side_but_not_without_bound() -> None:
    """The gate decides below the bound."""
    school = School(**{f"S{n}": n for n in range(1, 21)})
    refs = [UserRef(kind=RefKind.SIS, value=f"S{n}") for n in range(1, 21)]
    chunk = await Resolver(school, concurrency=3).resolve(refs)
    assert [user.id for user in chunk.users] == list(range(1, 21))
    assert 1 < school.most_at_once <= 3


async def test_the_latest_references_are_remembered() -> None:
    """One call for each of them, also over several chunks and sources; the memory has a bound."""
    school = School(A=1, B=2, C=3)
    resolver = Resolver(school, cached=2)
    a, b, c = (UserRef(kind=RefKind.SIS, value=value) for value in "ABC")
    await resolver.resolve([a, a])
    await resolver.resolve([b])
    await resolver.resolve([a])
    await resolver.resolve([c])
    assert school.calls == ["sis_user_id:A", "sis_user_id:B", "sis_user_id:C"]
    await resolver.resolve([a])
    await resolver.resolve([b])
    assert school.calls[3:] == ["sis_user_id:B"]

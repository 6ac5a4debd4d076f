"""Laws of reading and writing desired states."""

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sync_worker.channels import RefKind, UserRef
from sync_worker.desired.document import SUFFIXES, check, read
from sync_worker.desired.entries import Entry, Item, Terms, desired_user
from sync_worker.desired.model import DesiredUser, Mode, Wish
from sync_worker.desired.problems import Problem
from sync_worker.desired.rules import TYPES, writable
from sync_worker.desired.writing import write_csv, write_ndjson, write_yaml
from sync_worker.errors import DocumentError
from sync_worker.spreadsheets import disarmed, rearmed

PATIENT = settings(deadline=None)  # files take as long as the disk does

# --- Documents ------------------------------------------------------------------------------------------

TOP = st.sampled_from(["version", "users", "defaults", "mode", "manage", "skip_confirmation"])
KEYS = st.sampled_from(["user", "mode", "manage", "channels", "absent", "type", "address", "reason", "state"])
WORDS = TOP | KEYS | st.sampled_from(["email", "sms", "push", "exact", "a@x.org", "sis:S1", "present"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | WORDS
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner), max_leaves=20)
DOCUMENTS = st.fixed_dictionaries(
    {"version": st.just(1) | SCALARS, "users": st.lists(TREES)}, optional={"defaults": TREES, "more": TREES}
)
SCRAPS = st.lists(
    st.sampled_from(
        [*"[]{},:;\"'|>&*!%@`#-? \n\t\r=", "&a", "*a", "<<", "---", "...", "\ufeff", "version: 1\n", "users:\n"]
    )
    | WORDS
    | st.text(max_size=3),
    max_size=30,
).map("".join)
ROWS = SCRAPS.map(lambda scraps: "user,type,address,state,reason\n" + scraps)


def encoded(text: str) -> bytes:
    """As a file holds it, lone surrogates too."""
    return text.encode("utf-8", "surrogatepass")


CONTENTS = (
    st.binary()
    | (SCRAPS | ROWS).map(encoded)
    | (DOCUMENTS | TREES).map(lambda tree: encoded(json.dumps(tree)))
    | (DOCUMENTS | TREES).map(lambda tree: encoded(yaml.safe_dump(tree, allow_unicode=True)))
)


def stored(suffix: str, content: bytes, use: Callable[[Path], Any]) -> Any:
    """What comes of a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"d{suffix}"
        path.write_bytes(content)
        return use(path)


def outcome(path: Path) -> int | str:
    """The number of warnings, or what is wrong."""
    try:
        return check(path).warning_count
    except DocumentError as error:
        return str(error)


@PATIENT
@given(st.sampled_from(SUFFIXES), CONTENTS)
def test_any_bytes_are_a_document_or_a_document_error(suffix: str, content: bytes) -> None:
    """Nothing else comes out; what is read can be printed and stored; every problem has its place."""

    def read_all(path: Path) -> None:
        problems = 0
        for item in read(path):
            assert "\0" not in str(item)
            str(item).encode()
            problems += isinstance(item, Problem)
            assert item.where.startswith(path.name)
        told = outcome(path)
        assert problems == told if isinstance(told, int) else problems or "same" in told or "second time" in told

    stored(suffix, content, read_all)


# --- Round trips ----------------------------------------------------------------------------------------

TEXT = st.text(
    st.characters(exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cf", "Co", "Cn"]), min_size=1, max_size=20
)
RISKY = st.sampled_from(["=", "+", "-", "@", "'", "'=", "''@", ""])
REFS = st.builds(UserRef, kind=st.just(RefKind.ID), value=st.integers(1, 2**63 - 1).map(str)) | st.builds(
    UserRef,
    kind=st.sampled_from([RefKind.SIS, RefKind.LOGIN, RefKind.INTEGRATION]),
    value=st.builds(str.__add__, RISKY, TEXT),
)
EMAILS = st.builds("{}{}@{}".format, RISKY, TEXT, TEXT)
NUMBERS = st.builds("{}{}".format, RISKY, TEXT) | st.integers(0, 10**12).map(str)
REASONS = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t\r"), max_size=20).map(
    str.strip
)
WISHES = st.builds(
    Wish, type=st.just("email"), address=EMAILS, skip_confirmation=st.booleans(), reason=st.just("") | REASONS
) | st.builds(Wish, type=st.sampled_from([*TYPES, "fax", "null"]), address=EMAILS | NUMBERS, reason=REASONS)
LISTED = st.lists(WISHES.filter(writable), unique_by=lambda wish: wish.key, max_size=5)
MANAGE = st.frozensets(st.sampled_from([*TYPES, "fax", "true"]), min_size=1)
MODES = st.sampled_from(Mode)


@st.composite
def people(draw: st.DrawFn, /, **fixed: Any) -> DesiredUser:
    """A user as it comes out of the mirror."""
    wishes = draw(LISTED)
    cut = draw(st.integers(0, len(wishes)))
    absent = (Wish(type=wish.type, address=wish.address, reason=wish.reason) for wish in wishes[cut:])
    fields = {"mode": draw(MODES), "manage": draw(MANAGE)} | fixed
    return DesiredUser(user_id=1, ref=draw(REFS), present=tuple(wishes[:cut]), absent=tuple(absent), **fields)


def lists_of(one: st.SearchStrategy[DesiredUser]) -> st.SearchStrategy[list[DesiredUser]]:
    """Documents."""
    return st.lists(one, unique_by=lambda user: user.ref, max_size=4)


def read_back(suffix: str, pieces: Iterable[str], terms: Terms) -> list[DesiredUser]:
    """What was written, as it is read: without places."""

    def gather(path: Path) -> list[DesiredUser]:
        check(path, terms)
        items: Iterator[Item] = (item for item in read(path, terms) if not isinstance(item, Problem))
        return [desired_user(1, group) for _, group in groupby(items, key=lambda item: item.ref)]

    return [without_places(user) for user in stored(suffix, encoded("".join(pieces)), gather)]


def without_places(user: DesiredUser) -> DesiredUser:
    """The same user from nowhere."""

    def bare(wishes: Iterable[Wish]) -> tuple[Wish, ...]:
        return tuple(
            Wish(type=w.type, address=w.address, skip_confirmation=w.skip_confirmation, reason=w.reason) for w in wishes
        )

    return DesiredUser(
        user_id=1,
        ref=user.ref,
        mode=user.mode,
        manage=user.manage,
        present=bare(user.present),
        absent=bare(user.absent),
    )


@PATIENT
@given(lists_of(people()), MODES, MANAGE, st.booleans())
def test_yaml_reads_as_it_was_written(users: list[DesiredUser], mode: Mode, manage: frozenset[str], skip: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever the defaults are, and whatever terms the reader has."""
    written = write_yaml(users, Terms(mode=mode, manage=manage, skip_confirmation=skip))
    assert read_back(".yaml", written, Terms(mode=Mode.EXACT, skip_confirmation=not skip)) == users


@PATIENT
@given(lists_of(people()), MODES, st.booleans())
def test_ndjson_reads_as_it_was_written(users: list[DesiredUser], mode: Mode, skip: bool) -> None:  # noqa: FBT001 - drawn
    """Every line stands for itself."""
    assert read_back(".ndjson", write_ndjson(users), Terms(mode=mode, skip_confirmation=skip)) == users


@PATIENT
@given(lists_of(people(mode=Mode.ADD, manage=frozenset({"email"}))))
def test_csv_reads_as_it_was_written(users: list[DesiredUser]) -> None:
    """Every wish, dangerous for spreadsheets or not; users without one leave no row."""
    asking = [user for user in users if user.present or user.absent]
    assert read_back(".csv", write_csv(users), Terms(skip_confirmation=False)) == asking


@given(st.builds(str.__add__, RISKY, st.text()))
def test_no_cell_is_a_formula_and_none_is_lost(cell: str) -> None:
    """rearmed(disarmed(x)) == x, and no first character is dangerous."""
    assert rearmed(disarmed(cell)) == cell
    assert disarmed(cell)[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n"}


@PATIENT
@given(st.lists(st.tuples(st.integers(1, 3), st.sampled_from(["a@x", "A@X", "b@x"]))))
def test_every_repeat_in_a_csv_is_found(rows: list[tuple[int, str]]) -> None:
    """Wherever its rows stand."""
    content = "user,type,address\n" + "".join(f"{user},email,{address}\n" for user, address in rows)
    repeats = len(rows) - len({(user, address.lower()) for user, address in rows})

    def count(path: Path) -> None:
        assert sum(isinstance(item, Entry) for item in read(path)) == len(rows)
        told = outcome(path)
        assert str(told).count("same email address") == repeats

    stored(".csv", encoded(content), count)

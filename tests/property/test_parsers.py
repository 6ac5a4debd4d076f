"""Laws of all that reads what people and other programs wrote: a value, or an error of the project, never a part.

Desired states have their own laws in `test_desired_document.py`, the `Link` header in `test_pages.py`, and any bytes of
Canvas in `test_wire.py`.
"""

import copy
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from sync_worker.canvas import wire
from sync_worker.canvas.answers import Asked, units
from sync_worker.channels import MAX_ID, RefKind
from sync_worker.desired.plan import Plan
from sync_worker.desired.render.as_json import plan_from_json, plan_to_json
from sync_worker.errors import ConfigError, Incomplete, PlanError, RequestFailed, SourceError, Trouble
from sync_worker.settings import Settings, load_settings
from sync_worker.users.files import check_file, references
from sync_worker.users.refs import parse_ref
from sync_worker.users.specs import NamedSpec, parse_spec
from tests.unit.desired.stories import everything

ASKED = Asked(method="GET", path="/x")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def stored(name: str, content: bytes, use: Callable[[Path], Any]) -> Any:
    """What comes of a file with this content."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return use(path)


# --- Canvas's bytes -----------------------------------------------------------------------------------------

CHANNEL = {"id": "7", "user_id": "5", "type": "email", "address": "a@x", "workflow_state": "active", "position": 1}
LISTS = st.lists(
    st.fixed_dictionaries({"id": st.integers(1, MAX_ID).map(str), "address": st.text(max_size=6)}), max_size=4
).map(lambda rows: [CHANNEL | row for row in rows])


@given(LISTS, st.data())
def test_a_part_of_a_list_is_no_list(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """Cut anywhere, it is trouble, so that it is asked for again; what is missing is never taken for deleted."""
    whole = json.dumps(rows).encode()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    try:
        wire.read_channels(cut, ASKED)
    except Trouble:
        return
    raise AssertionError(cut)


@given(LISTS.filter(bool), st.data())
def test_a_list_with_one_bad_item_is_no_list(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """The good ones are not taken without it."""
    spoiled = copy.deepcopy(rows)
    item = spoiled[data.draw(st.integers(0, len(rows) - 1))]
    name = data.draw(st.sampled_from(["id", "user_id", "type", "address", "workflow_state"]))
    if data.draw(st.booleans()):
        del item[name]
    else:
        item[name] = data.draw(st.none() | st.lists(SCALARS) | st.just({}) | st.just(-0.5))
    try:
        wire.read_channels(json.dumps(spoiled).encode(), ASKED)
    except Incomplete:
        return
    raise AssertionError(item)


@given(st.binary() | TREES.map(lambda tree: json.dumps(tree).encode()))
def test_any_bytes_are_one_thing_or_an_error(body: bytes) -> None:
    """One channel, one user, some object: what a write and a look-up are answered with."""
    for read in (wire.read_channel, wire.read_user, wire.read_anything):
        try:
            read(body, ASKED)
        except RequestFailed as error:
            assert isinstance(error, Trouble | Incomplete)  # noqa: PT017  (either is right)


@given(st.text(max_size=30) | st.integers().map(str) | st.from_regex(r"\A\d{1,20}~\d{1,20}\Z"))
def test_a_number_is_an_id_or_none(text: str) -> None:
    """Never zero, never beyond 64 bits."""
    number = wire.number_of(text)
    assert number is None or 1 <= number <= MAX_ID


@given(st.text() | st.floats().map(str) | st.from_regex(r"\A[+-]?[0-9_.eE]*\Z"))
def test_a_header_is_a_finite_number_or_none(value: str) -> None:
    """`nan` and `1e999` would poison every sum."""
    found = units(CIMultiDict({"X-Request-Cost": value}), "x-request-cost")
    assert found is None or abs(found) < float("inf")


# --- Users --------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["user", "id", "sis", "sis_user_id", "login_id", "1042", "1~7", "sis:S1", "login:a", "id:0", "nobody:1", "\ud800"]
)
GLUE = st.sampled_from([",", ";", "\t", "\n", "\r", "\r\n", '"', "\0", " ", "\ufeff", "#", "{", "}", ":", "[", "]"])
SCRAPS = st.lists(WORDS | GLUE | st.text(max_size=3), max_size=30).map("".join)
LINES = st.lists(TREES.map(json.dumps) | WORDS, max_size=5).map("\n".join)
FILES = st.binary() | (SCRAPS | LINES | SCRAPS.map("user,id\n".__add__)).map(
    lambda text: text.encode("utf-8", "surrogatepass")
)


@given(st.sampled_from([".csv", ".tsv", ".ndjson", ".jsonl", ".txt"]), FILES)
def test_any_file_of_users_is_read_or_refused_as_a_whole(suffix: str, content: bytes) -> None:
    """What is checked is what is walked; every reference can be asked for, printed and stored."""

    def read(path: Path) -> None:
        try:
            number = check_file(path)
        except SourceError as error:
            assert str(path) in str(error)  # noqa: PT017  (either is right)
            return
        found = list(references(path))
        assert len(found) == number
        for ref in found:
            assert ref.value.isprintable()
            assert ref.path_segment().isascii()
            str(ref).encode()

    stored(f"users{suffix}", content, read)


def test_a_cell_of_absurd_length_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    """Also in the line that names the columns: Python's csv takes no field beyond 128 KiB."""
    for content in ("x" * 200_000 + ",user\n7\n", "user\n" + "x" * 200_000 + "\n", '"' + "x" * 2_000_000):
        path = tmp_path / "users.csv"
        path.write_text(content)
        try:
            check_file(path)
        except SourceError:
            continue
        raise AssertionError(content[:20])


@given(st.text() | SCRAPS | st.builds("{}:{}".format, WORDS, SCRAPS))
def test_any_text_is_a_spec_or_a_source_error(text: str) -> None:
    """A spec in its normal form means the same; nobody is named twice."""
    try:
        spec = parse_spec(text)
    except SourceError:
        return
    assert parse_spec(spec.text) == spec
    if isinstance(spec, NamedSpec):
        assert len({(ref.kind, ref.value) for ref in spec.refs}) == len(spec.refs) > 0


@given(st.text() | SCRAPS)
def test_any_text_is_a_reference_or_a_source_error(text: str) -> None:
    """And a number is one."""
    try:
        ref = parse_ref(text)
    except SourceError:
        return
    assert ref.kind is not RefKind.ID or 1 <= int(ref.value) <= MAX_ID


# --- Settings -----------------------------------------------------------------------------------------------

TABLES = ("database", "instances", "desired", "guards", "brake", "run", "schedule", "web", "logs")
KEYS = st.sampled_from(
    [
        *TABLES, "main", "url", "base_url", "token", "token_file", "users", "account", "per_page", "throttle_patience",
        "file", "apply", "max_deletes", "protect", "cron", "timezone", "bind", "level", "batch_size", "throttle",
    ]
)  # fmt: skip
VALUES = st.sampled_from(
    [
        "https://school.example.com",
        "self",
        "7~secret",
        "15m",
        "",
        "query:",
        "file:",
        "embedded:",
        "postgresql://u:p@h/d",
    ]
)
SETTINGS = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=8) | VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5),
    max_leaves=15,
)
SECRET = "7~verysecrettoken"


def toml(value: Any) -> str:
    """A value as TOML writes it inline."""
    match value:
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{text(key)} = {toml(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case str():
            return text(value)
        case _:
            return str(value)


def text(value: str) -> str:
    """A string as TOML writes it."""
    return '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value) + '"'


def loaded(content: bytes, environ: dict[str, str] | None = None) -> Settings | None:
    """The settings in a file of this content; None where it has mistakes."""

    def load(path: Path) -> Settings | None:
        try:
            return load_settings(path, environ or {})
        except ConfigError as error:
            assert SECRET not in str(error)  # noqa: PT017  (either is right)
            return None

    found: Settings | None = stored("config.toml", content, load)
    return found


@given(st.binary() | SCRAPS.map(lambda scraps: scraps.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_settings_or_a_config_error(content: bytes) -> None:
    """Nothing else comes out."""
    loaded(content)


@given(st.dictionaries(st.sampled_from(TABLES), SETTINGS, max_size=4))
def test_any_values_are_settings_or_a_config_error(tree: dict[str, Any]) -> None:
    """Whatever type stands where."""
    loaded("\n".join(f"{key} = {toml(value)}" for key, value in tree.items()).encode())


@example(tree={"database": [], "instances": {"file": "~0"}}, ours=False)  # a home of nobody
@given(st.dictionaries(KEYS | st.sampled_from(["tokens", "bas_url"]), SETTINGS, max_size=4), st.booleans())
def test_a_mistake_beside_a_token_never_shows_it(tree: dict[str, Any], ours: bool) -> None:  # noqa: FBT001  (drawn)
    """Errors quote no value that may be secret."""
    instance = {"base_url": "https://school.example.com", **tree, "token": [SECRET] if ours else SECRET}
    loaded(f"instances = {toml({'main': instance})}".encode())


@given(
    st.dictionaries(
        st.lists(KEYS.map(str.upper), min_size=1, max_size=4).map("__".join).map("SYNC_WORKER_".__add__),
        st.text(st.characters(exclude_characters="\0"), max_size=8) | TREES.map(json.dumps) | VALUES,
        max_size=4,
    )
)
def test_any_environment_is_settings_or_a_config_error(environ: dict[str, str]) -> None:
    """Over a file that is right."""
    loaded(b'instances.main = {base_url = "https://school.example.com", token = "x"}', environ)


# --- Plans --------------------------------------------------------------------------------------------------

ORIGINAL = everything()[0]
WRITTEN = plan_to_json(ORIGINAL)
PLAN: dict[str, Any] = json.loads(WRITTEN)


def places(node: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values of a document."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [here, *(place for key, item in items for place in places(item, (*here, key)))]


PLACES = places(PLAN)[1:]


def plan_or_none(content: str | bytes) -> Plan | None:
    """The plan; nothing but `PlanError` comes out, and it can be printed."""
    try:
        return plan_from_json(content)
    except PlanError as error:
        str(error).encode()
        return None


def deeds(plan: Plan) -> list[tuple[Any, ...]]:
    """Where, to whom and what is done, on the ground of what."""
    done = [(c.user_id, c.kind, c.type, c.address, c.channel_id, c.skip_confirmation) for c in plan.changes()]
    seen = [
        (u.diff.desired.user_id, c.id, c.type, c.address, c.workflow_state) for u in plan.users for c in u.diff.live
    ]
    return [(plan.instance, plan.origin), *done, *seen]


@given(st.binary() | TREES.map(json.dumps) | TREES.map(lambda tree: json.dumps(PLAN | {"users": tree})))
def test_any_bytes_are_no_plan(content: str | bytes) -> None:
    """They are refused, with words that can be printed."""
    assert plan_or_none(content) is None


@given(st.sampled_from(PLACES), TREES | st.just("\ud800"))
def test_a_plan_with_another_value_does_nothing_else(place: tuple[Any, ...], value: Any) -> None:
    """Whatever was changed in it, of the right type or not: it is refused, or does what was reviewed to whom it was."""
    content = copy.deepcopy(PLAN)
    node = content
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = value
    plan = plan_or_none(json.dumps(content))
    assert plan is None or deeds(plan) == deeds(ORIGINAL)


@given(st.data())
def test_a_plan_for_somebody_else_is_no_plan(data: st.DataObject) -> None:
    """Every number of a user in it counts, wherever it stands."""
    content = copy.deepcopy(PLAN)
    changing = [user for user in content["users"] if user["diff"]["changes"]]
    change = data.draw(st.sampled_from([change for user in changing for change in user["diff"]["changes"]]))
    change["user_id"] += data.draw(st.integers(1, 1000))
    assert plan_or_none(json.dumps(content)) is None


@given(st.integers(0, len(WRITTEN.rstrip()) - 1))
def test_a_part_of_a_plan_is_no_plan(length: int) -> None:
    """Cut anywhere."""
    assert plan_or_none(WRITTEN[:length]) is None

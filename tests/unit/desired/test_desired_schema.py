"""`config/desired.schema.json`, the example and the reader say the same."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from sync_worker.desired.document import check
from sync_worker.desired.formats.rows import COLUMNS
from sync_worker.errors import DocumentError

CONFIG = Path(__file__).parents[3] / "config"
EXAMPLE = CONFIG / "desired.example.yaml"
SCHEMA: dict[str, Any] = json.loads((CONFIG / "desired.schema.json").read_text(encoding="utf-8"))
DOCUMENT = Draft202012Validator(SCHEMA)
LINE = Draft202012Validator(SCHEMA["$defs"]["user"] | {"$defs": SCHEMA["$defs"]})

MAIL = {"type": "email", "address": "a@x.org"}
GOOD_USERS: list[dict[str, Any]] = [
    {"user": 7, "channels": []},
    {"user": 2**63 - 1, "channels": []},
    {"user": "7", "channels": []},
    {"user": "1~7", "channels": []},
    {"user": "id:7", "absent": []},
    {"user": "sis:S 1/2", "channels": [MAIL]},
    {"user": "sis_user_id:S1", "channels": [MAIL | {"skip_confirmation": False, "reason": "ticket 1"}]},
    {"user": "login:a@b", "mode": "add"},
    {"user": "integration:x", "mode": "exact", "channels": []},
    {"user": 7, "manage": ["email", "sms", "fax"], "channels": [{"type": "sms", "address": 15551234}]},
    {"user": 7, "absent": [MAIL | {"reason": "left"}, {"type": "push", "address": "For All Devices"}]},
    {"user": 7, "absent": [{"type": "slack", "address": "no at"}]},
]
BAD_USERS: list[Any] = [
    7,
    "sis:S1",
    None,
    {},
    {"channels": []},
    {"user": 0, "channels": []},
    {"user": -7, "channels": []},
    {"user": 7.5, "channels": []},
    {"user": True, "channels": []},
    {"user": None, "channels": []},
    {"user": "", "channels": []},
    {"user": "S1", "channels": []},
    {"user": "007", "channels": []},
    {"user": "sis:", "channels": []},
    {"user": "self", "channels": []},
    {"user": "name:Ann", "channels": []},
    {"user": 7, "channels": [], "name": "Ann"},
    {"user": 7, "mode": "exact"},
    {"user": 7, "mode": "EXACT", "channels": []},
    {"user": 7, "mode": None, "channels": []},
    {"user": 7, "manage": "email", "channels": []},
    {"user": 7, "manage": [], "channels": []},
    {"user": 7, "manage": [1], "channels": []},
    {"user": 7, "channels": {}},
    {"user": 7, "channels": None},
    {"user": 7, "channels": ["a@x.org"]},
    {"user": 7, "channels": [{"type": "email"}]},
    {"user": 7, "channels": [{"address": "a@x.org"}]},
    {"user": 7, "channels": [{"type": "Email", "address": "a@x.org"}]},
    {"user": 7, "channels": [{"type": "", "address": "a@x.org"}]},
    {"user": 7, "channels": [{"type": None, "address": "a@x.org"}]},
    {"user": 7, "channels": [{"type": "email", "address": ""}]},
    {"user": 7, "channels": [{"type": "sms", "address": "  "}]},
    {"user": 7, "channels": [{"type": "sms", "address": None}]},
    {"user": 7, "channels": [{"type": "sms", "address": False}]},
    {"user": 7, "channels": [{"type": "email", "address": "nobody"}]},
    {"user": 7, "channels": [{"type": "email", "address": 1555}]},
    {"user": 7, "channels": [{"type": "email", "address": "a b@x.org"}]},
    {"user": 7, "channels": [{"type": "email", "address": "@x.org"}]},
    {"user": 7, "channels": [MAIL | {"skip_confirmation": "yes"}]},
    {"user": 7, "channels": [MAIL | {"skip_confirmation": None}]},
    {"user": 7, "channels": [MAIL | {"reason": []}]},
    {"user": 7, "channels": [MAIL | {"state": "absent"}]},
    {"user": 7, "absent": [MAIL | {"skip_confirmation": True}]},
    {"user": 7, "absent": [{"type": "email", "address": "a@"}]},
]
GOOD: list[Any] = [
    {"version": 1, "users": []},
    {"version": 1, "defaults": {}, "users": []},
    {"version": 1, "defaults": {"mode": "exact", "manage": ["sms"], "skip_confirmation": False}, "users": []},
    {"version": 1, "users": [{"user": 7, "channels": [MAIL]}, {"user": 8, "channels": [MAIL]}]},
]
BAD: list[Any] = [
    None,
    [],
    "x",
    {},
    {"version": 1},
    {"users": []},
    {"version": 2, "users": []},
    {"version": "1", "users": []},
    {"version": True, "users": []},
    {"version": 1, "users": None},
    {"version": 1, "users": {}},
    {"version": 1, "users": [], "user": []},
    {"version": 1, "users": [], "defaults": None},
    {"version": 1, "users": [], "defaults": {"mode": "all"}},
    {"version": 1, "users": [], "defaults": {"manage": []}},
    {"version": 1, "users": [], "defaults": {"skip_confirmation": 1}},
    {"version": 1, "users": [], "defaults": {"channels": []}},
    {"version": 1, "users": [{"user": 7, "channels": [MAIL]}, {"user": 8, "chanels": [MAIL]}]},
]


def is_read(path: Path, content: str) -> bool:
    """Whether the reader takes it."""
    path.write_text(content, encoding="utf-8")
    try:
        check(path)
    except DocumentError:
        return False
    return True


def test_the_schema_is_one() -> None:
    """Of draft 2020-12."""
    Draft202012Validator.check_schema(SCHEMA)


def test_the_example_is_valid() -> None:
    """For schema and reader; it shows every way to name a user, without a warning."""
    assert not list(DOCUMENT.iter_errors(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))))
    checked = check(EXAMPLE)
    assert (checked.users, checked.entries, checked.warning_count) == (5, 6, 0)


def test_the_example_names_the_columns() -> None:
    """Those of the CSV, in their order."""
    [line] = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line.startswith("# user,")]
    assert next(csv.reader([line.removeprefix("# ").partition(".")[0]])) == list(COLUMNS)


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_schema_and_reader_agree_on_documents(tmp_path: Path, suffix: str, *, good: bool) -> None:
    """What one takes the other takes, in both forms."""
    write = json.dumps if suffix == "json" else yaml.safe_dump
    for document in GOOD if good else BAD:
        assert DOCUMENT.is_valid(document) is good, document
        assert is_read(tmp_path / f"d.{suffix}", write(document)) is good, document


@pytest.mark.parametrize("good", [True, False])
def test_schema_and_reader_agree_on_users(tmp_path: Path, *, good: bool) -> None:
    """As a line of NDJSON and as a part of a document."""
    for user in GOOD_USERS if good else BAD_USERS:
        assert LINE.is_valid(user) is good, user
        assert DOCUMENT.is_valid({"version": 1, "users": [user]}) is good, user
        assert is_read(tmp_path / "d.ndjson", json.dumps(user)) is good, user
        assert is_read(tmp_path / "d.yaml", yaml.safe_dump({"version": 1, "users": [user]})) is good, user

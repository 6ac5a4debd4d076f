"""Desired states out of files, in every form that people, programs and spreadsheets write."""

import hashlib
from pathlib import Path

import pytest
import yaml

from sync_worker.desired.document import Checked, check, digest, read
from sync_worker.desired.entries import Entry, State, Terms
from sync_worker.desired.formats import from_json, from_yaml
from sync_worker.desired.formats.rows import COLUMNS
from sync_worker.desired.model import Mode
from sync_worker.desired.problems import SHOWN, Problem, Severity
from sync_worker.errors import DocumentError, UsageError
from tests.unit.desired.documents import mistakes, told, written

YAML = """\
# people
users:
  - user: sis:S1
    mode: exact
    manage: [email, sms]
    channels:
      - {type: email, address: a@x.org, skip_confirmation: true}
      - type: sms
        address: 0155
    absent:
      - {type: email, address: "old@x.org", reason: left}
  - user: 1~7
    absent: [{type: email, address: 'b@x.org'}]
  - {user: login:c, mode: exact, channels: []}
defaults:
  skip_confirmation: false
version: 1
"""
JSON = """\
{ "users": [
    {"user": "sis:S1", "mode": "exact", "manage": ["email", "sms"],
     "channels": [
\t{"type": "email", "address": "a@x.org", "skip_confirmation": true},
\t{"type": "sms", "address": "0155"}],
     "absent": [{"type": "email", "address": "old@x.org", "reason": "left"}]},
    {"user": "1~7", "absent": [{"type": "email", "address": "b@x.org"}]},
    {"user": "login:c", "mode": "exact", "channels": []} ],
  "defaults": {"skip_confirmation": false}, "version": 1 }
"""
NDJSON = """\
\ufeff{"user": "sis:S1", "mode": "exact", "manage": ["email", "sms"], "channels": [\
{"type": "email", "address": "a@x.org", "skip_confirmation": true}, {"type": "sms", "address": "0155"}],\
 "absent": [{"type": "email", "address": "old@x.org", "reason": "left"}]}

{"user": "1~7", "absent": [{"type": "email", "address": "b@x.org"}]}
{"user": "login:c", "mode": "exact", "channels": []}
"""
ROWS = """\
user,type,address,state,skip_confirmation,reason
1042,email,a@x.org,present,true,
sis:S1,sms,0155,,no,"two
lines"
1042,email,b@x.org,absent,,left
"""
EXPECTED = [
    "sis_user_id:S1 exact email,sms",
    "sis_user_id:S1 present email a@x.org skip=True ''",
    "sis_user_id:S1 present sms 0155 skip=False ''",
    "sis_user_id:S1 absent email old@x.org skip=True 'left'",
    "id:10000000000007 add email",
    "id:10000000000007 absent email b@x.org skip=True ''",
    "sis_login_id:c exact email",
]


@pytest.mark.parametrize(
    ("name", "content", "lines"),
    [
        ("d.yaml", YAML, [3, 7, 8, 11, 12, 13, 14]),
        ("d.YML", "\ufeff" + YAML, [3, 7, 8, 11, 12, 13, 14]),
        ("d.yaml", YAML.encode("utf-16"), [3, 7, 8, 11, 12, 13, 14]),
        ("d.json", JSON, [2, 4, 5, 6, 7, 7, 8]),
        ("d.json", "\ufeff" + JSON, [2, 4, 5, 6, 7, 7, 8]),
        ("d.ndjson", NDJSON, [1, 1, 1, 1, 3, 3, 4]),
        ("d.jsonl", NDJSON.replace("\n", "\r\n"), [1, 1, 1, 1, 3, 3, 4]),
    ],
)
def test_every_form_gives_the_same_stream(tmp_path: Path, name: str, content: str | bytes, lines: list[int]) -> None:
    """Heads and entries in the order of the document, each with its line; defaults may stand behind the users."""
    terms = Terms(skip_confirmation=False) if "n" in Path(name).suffix[:3] or name.endswith("l") else None
    items = [item for item in read(written(tmp_path, name, content), terms) if not isinstance(item, Problem)]
    assert [told(item) for item in items] == EXPECTED
    assert [item.where for item in items] == [f"{name}:{line}" for line in lines]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (
            "d.csv",
            ROWS,
            [
                "2 id:1042 present email a@x.org skip=True ''",
                "3 sis_user_id:S1 present sms 0155 skip=False 'two\\nlines'",
                "5 id:1042 absent email b@x.org skip=True 'left'",
            ],
        ),
        ("d.csv", "user,type,address\r\n\r\n7,email,a@x.org\r\n", ["3 id:7 present email a@x.org skip=True ''"]),
        (
            "d.csv",
            '\ufeff\n"Address"; Type ;USER;\n a@x.org ;EMail;7;\n;;;\n"x@y.z";email;"8"\n',
            ["3 id:7 present email a@x.org skip=True ''", "5 id:8 present email x@y.z skip=True ''"],
        ),
        (
            "d.tsv",
            "user\ttype\taddress\tstate\n7\tsms\t+155\tABSENT\n7\tsms\t'+156\n",
            ["2 id:7 absent sms +155 skip=True ''", "3 id:7 present sms +156 skip=True ''"],
        ),
        ("d.csv", "user,type,address", []),
    ],
)
def test_rows_are_entries(tmp_path: Path, name: str, content: str, expected: list[str]) -> None:
    """Delimiters, quotes, byte order marks and blank lines; state and confirmation have defaults."""
    items = [item for item in read(written(tmp_path, name, content)) if not isinstance(item, Problem)]
    assert [f"{item.where.removeprefix(f'{name}:')} {told(item)}" for item in items] == expected


def test_yaml_is_the_same_without_libyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was built without it, its own parser gives the same stream with the same lines."""
    path = written(tmp_path, "d.yaml", YAML + "what: [*a, !x {b: c}]\n")
    fast = [(str(item), item.where) for item in read(path)]
    monkeypatch.setattr(from_yaml, "_LOADER", yaml.SafeLoader)
    assert [(str(item), item.where) for item in read(path)] == fast


def test_aliases_are_followed(tmp_path: Path) -> None:
    """Programs write them for what they hold twice; a key may be one, and what holds itself is not there."""
    content = (
        "version: 1\nusers:\n- {user: 7, &m manage: &s [sms], channels: &c [{type: sms, address: 5550100}]}\n"
        "- {user: 8, *m : *s, channels: *c}\n- {user: 9, channels: [], absent: &d [*d]}\n"
    )
    items = list(read(written(tmp_path, "d.yaml", content)))
    assert [told(item) for item in items] == [
        "id:7 add sms",
        "id:7 present sms 5550100 skip=True ''",
        "id:8 add sms",
        "id:8 present sms 5550100 skip=True ''",
        "d.yaml:5: users[2].absent[0]: must be a table of fields, not an alias of something that is not there",
        "id:9 add email",
    ]


def test_the_command_line_has_the_last_word(tmp_path: Path) -> None:
    """Terms are defaults; those of the document go before them, the user before those, what is forced before all."""
    path = written(
        tmp_path,
        "d.yaml",
        "version: 1\ndefaults: {mode: exact}\nusers: [{user: 1, channels: []}, {user: 2, mode: add, channels: []}]",
    )
    sms = frozenset({"sms"})
    assert [told(item) for item in read(path, Terms(manage=sms))] == ["id:1 exact sms", "id:2 add sms"]
    forced = Terms(forced_mode=Mode.EXACT, forced_manage=sms)
    assert [told(item) for item in read(path, forced)] == ["id:1 exact sms", "id:2 exact sms"]
    rows = written(tmp_path, "d.csv", "user,type,address\n1,email,a@x.org\n")
    [entry] = read(rows, Terms(forced_mode=Mode.EXACT))
    assert isinstance(entry, Entry)
    assert entry.mode is Mode.EXACT


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """None hides another one; beyond the first ones they are counted; none repeats an address."""
    wrong = "{user: S1, mode: most, channels: [{type: email, address: secret}, {typ: sms, address: 1}]}"
    lines = mistakes(written(tmp_path, "d.yaml", f"users: [{wrong}, {wrong}]"))
    assert lines[0] == "d.yaml has 11 problems:"
    assert len(lines) == 12
    assert "secret" not in "".join(lines)
    rows = mistakes(written(tmp_path, "d.csv", "user,type,address\n" + "7,email,x\n" * 1234))
    assert len(rows) == SHOWN + 2
    assert rows[-1] == f"and {1234 - SHOWN:,} more"
    endless = mistakes(written(tmp_path, "d.csv", "user," + "x" * 100_000))
    assert endless[:2] == [
        "d.csv has 3 problems:",
        f"d.csv:1: unknown column {'x' * 40!r}. Known are {', '.join(COLUMNS)}",
    ]
    [nothing_known] = mistakes(written(tmp_path, "d.csv", "secret" * 30_000))
    assert nothing_known.startswith("d.csv:1: the first line names none of the columns. Write user,type,address")
    assert "secret" not in nothing_known


def test_a_mistake_that_is_alone_is_one_line(tmp_path: Path) -> None:
    """A wrong header says nothing about rows that nobody can read, and two quotes do not hide the rows behind them."""
    assert len(mistakes(written(tmp_path, "d.csv", "user;type\n7;email\n8;email\n"))) == 1
    found = list(read(written(tmp_path, "d.csv", 'user,type,address\n7,email,"a"b\n8,email,a@x.org\n')))
    assert [type(item) for item in found] == [Problem, Entry]


def test_what_will_not_be_done_is_a_warning(tmp_path: Path) -> None:
    """push, types outside `manage`, and a user that asks for nothing; the document is used all the same."""
    path = written(
        tmp_path,
        "d.yaml",
        "version: 1\ndefaults: {manage: [email, push]}\nusers:\n"
        "- {user: 7, channels: [{type: push, address: x}, {type: fax, address: x}, {type: email, address: a@x.org}]}\n"
        "- {user: 8}\n"
        "- {user: 9, manage: [push], absent: []}\n",
    )
    checked = check(path)
    assert checked == Checked(
        users=3,
        entries=3,
        warnings=checked.warnings,
        warning_count=5,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    assert {warning.severity for warning in checked.warnings} == {Severity.WARNING}
    assert [str(warning) for warning in checked.warnings] == [
        "d.yaml:2: defaults.manage: push channels are never touched",
        "d.yaml:4: users[0].channels[0].type: push channels are never touched",
        "d.yaml:4: users[0].channels[1].type: type fax is not in manage, so this is never touched",
        "d.yaml:5: users[1]: the user asks for nothing. Give channels or absent",
        "d.yaml:6: users[2].manage: push channels are never touched",
    ]
    rows = check(
        written(tmp_path, "d.csv", "user,type,address\n" + "".join(f"{n},sms,5550100\n" for n in range(1, 100)))
    )
    assert (rows.users, rows.entries, rows.warning_count, len(rows.warnings)) == (99, 99, 99, SHOWN)


def test_entries_of_a_wrong_user_are_not_given(tmp_path: Path) -> None:
    """Nobody may stand in for a person who could not be read; the rest of the object is checked."""
    path = written(tmp_path, "d.ndjson", '{"user": "x", "channels": [{"type": "email", "address": "a@x.org"}]}')
    assert [type(item) for item in read(path)] == [Problem]


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, of an unknown kind, or too large to be JSON: all are usage errors."""
    assert issubclass(DocumentError, UsageError)
    missing = tmp_path / "no.csv"
    assert mistakes(missing) == [f"{missing}: the file cannot be read (No such file or directory)"]
    with pytest.raises(DocumentError, match="cannot be read"):
        digest(missing)
    [line] = mistakes(written(tmp_path, "d.xlsx", "PK"))
    assert "unknown kind of file '.xlsx'. Known are .yaml" in line
    monkeypatch.setattr(from_json, "LARGEST", 2**20)
    [line] = mistakes(written(tmp_path, "d.json", " " * 2**20 + "{}"))
    assert line == (
        "d.json: the document is larger than 1 MB. "
        "Write it as NDJSON (.ndjson), one user a line, or as CSV: those may have any size"
    )


def test_an_empty_document_is_a_document(tmp_path: Path) -> None:
    """No users is a statement (which a guard weighs), silence is none."""
    for name, content in (
        ("d.yaml", "version: 1\nusers: []\n"),
        ("d.json", '{"users": [], "version": 1, "defaults": {}}'),
        ("d.ndjson", "\n"),
        ("d.csv", "user,type,address\n"),
    ):
        assert check(written(tmp_path, name, content)).users == 0


def test_states_have_two_names() -> None:
    """As in the CSV."""
    assert [state.value for state in State] == ["present", "absent"]

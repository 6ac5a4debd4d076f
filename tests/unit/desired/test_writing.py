"""Users written as a desired state look as a person would write them."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sync_worker.channels import RefKind, UserRef, by_id
from sync_worker.desired.document import read
from sync_worker.desired.entries import Entry, Terms
from sync_worker.desired.model import DesiredUser, Mode, Wish
from sync_worker.desired.writing import write_csv, write_ndjson, write_yaml
from sync_worker.spreadsheets import disarmed, rearmed

USERS = (
    DesiredUser(
        user_id=7,
        ref=by_id(7),
        mode=Mode.EXACT,
        manage=frozenset({"sms", "email", "null"}),
        present=(
            Wish(type="email", address="a@x.org"),
            Wish(type="sms", address="+155", skip_confirmation=False, reason='a "b", c'),
        ),
        absent=(Wish(type="null", address="é\u2028", reason="left"),),
    ),
    DesiredUser(user_id=8, ref=UserRef(kind=RefKind.SIS, value="S1"), mode=Mode.ADD, manage=frozenset({"email"})),
)


def test_yaml() -> None:
    """What the defaults say is not repeated; words that YAML reads as something else are quoted."""
    assert "".join(write_yaml(USERS)) == (
        "version: 1\n"
        "defaults: {mode: add, manage: [email], skip_confirmation: true}\n"
        "users:\n"
        "  - user: 7\n"
        "    mode: exact\n"
        '    manage: [email, "null", sms]\n'
        "    channels:\n"
        '      - {type: email, address: "a@x.org"}\n'
        '      - {type: sms, address: "+155", skip_confirmation: false, reason: "a \\"b\\", c"}\n'
        "    absent:\n"
        '      - {type: "null", address: "é\\U00002028", reason: "left"}\n'
        '  - user: "sis:S1"\n'
        "    channels: []\n"
    )
    terms = Terms(mode=Mode.EXACT, manage=frozenset({"sms"}), skip_confirmation=False)
    assert "".join(write_yaml([], terms)) == (
        "version: 1\ndefaults: {mode: exact, manage: [sms], skip_confirmation: false}\nusers: []\n"
    )


def test_ndjson() -> None:
    """A line says all."""
    first, second = write_ndjson(USERS)
    assert first.startswith(
        '{"user": 7, "mode": "exact", "manage": ["email", "null", "sms"], "channels": [{"type": "em'
    )
    assert second == '{"user": "sis:S1", "mode": "add", "manage": ["email"], "channels": [], "absent": []}\n'


def test_csv() -> None:
    """A row a wish; nothing that a spreadsheet would run."""
    assert "".join(write_csv(USERS)) == (
        "user,type,address,state,skip_confirmation,reason\n"
        "7,email,a@x.org,present,true,\n"
        '7,sms,\'+155,present,false,"a ""b"", c"\n'
        "7,null,é\u2028,absent,,left\n"
    )


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("=1+1", "'=1+1"),
        ("+155", "'+155"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("'=1", "''=1"),
        ("''=1", "'''=1"),
        ("a=1", "a=1"),
        ("'a", "'a"),
        ("'", "'"),
        ("", ""),
    ],
)
def test_cells_are_disarmed_and_rearmed(cell: str, expected: str) -> None:
    """An apostrophe in front, and away again; no other cell is touched."""
    assert disarmed(cell) == expected
    assert rearmed(expected) == cell


FIRST = ("=", "+", "-", "@", "'", "''", "'=", "''=", "'+", "a", '"', ";", "#")
SAVED = {
    "Excel": {"delimiter": ",", "lineterminator": "\r\n", "encoding": "utf-8-sig"},
    "Excel where a comma stands before the fraction": {
        "delimiter": ";",
        "lineterminator": "\r\n",
        "encoding": "utf-8-sig",
    },
    "Excel, as Unicode text": {"delimiter": "\t", "lineterminator": "\r\n", "encoding": "utf-16"},
    "LibreOffice": {"delimiter": ",", "lineterminator": "\n", "encoding": "utf-8", "quoting": csv.QUOTE_ALL},
    "LibreOffice, as UTF-16": {"delimiter": ";", "lineterminator": "\n", "encoding": "utf-16-le"},
}


@pytest.mark.parametrize("settings", SAVED.values(), ids=SAVED)
def test_a_spreadsheet_may_be_in_between(tmp_path: Path, settings: dict[str, Any]) -> None:
    """Each address and reason is read as it was, whatever it begins with, and however the program saves it."""
    texts = [f"{first}ü{number}" for number, first in enumerate(FIRST)]
    wishes = tuple(
        Wish(type=kind, address=f"{text}@x.example", reason=text) for text in texts for kind in ("email", "sms")
    )
    user = DesiredUser(user_id=7, ref=by_id(7), mode=Mode.ADD, manage=frozenset({"email"}), present=wishes)
    rows = list(csv.reader("".join(write_csv([user])).splitlines()))
    path = tmp_path / "d.csv"
    saved = dict(settings)
    with path.open("w", encoding=saved.pop("encoding"), newline="") as file:
        csv.writer(file, **saved).writerows([*row, "", ""] for row in rows)
    found = [item for item in read(path) if isinstance(item, Entry)]
    assert [(each.type, each.address, each.reason) for each in found] == [
        (each.type, each.address, each.reason) for each in wishes
    ]


@pytest.mark.long
def test_memory_is_flat_in_both_directions() -> None:
    """Five thousand users are written and read within one megabyte, in every streamed form."""
    program = """
import itertools, tempfile, tracemalloc
from pathlib import Path
from sync_worker.channels import by_id
from sync_worker.desired.document import read
from sync_worker.desired.model import DesiredUser, Mode, Wish
from sync_worker.desired.writing import write_csv, write_ndjson, write_yaml
def users():
    for n in range(1, 5_001):
        wish = Wish(type="email", address=f"u{n}@x.org")
        yield DesiredUser(user_id=n, ref=by_id(n), mode=Mode.ADD, manage=frozenset({"email"}), present=(wish,))
with tempfile.TemporaryDirectory() as folder:
    for suffix, write in (("csv", write_csv), ("ndjson", write_ndjson), ("yaml", write_yaml)):
        path = Path(folder) / f"d.{suffix}"
        tracemalloc.start()
        with path.open("w") as file:
            file.writelines(write(users()))
        assert sum(1 for _ in read(path)) >= 5_000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000, tracemalloc.get_traced_memory()
        tracemalloc.stop()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=100)

"""Every mistake of NDJSON and CSV has its place: file, line, field or column, and hint."""

from pathlib import Path

import pytest

from sync_worker.desired.formats.lines import LONGEST_LINE
from tests.unit.desired.documents import mistakes, written


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("d.ndjson", "{\n", "d.ndjson:1: the line is not JSON (Expecting property name"),
        ("d.ndjson", "\n\n" + "[" * 100_000, "d.ndjson:3: the line is not JSON (nested too deeply)"),
        ("d.ndjson", "9" * 10_000, "d.ndjson:1: the line is not JSON (a number is too long)"),
        (
            "d.ndjson",
            "{" + " " * LONGEST_LINE + "}\n",
            f"d.ndjson:1: the line is longer than {LONGEST_LINE:,} characters",
        ),
        ("d.ndjson", "7", "d.ndjson:1: must be a table of fields, not a number"),
        ("d.ndjson", '{"user": 7, "user": 8, "absent": []}', "d.ndjson:1: user is written twice"),
        ("d.ndjson", '{"user": 7, "channels": [{"type": "email"}]}', "d.ndjson:1: channels[0]: address is missing"),
        ("d.ndjson", '{"user": 7, "channels": []}\n' * 2, "d.ndjson:2: user: the user is described a second time"),
        ("d.csv", "", "d.csv:1: the file is empty. Its first line names the columns: user,type,address,state"),
        ("d.csv", 'user,type,address\n7,email,"a"b\n', "d.csv:2: the row is not CSV ("),
        ("d.csv", "user,type,address\n7,email,a@x.org,x\n", "d.csv:2: the row has 4 cells, the first line has 3"),
        ("d.csv", "user,type,address\n,email,a@x.org\n", "d.csv:2: user: no user here"),
        ("d.csv", "user,type,address\nS1,email,a@x.org\n", "d.csv:2: user: 'S1' is no Canvas id. Write a number"),
        ("d.csv", "user,type,address\n7,email\n", "d.csv:2: address: the address is blank. Leave the entry out"),
        ("d.csv", "user,type,address\n7,,x\n", "d.csv:2: type: the type is blank"),
        (
            "d.csv",
            b"user,type,address\n7,email,M\xfcller@x.org\n",
            'd.csv:2: address: this is not UTF-8. Save it as "CSV UTF-8" in the spreadsheet',
        ),
        (
            "d.csv",
            "user,type,address,state\n7,email,a@x.org,absend\n",
            "state: 'absend' is no state. Did you mean abse",
        ),
        ("d.csv", "user,type,address,state\n7,email,a@x.org,0\n", "d.csv:2: state: '0' is no state. Write present"),
        ("d.csv", "user,type,address,skip_confirmation\n7,email,a@x.org,ja\n", "'ja' is neither true nor false"),
        ("d.csv", "user,type,address,reason\n7,email,a@x.org,\x00\n", "d.csv:2: reason: the reason has control"),
        (
            "d.csv",
            b"user,type,address,reason\n7,email,a@x.org,f\xfcr\n8,email,b@x.org,\xfc\n9,fax!,,\xfc\n",
            "d.csv:2: reason: this is not UTF-8. Save it as",
        ),
        ("d.csv", b"user,type,address,f\xfcr\n7,email,a@x.org,b\n", "d.csv:1: this is not UTF-8. Save it as"),
        (
            "d.ndjson",
            b'{"user": 7, "absent": []}\n{"user": "\xfc"}\n{\n',
            "d.ndjson:2: this is not UTF-8. Save it as UTF",
        ),
        ("d.csv", "1042|email|ann@x.org\n", "d.csv:1: the first line names none of the columns. Write user,type,add"),
        ("d.csv", "user|type|address\n7|email|a@x.org\n", "d.csv:1: the first line names none of the columns. Write"),
        ("d.csv", "user,type,address,adress\n", "d.csv:1: unknown column 'adress'. Did you mean address?"),
        ("d.csv", "user,type,address,\x00\n", "d.csv:1: unknown column '\\x00'. Known are user, type"),
        ("d.csv", "user,type,,address\n", "d.csv:1: a column has no name. Known are user"),
        ("d.csv", "user,type,address,sis_user_id\n", "unknown column 'sis_user_id'. Name the column user, and write"),
        ("d.csv", "user,type,address,type\n", "d.csv:1: type: the column is there twice. Drop one"),
        ("d.csv", "user,type\n", "d.csv:1: address: the column is missing. The columns are user, type, address"),
        (
            "d.csv",
            "user,type,address\n7,email,a@x.org\n8,email,a@x.org\nid:7,email,A@x.org\n",
            "d.csv:4: address: the same email address is already in d.csv:2",
        ),
        (
            "d.csv",
            "user,type,address,state\n7,email,a@x.org,absent\n7,email,A@x.org,present\n",
            "d.csv:3: address: the same email address is present in d.csv:3 and absent in d.csv:2",
        ),
    ],
)
def test_every_mistake_of_a_line_has_its_place(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    """Streamed forms are checked line by line, and then as a whole."""
    [line] = mistakes(written(tmp_path, name, content))
    assert line.startswith(words) or words in line


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("d.csv", "user,type,address\n7,emial,\n", ["type: 'emial' is no", "address: the address is blank"]),
        ("d.csv", "user,type,address\n7,EMIAL,nobody\n", ["type: 'emial' is no", "address: an e-mail address has an"]),
        ("d.csv", "user,type,address\n7,fax!,nobody\n", ["type: 'fax!' is no type"]),
        (
            "d.csv",
            "user,type,address,state,skip_confirmation,reason\nS1,emial,a b@x.org,gone,ja,\x00\n",
            [
                "user: 'S1'",
                "type: 'emial'",
                "address: an e-mail address has no blanks",
                "state: 'gone'",
                "skip_confirmation: 'ja'",
                "reason: the reason has control",
            ],
        ),
        (
            "d.ndjson",
            '{"user": 7, "channels": [{"type": "emial", "address": "nobody"}]}\n',
            ["channels[0].type: 'emial' is no", "channels[0].address: an e-mail address has an @"],
        ),
    ],
)
def test_every_mistake_of_one_line_is_told(tmp_path: Path, name: str, content: str, words: list[str]) -> None:
    """At once; where a type is misspelt, the address is judged by what it was meant to be."""
    lines = [line for line in mistakes(written(tmp_path, name, content)) if line.startswith(f"{name}:")]
    assert [found in line for found, line in zip(words, lines, strict=True)] == [True] * len(words), lines

"""Users out of files, in every form that people and their spreadsheets write."""

from pathlib import Path

import pytest

from sync_worker.errors import SourceError
from sync_worker.users.files import check_file, references
from sync_worker.users.fingerprint import fingerprint
from sync_worker.users.mistakes import SHOWN
from sync_worker.users.specs import FileSpec, QuerySpec, parse_spec


def written(folder: Path, name: str, content: str | bytes) -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("u.csv", "user\n1042\nsis:S1\n", ["id:1042@2", "sis_user_id:S1@3"]),
        ("u.csv", "user\r\n1042\r\n\r\n1~7", ["id:1042@2", "id:10000000000007@4"]),
        ("u.csv", "\ufeffid\n7\n", ["id:7@2"]),
        ("U.CSV", "\n\nName;Canvas_User_ID\nAnn;7\n;\nBob;8\n", ["id:7@4", "id:8@6"]),
        ("u.csv", 'name,sis_user_id\n"Lee, Ann","S""1"\n', ['sis_user_id:S"1@2']),
        ("u.csv", 'name,login_id\n"two\nlines",x\ny,z\n', ["sis_login_id:x@3", "sis_login_id:z@4"]),
        ("u.csv", "sis_login_id,note\nx\n", ["sis_login_id:x@2"]),
        ("u.csv", "integration_id\ty\nI1\t-\n", ["sis_integration_id:I1@2"]),
        ("u.tsv", "user\tname\t\n7\tAnn\t\n", ["id:7@2"]),
        ("u.csv", "sis_user_id,id\nS1,7\nS2,\n", ["id:7@2", "sis_user_id:S2@3"]),
        ("u.csv", b"name,id\nJos\xe9,7\n", ["id:7@2"]),
        ("u.csv", "user\n", []),
        ("u.csv", "user\n1\n".encode("utf-16"), ["id:1@2"]),
        (
            "u.csv",
            "name;sis_user_id\nJörg;'=S1\nAnn;'S2\nEve;''-S3\n",
            ["sis_user_id:=S1@2", "sis_user_id:'S2@3", "sis_user_id:'-S3@4"],
        ),
        (
            "u.ndjson",
            '{"user": "sis:S1"}\n\n7\n"8"\n{"id": 9, "name": []}\n',
            ["sis_user_id:S1@1", "id:7@3", "id:8@4", "id:9@5"],
        ),
        ("u.jsonl", '\ufeff{"sis_user_id": "S1", "login_id": "x"}', ["sis_user_id:S1@1"]),
        ("u.txt", "# people\n7\n\n sis:S1 # Ann\n#8\nlogin:a#b", ["id:7@2", "sis_user_id:S1@4", "sis_login_id:a#b@6"]),
        ("u.txt", "", []),
        ("u.ndjson", "", []),
    ],
)
def test_every_form_is_read_with_its_lines(
    tmp_path: Path, name: str, content: str | bytes, expected: list[str]
) -> None:
    """Byte order marks, delimiters, quotes, blank lines and comments; each reference knows its line."""
    path = written(tmp_path, name, content)
    assert check_file(path) == len(expected)
    assert [f"{ref}@{ref.where.removeprefix(f'{name}:')}" for ref in references(path)] == expected


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("u.csv", "", "u.csv: the file is empty"),
        ("u.csv", "1042\n1043\n", "u.csv:1: no column names users"),
        ("u.csv", "user_id\nS1\n", "u.csv:1: no column names users"),
        ("u.csv", "user\n1\nS1\n", "u.csv:3: 'S1' is no Canvas id"),
        ("u.csv", "user,name\n1,a,b\n", "u.csv:2: the row has 3 fields"),
        ("u.csv", 'user\n"a"b\n', "u.csv:2: the row is not CSV"),
        ("u.csv", 'user\n"1\n2\n', "u.csv:3: "),
        ("u.csv", "id,name\n,Ann\n", "u.csv:2: no user here"),
        ("u.csv", b"sis_user_id\nM\xfcller\n", 'u.csv:2: this is not UTF-8. Save it as "CSV UTF-8"'),
        ("u.csv", b"n\xe4me,x\n1,2\n", "u.csv:1: this is not UTF-8"),
        ("u.txt", b"7\nlogin:J\xf6rg\n", "u.txt:2: this is not UTF-8. Save it as UTF-8"),
        ("u.ndjson", b'{"sis_user_id": "\xff"}', "u.ndjson:1: this is not UTF-8. Save it as UTF-8"),
        ("u.ndjson", "{\n", "u.ndjson:1: the line is not JSON"),
        ("u.ndjson", "[" * 100_000, "u.ndjson:1: the line is not JSON"),
        ("u.ndjson", "9" * 10_000, "u.ndjson:1: the line is not JSON"),
        ("u.ndjson", "true\n", "u.ndjson:1: no user here"),
        ("u.ndjson", "1.0\n", "u.ndjson:1: no user here"),
        ("u.ndjson", '["1"]\n', "u.ndjson:1: no user here"),
        ("u.ndjson", '{"name": "Ann"}\n', "u.ndjson:1: no user here"),
        ("u.txt", "7\nAnn\n", "u.txt:2: 'Ann' is no Canvas id"),
        ("u.xlsx", "PK", "unknown kind of file '.xlsx'"),
        ("users", "7", "unknown kind of file ''"),
    ],
)
def test_every_mistake_has_its_line(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    """A run never starts on a bad file, and a person finds the line."""
    path = written(tmp_path, name, content)
    with pytest.raises(SourceError) as caught:
        check_file(path)
    assert words in str(caught.value)
    with pytest.raises(SourceError):
        list(references(path))


def test_all_mistakes_are_told_at_once_and_the_rest_is_counted(tmp_path: Path) -> None:
    """Not one a run."""
    path = written(tmp_path, "u.txt", "7\n" + "x\n" * 50)
    with pytest.raises(SourceError) as caught:
        check_file(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: 50 bad lines:\nu.txt:2: ")
    assert text.count("\nu.txt:") == SHOWN
    assert "and 30 more" in text


def test_what_is_not_utf8_is_told_once(tmp_path: Path) -> None:
    """All other lines of such a file would say the same."""
    path = written(tmp_path, "u.csv", b"user\n7\nx\n" + b"sis:\xfc\n" * 50 + b"y\n")
    with pytest.raises(SourceError) as caught:
        check_file(path)
    assert str(caught.value).splitlines()[1:] == [
        "u.csv:3: 'x' is no Canvas id. Write a number such as 1042 or 1~1042; a SIS id goes behind sis:",
        'u.csv:4: this is not UTF-8. Save it as "CSV UTF-8" in the spreadsheet',
    ]


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    """Neither is a folder a file."""
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(SourceError, match=r"cannot be read|unknown kind"):
            check_file(path)


def test_reading_is_streamed(tmp_path: Path) -> None:
    """The first reference comes before the mistake further down is seen."""
    path = written(tmp_path, "u.txt", "7\nx\n")
    stream = references(path)
    assert next(stream).value == "7"
    with pytest.raises(SourceError, match=r"u\.txt:2"):
        next(stream)


def test_a_fingerprint_names_the_same_users(tmp_path: Path) -> None:
    """Order and place do not matter; one byte of a file, or another user, does."""
    one = written(tmp_path, "a.csv", "user\n7\n")
    same = written(tmp_path, "b.CSV", "user\n7\n")
    other = written(tmp_path, "c.csv", "user\n8\n")
    assert fingerprint([FileSpec(path=one)]) == fingerprint([FileSpec(path=same)])
    assert fingerprint([FileSpec(path=one)]) != fingerprint([FileSpec(path=other)])
    ids = [parse_spec("id:1,2"), parse_spec("account:self")]
    assert fingerprint(ids) == fingerprint([parse_spec("account:self"), parse_spec("id:2,1,2")])
    assert fingerprint(ids) != fingerprint([parse_spec("id:1,2")])
    assert fingerprint([parse_spec("sis:1")]) != fingerprint([parse_spec("id:1")])


def test_the_fingerprint_of_a_query_is_of_its_text(tmp_path: Path) -> None:
    """Its rows change while it is walked; one that cannot be read has none."""
    one, other = (written(tmp_path, name, f"SELECT {name[0]}") for name in ("1.sql", "2.sql"))
    (tmp_path / "sub").mkdir()
    same = written(tmp_path, "sub/1.sql", "SELECT 1")
    assert fingerprint([QuerySpec(path=one)]) == fingerprint([QuerySpec(path=same)])
    assert fingerprint([QuerySpec(path=one)]) != fingerprint([QuerySpec(path=other)])
    with pytest.raises(SourceError, match="holds no SQL"):
        fingerprint([QuerySpec(path=written(tmp_path, "empty.sql", ""))])
    with pytest.raises(SourceError, match="cannot be read"):
        fingerprint([QuerySpec(path=tmp_path / "none.sql")])


def test_a_bad_file_has_no_fingerprint(tmp_path: Path) -> None:
    """Fingerprinting is the check before the run."""
    with pytest.raises(SourceError, match="bad line"):
        fingerprint([FileSpec(path=written(tmp_path, "u.txt", "x"))])

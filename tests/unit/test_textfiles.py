"""Text files as spreadsheets and editors save them, of every kind that the program reads."""

import io
import ssl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from sync_worker.cli.tokenplace import token_there
from sync_worker.desired.document import check, read
from sync_worker.desired.entries import Entry
from sync_worker.errors import ConfigError, NotUtf8, SourceError, SyncWorkerError, UsageError
from sync_worker.mirror.foreign import load
from sync_worker.settings import load_settings
from sync_worker.settings.secrets import read_secret
from sync_worker.settings.trust import trusting
from sync_worker.textfiles import BOM, MARK, decode, decoded, read_text
from sync_worker.users.files import check_file, references

CASES = Path(__file__).parents[1] / "cases"
ENCODINGS = {
    "UTF-8": lambda text: text.encode(),
    "UTF-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 with a mark, little end first": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16 with a mark, big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-16, little end first": lambda text: text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: text.encode("utf-16-be"),
}
Encode = Callable[[str], bytes]
every_encoding = pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS)
LINES = pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Writes a file."""

    def write(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        path.chmod(0o600)
        return path

    return write


Write = Callable[[str, bytes], Path]

DOCUMENTS = {
    "d.csv": "user,type,address\n1001,email,zoë@x.org\n",
    "semicolons.csv": "user;type;address\n1001;email;zoë@x.org\n",
    "d.tsv": "user\ttype\taddress\n1001\temail\tzoë@x.org\n",
    "d.ndjson": '{"user": 1001, "channels": [{"type": "email", "address": "zoë@x.org"}]}\n',
    "d.json": '{"version": 1, "users": [\n{"user": 1001, "channels": [{"type": "email", "address": "zoë@x.org"}]}]}',
    "d.yaml": "version: 1\nusers:\n- user: 1001\n  channels:\n  - {type: email, address: zoë@x.org}\n",
}


@every_encoding
@LINES
@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents(file: Write, name: str, encode: Encode, end: str) -> None:
    """The same entry in the same line, whatever a program saved it as."""
    text = DOCUMENTS[name]
    plain = list(read(file(name, text.encode())))
    saved = file(name, encode(text.replace("\n", end)))
    assert list(read(saved)) == plain
    assert [item.address for item in plain if isinstance(item, Entry)] == ["zoë@x.org"]
    assert check(saved).entries == 1


@every_encoding
@LINES
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("u.csv", "sis_user_id;name\nS1;Zoë\n"),
        ("u.txt", "# Zoë\nsis:S1\n"),
        ("u.ndjson", '{"name": "Zoe"}\n'.replace("Zoe", "Zoë").replace("}", ', "sis_user_id": "S1"}')),
    ],
)
def test_lists_of_users(file: Write, name: str, text: str, encode: Encode, end: str) -> None:
    """As the documents."""
    saved = file(name, encode(text.replace("\n", end)))
    assert check_file(saved) == 1
    assert [str(ref) for ref in references(saved)] == ["sis_user_id:S1"]


@every_encoding
@LINES
def test_configurations(file: Write, encode: Encode, end: str) -> None:
    """With their lines, for messages; `init` knows whose token file a configuration names."""
    text = "[instances.main]\n# für die Schule\nbase_url = 'http://127.0.0.1:8090'\ntoken_file = 'c.canvas-token'\n"
    path = file("c.toml", encode(text.replace("\n", end)))
    token = file("c.canvas-token", b"x")
    assert load_settings(path, {}).instance("main").base_url == "http://127.0.0.1:8090"
    assert token_there(path) == token
    wrong = file("w.toml", encode((text + "per_pages = 1\n").replace("\n", end)))
    with pytest.raises(ConfigError, match=r"w\.toml:5: "):
        load_settings(wrong, {})


def test_the_mark_of_a_configuration() -> None:
    """As the editor of Windows saves it."""
    assert load_settings(CASES / "bom.toml", {}).instance("main").base_url == "http://127.0.0.1:8090"


@every_encoding
@LINES
def test_secrets_and_queries(file: Write, encode: Encode, end: str) -> None:
    """A token is what was written, and SQL too."""
    path = file("token", encode(f"7~abcdefgh{end}"))
    assert read_secret(path, setting="token_file").get_secret_value() == "7~abcdefgh"
    query = load(file("q.sql", encode(f"-- für{end}SELECT 'é'{end}")), UsageError)
    assert query.text == "-- für\nSELECT 'é'\n"


@every_encoding
def test_certificates(file: Write, encode: Encode) -> None:
    """OpenSSL alone knows no marks; what stands around the certificates is not read."""
    pem = trustme.CA().cert_pem.bytes().decode()
    context = trusting(file("ca.pem", encode(f"our authority\n{pem}")), setting="ca_file")
    assert len(context.get_ca_certs()) == 1
    assert context.verify_mode is ssl.CERT_REQUIRED
    with pytest.raises(ConfigError, match="holds no certificates in PEM form"):
        trusting(file("none.pem", encode("none")), setting="ca_file")


# --- what is neither ------------------------------------------------------------------------------------

TOLD: dict[str, Callable[[Path], object]] = {
    "d.csv": check,
    "d.ndjson": check,
    "d.json": check,
    "d.yaml": check,
    "u.csv": check_file,
    "u.txt": check_file,
    "c.toml": lambda path: load_settings(path, {}),
    "q.sql": lambda path: load(path, SourceError),
    "plan.json": read_text,
}
BROKEN = {
    "d.csv": "user,type,address\n1001,email,jörg@school.example\n1002,email,jörg@school.example\n",
    "d.ndjson": '\n{"user": 1, "channels": [{"type": "email", "address": "jörg@school.example"}]}\n"ö"\n',
    "d.json": '{"version": 1, "users":\n[{"user": 1, "channels": [{"type": "email", "address": "jörg@x.example"}]}]}',
    "d.yaml": 'version: 1\nusers: [{user: 1, channels: [{type: email, address: "jörg@school.example"}]}] # ö\n',
    "u.csv": "login_id\njörg\nzoë\n",
    "u.txt": "# people\nlogin:jörg\nlogin:zoë\n",
    "c.toml": "[instances.main]\nbase_url = 'ö'\n",
    "q.sql": "SELECT\n'ö'\n",
    "plan.json": '{\n"ö": 1}',
}


@pytest.mark.parametrize("encoding", ["cp1252", "mac-roman", "cp437"])
@pytest.mark.parametrize("name", TOLD)
def test_anything_else_is_one_sentence(file: Write, name: str, encoding: str) -> None:
    """File, line, and what to do, once for all lines."""
    path = file(name, BROKEN[name].encode(encoding))
    with pytest.raises(SyncWorkerError) as caught:
        TOLD[name](path)
    (line,) = [line for line in str(caught.value).splitlines() if "UTF-8" in line]
    assert f"{name}:2: " in line
    assert "this is not UTF-8. Save it as " in line
    assert ('"CSV UTF-8"' in line) is name.endswith(".csv")
    assert ("address: " in line) is (name == "d.csv")


def test_a_secret_that_is_no_text(file: Write) -> None:
    """Nothing of it is shown."""
    with pytest.raises(ConfigError, match=r"token: it is not text in UTF-8\. Write the secret into it") as caught:
        read_secret(file("token", b"s\xfccret"), setting="token_file")
    assert "cret" not in str(caught.value).replace("secret", "")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a\nb\n\xff", 3),
        (b"\xff\xfea\x00\n\x00b", 2),  # half a character at the end
        (b"\xff\xfea\x00\n\x00\x00\xd8b\x00", 2),  # half a surrogate pair
        (b"\xef\xbb\xbf\xff", 1),
        (b"\xc3", 1),
        (b"a\r\nb\r\n\xed\xa0\x80", 3),
    ],
)
def test_the_line_of_what_cannot_be_decoded(content: bytes, line: int) -> None:
    """Counted from 1, in both encodings."""
    with pytest.raises(NotUtf8) as caught:
        decode(content, "f")
    assert caught.value.where == f"f:{line}"


# --- laws -----------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(list(ENCODINGS)[1:4]))
def test_every_text_is_read_as_it_was(text: str, encoding: str) -> None:
    """With a mark, in any encoding that has one; but for a second mark at the beginning nothing is added or lost."""
    assert decode(ENCODINGS[encoding](text), "f") == text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_utf8_is_never_taken_for_utf16(text: str) -> None:
    """Without a mark, whatever the text is."""
    assert decode(text.encode(), "f") == text.removeprefix(BOM)


@given(st.binary())
def test_anything_is_text_with_marks(content: bytes) -> None:
    """Nothing else than marks stands where something cannot be decoded."""
    with decoded(io.BytesIO(content)) as text:
        found = text.read()
    assert {char for char in found if "\ud800" <= char <= "\udfff"} <= {MARK}


@pytest.mark.long
def test_reading_is_streamed() -> None:
    """Twenty thousand rows in UTF-16 are read within one megabyte."""
    program = """
import tempfile, tracemalloc
from pathlib import Path
from sync_worker.desired.document import read
from sync_worker.users.files import references
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "d.csv"
    with path.open("w", encoding="utf-16") as file:
        file.write("user;type;address\\r\\n")
        file.writelines(f"{n};email;ü{n}@school.example\\r\\n" for n in range(1, 20_001))
    tracemalloc.start()
    assert sum(1 for _ in read(path)) == 20_000
    assert sum(1 for _ in references(path)) == 20_000
    assert tracemalloc.get_traced_memory()[1] < 1_000_000, tracemalloc.get_traced_memory()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=100)

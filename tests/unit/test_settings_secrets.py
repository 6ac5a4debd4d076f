"""Secrets out of files."""

import errno
from pathlib import Path

import pytest
from pydantic import SecretStr
from typing_extensions import override

from sync_worker.errors import ConfigError
from sync_worker.settings import Grant, Instance, load_settings
from sync_worker.settings.secrets import read_secret


def instance_with(tmp_path: Path, content: bytes | None, told: list[str]) -> Instance:
    """An instance whose token file holds `content` (None: is not there)."""
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
        token.chmod(0o600)
    config = tmp_path / "c.toml"
    config.write_text("[instances.main]\nbase_url = 'http://localhost'\ntoken_file = 'token'\n", encoding="utf-8")
    return load_settings(config, {}, on_secret=told.append).instance("main")


def test_read_late_stripped_and_reported(tmp_path: Path) -> None:
    """The file is read when the token is needed, anew each time; whoever hides secrets hears of it."""
    told: list[str] = []
    instance = instance_with(tmp_path, b" abc\r\n", told)
    assert told == []
    assert instance.read_token().get_secret_value() == "abc"
    (tmp_path / "token").write_text("new\n", encoding="utf-8")
    assert instance.write_access() == SecretStr("new")
    assert told == ["abc", "new"]


@pytest.mark.parametrize("content", [None, b"", b" \n", b"a\nb", b"\xff\xfe"])
def test_unusable_files(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or garbled file is an error that names setting and file, and says what to do."""
    with pytest.raises(ConfigError, match=r"instances\.main\.token_file: .*token") as unusable:
        instance_with(tmp_path, content, []).read_token()
    assert "the secret alone on one line" in unusable.value.hint.replace("into it, ", "")
    assert unusable.value.hint.startswith("Make the file" if content is None else "Write the secret")


@pytest.mark.parametrize(
    ("path", "hint"), [("token/more", "Correct the path"), (".", "Name the file itself, not its folder")]
)
def test_files_that_are_none(tmp_path: Path, path: str, hint: str) -> None:
    """Folders, and what lies in a file."""
    (tmp_path / "token").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError) as unusable:
        read_secret(tmp_path / path, setting="database.url_file")
    assert (unusable.value.where, unusable.value.hint.startswith(hint)) == ("database.url_file", True)


class Closed(type(Path())):  # type: ignore[misc]  # the class of paths differs from system to system
    """A file as it is to somebody else; root, who may run the tests, reads everything."""

    @override
    def read_bytes(self) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")


def test_a_file_that_may_not_be_read() -> None:
    """Whose it has to be."""
    with pytest.raises(ConfigError, match=r"token: Permission denied\. Give it to the user who runs this program"):
        read_secret(Closed("token"), setting="database.url_file")


def test_no_token(tmp_path: Path) -> None:
    """An instance without a token loads; using it says what to write."""
    config = tmp_path / "c.toml"
    config.write_text("[instances.main]\nbase_url = 'http://localhost'\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"instances\.main: no token\. Write token_file"):
        load_settings(config, {}).instance("main").read_token()


def test_write_token(tmp_path: Path) -> None:
    """Writing uses its own token where there is one."""
    (tmp_path / "w").write_text("writer", encoding="utf-8")
    (tmp_path / "w").chmod(0o600)
    config = tmp_path / "c.toml"
    config.write_text(
        "[instances.main]\nbase_url = 'http://localhost'\ntoken = 'reader'\nwrite_token_file = 'w'", encoding="utf-8"
    )
    instance = load_settings(config, {}).instance("main")
    assert (instance.read_access(), instance.write_access()) == (SecretStr("reader"), SecretStr("writer"))


def test_database_passwords_are_reported(tmp_path: Path) -> None:
    """URL and direct URL, out of files or not; the password as written and as meant."""
    (tmp_path / "u").write_text("postgresql://me:p%40ss@h/d\n", encoding="utf-8")
    (tmp_path / "u").chmod(0o600)
    config = tmp_path / "c.toml"
    config.write_text("[database]\nurl_file = 'u'\ndirect_url = 'postgresql://h/d?password=direct'", encoding="utf-8")
    told: set[str] = set()
    settings = load_settings(config, {}, on_secret=told.add)
    assert settings.database_url().get_secret_value() == "postgresql://me:p%40ss@h/d"
    assert settings.direct_database_url().get_secret_value() == "postgresql://h/d?password=direct"
    assert told == {"p%40ss", "p@ss", "direct"}


def test_the_direct_url_is_the_usual_one_unless_said(tmp_path: Path) -> None:
    """Without a pooler there is one URL; the direct one may be in a file too."""
    assert load_settings(None, {}).direct_database_url().get_secret_value() == "embedded"
    (tmp_path / "d").write_text("postgresql://direct/d", encoding="utf-8")
    (tmp_path / "d").chmod(0o600)
    environ = {"SYNC_WORKER_DATABASE__DIRECT_URL_FILE": str(tmp_path / "d")}
    assert load_settings(None, environ).direct_database_url().get_secret_value() == "postgresql://direct/d"


OAUTH = """
[instances.main]
base_url = 'http://localhost'
[instances.main.oauth]
client_id = 10000000000042
client_secret_file = 'secret'
refresh_token = 'refresh'
"""


def with_oauth(tmp_path: Path, more: str = "") -> Path:
    """A configuration that renews its tokens; `more` settings of the instance."""
    (tmp_path / "secret").write_text("geheim\n", encoding="utf-8")
    (tmp_path / "w").write_text("writer", encoding="utf-8")
    config = tmp_path / "c.toml"
    config.write_text(OAUTH.replace("[instances.main.oauth]", f"{more}\n[instances.main.oauth]"), encoding="utf-8")
    return config


def test_a_grant(tmp_path: Path) -> None:
    """What access tokens are asked for with, for reading and for writing; whoever hides secrets hears of it."""
    told: set[str] = set()
    instance = load_settings(with_oauth(tmp_path), {}, on_secret=told.add).instance("main")
    grant = Grant(client_id="10000000000042", client_secret=SecretStr("geheim"), refresh_token=SecretStr("refresh"))
    assert instance.read_access() == instance.write_access() == grant
    assert told == {"geheim", "refresh"}
    assert "geheim" not in repr(grant)


def test_a_write_token_beside_a_grant(tmp_path: Path) -> None:
    """Reading renews, writing has its own."""
    instance = load_settings(with_oauth(tmp_path, "write_token_file = 'w'"), {}).instance("main")
    assert instance.write_access() == SecretStr("writer")
    assert isinstance(instance.read_access(), Grant)


def test_a_token_in_the_environment_displaces_the_grant(tmp_path: Path) -> None:
    """Whatever is said above wins, and the other way round."""
    environ = {"SYNC_WORKER_INSTANCES__MAIN__TOKEN": "other"}
    assert load_settings(with_oauth(tmp_path), environ).instance("main").read_access() == SecretStr("other")
    config = tmp_path / "d.toml"
    config.write_text("[instances.main]\nbase_url = 'http://localhost'\ntoken = 'below'\n", encoding="utf-8")
    fields = {"CLIENT_ID": "7", "CLIENT_SECRET": "s", "REFRESH_TOKEN": "r"}
    environ = {f"SYNC_WORKER_INSTANCES__MAIN__OAUTH__{name}": value for name, value in fields.items()}
    assert isinstance(load_settings(config, environ).instance("main").read_access(), Grant)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("client_id = 10000000000042", "", "oauth: client_id is missing"),
        ("client_secret_file = 'secret'", "", r"oauth: client_secret_file \(or client_secret\) is missing"),
        ("refresh_token = 'refresh'", "", r"oauth: refresh_token_file \(or refresh_token\) is missing"),
        ("refresh_token =", "refresh_token_file = 'w'\nrefresh_token =", "not both"),
        ("[instances.main.oauth]", "token = 'x'\n[instances.main.oauth]", "write token or this table, not both"),
        ("[instances.main.oauth]", "token_file = 'w'\n[instances.main.oauth]", "write token_file or this table"),
    ],
)
def test_half_a_grant(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """All of it or nothing, and no token beside it."""
    config = with_oauth(tmp_path)
    config.write_text(config.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        load_settings(config, {})


def test_an_authority_of_ones_own(tmp_path: Path) -> None:
    """A file that cannot be read or holds no certificate is an error that names it; without one the system's count."""
    config = tmp_path / "c.toml"
    config.write_text("[instances.main]\nbase_url = 'http://localhost'\nca_file = 'ca.pem'\n", encoding="utf-8")
    instance = load_settings(config, {}).instance("main")
    with pytest.raises(ConfigError, match=r"instances\.main\.ca_file: cannot read .*/ca\.pem: No such file"):
        instance.tls()
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"instances\.main\.ca_file: .*/ca\.pem holds no certificates"):
        instance.tls()
    config.write_text("[instances.main]\nbase_url = 'http://localhost'\n", encoding="utf-8")
    assert load_settings(config, {}).instance("main").tls() is None


def test_a_token_is_told_by_its_place(tmp_path: Path) -> None:
    """File, variable or setting: what a message about a refused token names, and never the token."""
    config = tmp_path / "c.toml"
    table = "[instances.main]\nbase_url = 'http://localhost'\n"
    config.write_text(f"{table}token_file = 't'\nwrite_token_file = 'w'\n", encoding="utf-8")
    instance = load_settings(config, {}).instance("main")
    assert instance.token_source() == str(tmp_path / "t")
    assert instance.token_source(writing=True) == str(tmp_path / "w")
    environ = {"SYNC_WORKER_INSTANCES__MAIN__TOKEN": "geheim"}
    assert load_settings(config, environ).instance("main").token_source() == "SYNC_WORKER_INSTANCES__MAIN__TOKEN"
    config.write_text(f"{table}token = 'geheim'\n", encoding="utf-8")
    instance = load_settings(config, {}).instance("main")
    assert instance.token_source(writing=True) == f"instances.main.token in {config}"
    renewing = load_settings(with_oauth(tmp_path), {}).instance("main")
    assert renewing.token_source() == f"instances.main.oauth.refresh_token in {config}"

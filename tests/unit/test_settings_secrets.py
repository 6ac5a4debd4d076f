"""Secrets out of files."""

import logging
from pathlib import Path

import pytest

from sync_worker.errors import ConfigError
from sync_worker.settings import Instance, load_settings


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
    assert instance.write_token().get_secret_value() == "new"
    assert told == ["abc", "new"]


@pytest.mark.parametrize("content", [None, b"", b" \n", b"a\nb", b"\xff\xfe"])
def test_unusable_files(tmp_path: Path, content: bytes | None) -> None:
    """A missing, empty or garbled file is an error that names setting and file."""
    with pytest.raises(ConfigError, match=r"instances\.main\.token_file: .*token"):
        instance_with(tmp_path, content, []).read_token()


def test_open_to_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that everybody may read is used, with a warning that does not show it."""
    instance = instance_with(tmp_path, b"abc", [])
    with caplog.at_level(logging.WARNING):
        instance.read_token()
        assert caplog.text == ""
        (tmp_path / "token").chmod(0o644)
        instance.read_token()
    assert "chmod 600" in caplog.text
    assert "abc" not in caplog.text


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
    assert [t.get_secret_value() for t in (instance.read_token(), instance.write_token())] == ["reader", "writer"]


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

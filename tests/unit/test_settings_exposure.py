"""Who could read a file that holds a secret."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.settings import Settings, load_settings
from sync_worker.settings.exposure import Node, Secret, exposed_to

ME, SOMEBODY, STAFF = 1000, 1001, 50
OAUTH = "{client_id = 'c', client_secret_file = '/nowhere', refresh_token = 'geheim'}"
OPEN = Node(mode=0o755, uid=0, gid=0)


def node(mode: int, *, uid: int = ME, gid: int = STAFF) -> Node:
    """A file or folder of mine, and of the staff."""
    return Node(mode=mode, uid=uid, gid=gid)


@pytest.mark.parametrize(
    ("mode", "who"),
    [
        (0o600, ""),
        (0o400, ""),
        (0o700, ""),
        (0o640, "group"),
        (0o620, "group"),
        (0o644, "everybody"),
        (0o604, "everybody"),
        (0o602, "everybody"),
        (0o611, ""),
    ],
)
def test_the_mode(mode: int, who: str) -> None:
    """Reading and writing count; running does not."""
    assert exposed_to(node(mode), [OPEN, OPEN]) == who


@pytest.mark.parametrize(
    ("folder", "who"),
    [
        (node(0o700), ""),
        (node(0o744), ""),
        (node(0o750), "group"),
        (node(0o750, gid=7), ""),
        (node(0o701), "everybody"),
        (node(0o711, gid=7), "everybody"),
        (node(0o550, uid=0, gid=0), ""),  # a folder of systemd's credentials
    ],
)
def test_the_folders(folder: Node, who: str) -> None:
    """Nobody reads what lies in a folder that he may not enter, wherever that folder is on the way."""
    assert exposed_to(node(0o644), [OPEN, folder, OPEN]) == who


def test_the_group_through_a_folder_of_another_group() -> None:
    """A folder that keeps the staff out keeps them from their own files, and lets others in who cannot read them."""
    assert exposed_to(node(0o640), [node(0o705)]) == ""
    assert exposed_to(node(0o640), [node(0o705, gid=7)]) == "group"


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter: pytest's own may not be."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def configured(folder: Path, text: str) -> Settings:
    """Settings from a file of mode 0644, beside a token of mode 0644."""
    for name, content in (("c.toml", text), ("token", "geheim")):
        (folder / name).write_text(content, encoding="utf-8")
        (folder / name).chmod(0o644)
    return load_settings(folder / "c.toml", {})


def test_files_with_secrets_are_told(public: Path) -> None:
    """Each once, with setting, file, mode and remedy, and without the secret; a private folder makes up for all."""
    files = "token_file = 'token'\nwrite_token_file = 'token'"
    settings = configured(public, f"[instances.main]\nbase_url = 'http://localhost'\n{files}\n")
    token = public / "token"
    (sentence,) = settings.exposed()
    assert sentence == (
        f"instances.main.token_file: {token} holds a secret and is open to everybody on this machine (mode 0644); "
        f"run: chmod 600 {token}"
    )
    public.chmod(0o700)
    assert settings.exposed() == []
    public.chmod(0o755)
    token.chmod(0o600)
    assert settings.exposed() == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[instances.main]\nbase_url = 'http://localhost'\ntoken = 'geheim'", True),
        ("[instances.main]\nbase_url = 'http://localhost'\ntoken_file = '/nowhere'", False),
        ("[database]\nurl = 'postgresql://me:geheim@h/d'", True),
        ("[database]\ndirect_url = 'postgresql://h/d?password=geheim'", True),
        ("[database]\nurl = 'postgresql://me@h/d'", False),
        ("[database]\nurl_file = 'token'", True),
        (f"[instances.main]\nbase_url = 'http://localhost'\noauth = {OAUTH}", True),
    ],
)
def test_the_configuration_itself(public: Path, text: str, *, told: bool) -> None:
    """It matters only where a secret is written in it."""
    sentences = configured(public, text).exposed()
    assert bool(sentences) == told
    assert "geheim" not in "".join(sentences)


def test_a_link_to_a_private_place(public: Path, tmp_path: Path) -> None:
    """The file counts, not what leads to it; the remedy names the file."""
    (tmp_path / "token").write_text("geheim", encoding="utf-8")
    (tmp_path / "token").chmod(0o644)
    tmp_path.chmod(0o700)
    (public / "link").symlink_to(tmp_path / "token")
    assert Secret(setting="s", path=public / "link").exposure(os.geteuid()) == ""
    (public / "token").write_text("geheim", encoding="utf-8")
    (public / "token").chmod(0o666)
    (tmp_path / "link").symlink_to(public / "token")
    sentence = Secret(setting="s", path=tmp_path / "link").exposure(os.geteuid())
    assert sentence.endswith(f"(mode 0666); run: chmod 600 {(public / 'token').resolve()}")


def test_what_is_meant_for_a_group(public: Path) -> None:
    """A file that the program can read only through its group, and one of the owner's own group, are as they should."""
    token = public / "token"
    token.write_text("geheim", encoding="utf-8")
    token.chmod(0o640)
    mine = token.stat()
    secret = Secret(setting="s", path=token)
    assert secret.exposure(mine.st_uid + 1) == ""  # then chmod 600 would lock the program out
    if os.geteuid() == 0:
        assert secret.exposure(0) == ""  # root:root
        os.chown(token, 0, 54321)
        assert "open to the group 54321 (mode 0640)" in secret.exposure(0)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Whoever reads it will say so."""
    assert Secret(setting="s", path=tmp_path / "none").exposure(0) == ""


def test_nothing_else_of_the_mode_is_shown(public: Path) -> None:
    """Four digits, as chmod takes them."""
    token = public / "token"
    token.write_text("geheim", encoding="utf-8")
    token.chmod(stat.S_ISUID | 0o644)
    assert "(mode 4644)" in Secret(setting="s", path=token).exposure(os.geteuid())

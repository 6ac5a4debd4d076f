"""The supervisor's small parts: values, locks, the patience with nobody."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sync_worker.clock import Clock
from sync_worker.embedded import state
from sync_worker.embedded.account import Account, clean_environment
from sync_worker.embedded.commands import initdb, postgres
from sync_worker.embedded.locks import FileLock, patiently
from sync_worker.embedded.options import Order, ServerOptions
from sync_worker.embedded.sockets import bases, remove, socket_folder
from sync_worker.embedded.supervisor import Idleness
from sync_worker.errors import ConfigError, DatabaseUnreachable


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def test_idleness_counts_from_the_last_user() -> None:
    """Whoever is seen in between starts the time anew."""
    idleness = Idleness(5)
    seen = [(True, 0), (True, 4.9), (False, 5), (True, 6), (True, 10.9), (True, 11)]
    assert [idleness.over(nobody=nobody, now=now) for nobody, now in seen] == [False] * 5 + [True]


def test_no_patience_at_all() -> None:
    """Zero seconds: the first look that sees nobody ends it."""
    assert Idleness(0).over(nobody=True, now=7.0)


def test_an_order_crosses_the_process_boundary() -> None:
    """What is written is what is read."""
    order = Order(
        folder=Path("/ä b"),
        binaries=Path("/bin"),
        major=18,
        owner_lock=7,
        options=ServerOptions(idle_seconds=0.5, durable=False),
    )
    assert Order.from_text(order.to_text()) == order


@pytest.mark.parametrize("error", [ConfigError("a", where="b", hint="c"), DatabaseUnreachable("a")])
def test_an_error_crosses_the_process_boundary(tmp_path: Path, error: ConfigError | DatabaseUnreachable) -> None:
    """It is raised elsewhere as the same."""
    path = tmp_path / "server.json"
    state.write(path, state.Failed.of(error))
    said = state.read(path)
    assert isinstance(said, state.Failed)
    assert (type(said.error()), str(said.error())) == (type(error), str(error))


def test_the_state_is_running_or_nothing(tmp_path: Path) -> None:
    """What cannot be read is nothing."""
    path = tmp_path / "server.json"
    assert state.read(path) is None
    state.write(path, state.Running(socket_folder="/tmp/x"))  # noqa: S108  (never opened)
    assert state.read(path) == state.Running(socket_folder="/tmp/x")  # noqa: S108
    for text in ("", "{}", "[]", '{"running": {"other": 1}}', '{"running":'):
        path.write_text(text)
        assert state.read(path) is None
    state.clear(path)
    state.clear(path)
    assert not path.exists()


async def test_locks_are_shared_or_exclusive(tmp_path: Path) -> None:
    """Two may share; alone means alone, also within one process; closing frees it."""
    first, second, third = (FileLock(tmp_path / "lock") for _ in range(3))
    assert first.try_shared()
    assert second.try_shared()
    assert not third.try_exclusive()
    first.close()
    first.close()
    second.release()
    assert third.try_exclusive()
    assert not await patiently(second.try_shared, Clock(), 0.03)
    third.close()
    assert await patiently(second.try_shared, Clock(), 1)
    second.close()


def test_a_lock_knows_its_file(tmp_path: Path) -> None:
    """It is seen when the file is removed, also when another one gets its name."""
    path = tmp_path / "home" / "lock"
    path.parent.mkdir()
    first = FileLock(path)
    assert first.in_place()
    path.unlink()
    assert not first.in_place()
    second = FileLock(path)
    assert (first.in_place(), second.in_place()) == (False, True)
    assert first.identity != second.identity
    path.unlink()
    path.parent.rmdir()
    assert not second.in_place()
    path.parent.touch()
    assert not second.in_place()
    first.close()
    second.close()


def test_a_lock_is_no_link(tmp_path: Path) -> None:
    """A link in the lock's place would lead elsewhere."""
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        FileLock(tmp_path / "lock")


def test_the_sockets_folder_is_private_and_emptied(short: Path) -> None:
    """The same home gets the same folder; what a killed server left there goes."""
    folder = socket_folder(Path("/home"), "1:2", Account(), (short,))
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / ".s.PGSQL.5432.lock").write_text("1\n")
    assert socket_folder(Path("/home"), "1:2", Account(), (short,)) == folder
    assert list(folder.iterdir()) == []
    assert socket_folder(Path("/other"), "1:2", Account(), (short,)) != folder
    assert socket_folder(Path("/home"), "1:3", Account(), (short,)) != folder
    remove(folder)
    remove(folder)
    assert not folder.exists()


def test_a_squatted_socket_folder_is_passed_over(short: Path) -> None:
    """A link, a file, or a folder that others can enter is left as it is; the next place is taken."""
    bad, good = short / "bad", short / "good"
    bad.mkdir()
    good.mkdir()
    folder = socket_folder(Path("/home"), "1:2", Account(), (bad,))
    folder.chmod(0o755)
    assert socket_folder(Path("/home"), "1:2", Account(), (bad, good)).parent == good
    folder.rmdir()
    folder.symlink_to(good)
    assert socket_folder(Path("/home"), "1:2", Account(), (bad, good)).parent == good
    with pytest.raises(ConfigError, match=r"no place for the database's socket.*Make /tmp writable"):
        socket_folder(Path("/home"), "1:2", Account(), (bad, short / ("x" * 90)))


def test_the_runtime_folder_is_second() -> None:
    """It goes away with the user's last session, /tmp does not."""
    assert [str(base) for base in bases({"XDG_RUNTIME_DIR": "/run/user/7"})][:2] == ["/tmp", "/run/user/7"]  # noqa: S108
    assert Path("/run/user/7") not in bases({})


def test_text_is_unicode_in_every_version() -> None:
    """PostgreSQL 17 and newer bring their own rules; older ones take the system's."""
    assert "--builtin-locale=C.UTF-8" in initdb(Path("/bin"), "/data", major=18, durable=True)
    assert "--locale=C.UTF-8" in initdb(Path("/bin"), "/data", major=15, durable=True)
    assert "--no-sync" in initdb(Path("/bin"), "/data", major=15, durable=False)


def test_a_durable_server_syncs() -> None:
    """Only a throwaway server's command line says otherwise."""
    command = postgres(Path("/bin"), "/data", Path("/socket"), durable=True)
    assert not [word for word in command if word.startswith("fsync")]
    assert "fsync=off" in postgres(Path("/bin"), "/data", Path("/socket"), durable=False)


def test_children_get_few_variables() -> None:
    """No token, no PG* setting."""
    given = {"PATH": "/bin", "HOME": "/home/ada", "SYNC_WORKER_TOKEN": "x", "PGHOST": "y", "LC_ALL": "tr_TR"}
    assert clean_environment(given) == {"PATH": "/bin", "HOME": "/home/ada", "LC_ALL": "C"}


def test_the_account_writes_as_this_user() -> None:
    """An ordinary user's server runs as that user, and calls its folder by its name."""
    assert Account().uid == os.geteuid()
    assert Account().name_of(Path("/data"), 7) == "/data"
    assert Account(user=1, group=1, extra_groups=[]).name_of(Path("/data"), 7) == "/proc/self/fd/7"

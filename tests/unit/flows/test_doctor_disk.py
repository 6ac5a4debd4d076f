"""Room on the disk of the embedded database."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from sync_worker.flows.doctor.papers import FULL, LOW, room
from sync_worker.settings import Settings


@dataclass(frozen=True)
class Left:
    free: int


@pytest.mark.parametrize(
    ("free", "state", "code"),
    [(LOW, "ok", 0), (LOW - 1, "warning", 0), (FULL, "warning", 0), (FULL - 1, "failure", 7), (0, "failure", 7)],
)
async def test_room_on_the_disk(tmp_path: Path, free: int, state: str, code: int) -> None:
    """A gigabyte is enough; with next to nothing the database stops. The nearest folder that is there is looked at."""
    asked: list[Path] = []

    def look(place: Path) -> Left:
        asked.append(place)
        return Left(free)

    settings = Settings(database={"url": f"embedded:{tmp_path / 'not' / 'yet'}"})
    opinion = await room(settings, look)
    assert (opinion.state.value, opinion.exit_code) == (state, code)
    assert asked == [tmp_path]
    assert str(tmp_path) in opinion.finding


async def test_a_real_disk(tmp_path: Path) -> None:
    """The figure is that of the system."""
    opinion = await room(Settings(database={"url": f"embedded:{tmp_path}"}))
    assert f" MiB free at {tmp_path}" in opinion.finding


async def test_the_disk_of_another_server() -> None:
    """It cannot be seen, and nothing is claimed."""
    opinion = await room(Settings(database={"url": "postgresql://db.example/x"}))
    assert (opinion.state.value, opinion.exit_code) == ("unknown", 0)

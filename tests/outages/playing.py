"""Cells of the table played, and full disks."""

from pathlib import Path
from typing import Final

from tests.outages.disk import Disk
from tests.outages.scene import End, scene
from tests.outages.server import Server
from tests.outages.table import LOSSES, Cell
from tests.outages.wire import At, Moment

MIDDLE: Final = {
    "backfill": Moment(statement="finish_batch", at=At.BEFORE, nth=2),
    "run": Moment(statement="finish_batch", at=At.BEFORE, nth=2),
    "apply": Moment(statement="start_action", at=At.BEFORE, nth=4),
}
"""When the disk is filled."""


async def play(server: Server, folder: Path, cell: Cell) -> tuple[End, End | None]:
    """What came of the struck command, and of the same command once more where it had to be given again."""
    async with scene(server, folder, cell.command, patience="30s" if cell.patient else "0s") as made:
        end = await made.struck(cell.moment, LOSSES[cell.loss](server))
        if not server.alive:
            await server.start()
        again = None
        if end.code:
            made.stage.database_table["patience"] = "0s"
            again = await made.go()
        await made.afterwards()
        return end, again


async def play_full(server: Server, disk: Disk, folder: Path, command: str) -> End:
    """What came of a command that met a full disk; it goes on when there is room, and not before.

    Without room for its log the whole server goes down, or tries in vain to come up again: so it is started anew.
    """
    async with scene(server, folder, command, patience="0s" if disk.holds_log else "60s") as made:
        end = await made.struck(MIDDLE[command], disk.filling(server))
        made.stage.database_table["patience"] = "0s"
        assert (await made.go()).code == end.code == 7, "the disk is still full"
        disk.free()
        server.crash()
        await server.start()
        assert (await made.go()).code == 0
        await made.afterwards()
        return end

"""`python -m tests.browser`: the screenshots of `docs/`, of a page about a school and a dozen of its nights."""

import asyncio
import sys
import tempfile
from itertools import islice
from pathlib import Path

import asyncpg

from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer
from sync_worker.flows.look.page import look
from sync_worker.flows.rooms import DATABASE_NAME, Opened
from sync_worker.mirror.database import connect
from sync_worker.mirror.migrations import migrate
from sync_worker.reports.page import render
from sync_worker.sandbox import Fault
from tests.browser.chromium import browsing, installed
from tests.integration.flows.carrying_out import Applying
from tests.integration.flows.desire import Desire
from tests.integration.flows.harness import Stage, quick, staged

DOCS = Path(__file__).parents[2] / "docs"
NIGHTS = 12
SHOTS = (
    ("page-light.png", 1200, 1640, False),
    ("page-dark.png", 1200, 1640, True),
    ("page-phone.png", 390, 1500, False),
)
TIMES = {
    "worker.runs": ("started_at", "resumed_at", "finished_at"),
    "worker.batches": ("done_at",),
    "mirror.communication_channels": ("first_seen_at", "changed_at", "deleted_at"),
    "mirror.channel_history": ("valid_from", "valid_to"),
    "mirror.users": ("first_seen_at", "changed_at", "noted_read_at"),
}


async def a_day_passes(database_url: str) -> None:
    """Everything that was, was a day earlier."""
    connection = await asyncpg.connect(database_url)
    for table, columns in TIMES.items():
        moved = ", ".join(f"{column} = {column} - interval '1 day'" for column in columns)
        await connection.execute(f"UPDATE {table} SET {moved}")  # noqa: S608  (constants)
    await connection.close()


async def a_past(stage: Stage, folder: Path) -> None:
    """A first load, nights with some changes, and a last one with something for a person to do."""
    await stage.run(kind="backfill")
    for night in range(NIGHTS):
        await a_day_passes(stage.database_url)
        stage.sandbox.churn(0.01 + 0.01 * (night * 7 % 5), seed=night)
        if night == NIGHTS - 1:
            failing = frozenset(stage.ids[30:33])
            stage.sandbox.add_fault(Fault(route="list_channels", user_ids=failing, status=500))
        await stage.run(max_tombstones=0 if night == NIGHTS - 1 else 1000)
    stage.sandbox.clear_faults()
    applying = Applying(stage=stage, desire=Desire(stage=stage, folder=folder))
    await applying.planned(
        *(f"{user},email,u{user}@new.example,present" for user in islice(applying.desire.plain(), 9))
    )


async def main() -> int:
    """Make the school, its page, and the pictures."""
    if installed() is None:
        sys.stderr.write("no Chromium here: apt-get install chromium\n")
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder, clock = Path(name), Clock()
        async with EmbeddedServer(folder / "postgres", clock) as server:
            await server.ensure_database(DATABASE_NAME)
            url = server.dsn(DATABASE_NAME)
            async with connect(url) as database:
                await migrate(database, clock)
            options = quick(users=500, throttle=True, high_water_mark=700.0, mean_server_time=0.03)
            async with staged(url, options=options) as stage, connect(url) as database:
                await a_past(stage, folder)
                opened = Opened(settings=stage.settings(), database=database, names=("main",), clock=clock)
                page = folder / "page.html"
                page.write_text(render(await look(opened, addresses=False)), encoding="utf-8")
        await photograph(page, folder)
    return 0


async def photograph(page: Path, folder: Path) -> None:
    """Each picture from the top of the page."""
    async with browsing(folder) as tab:
        for name, width, height, dark in SHOTS:
            await tab.look(width=width, height=height, dark=dark)
            await tab.open(page.as_uri())
            picture = await tab.picture(height)
            (DOCS / name).write_bytes(picture)
            sys.stdout.write(f"{name}: {len(picture):,} bytes\n")


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

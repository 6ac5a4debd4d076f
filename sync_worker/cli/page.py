"""The wiring of the page: looked up, rendered, written."""

import sys
from pathlib import Path
from typing import Final

from sync_worker.cli.context import CliContext
from sync_worker.cli.exits import say
from sync_worker.cli.opening import Opened, opening
from sync_worker.cli.privatefile import private_file
from sync_worker.flows.look.page import look
from sync_worker.reports.page import render

FILE: Final = Path("sync-worker-report.html")  # where a terminal would otherwise be flooded


async def print_page(context: CliContext, out: Path | None, *, addresses: bool) -> None:
    """Write the page to a file, or to whatever stdout leads to."""
    async with opening(context) as opened:
        if out is None and not sys.stdout.isatty():
            sys.stdout.write(render(await look(opened, addresses=addresses)))
            return
        file = out or FILE
        await write_page(opened, file, addresses=addresses)
    say(f"the page was written to {file}")


async def write_page(opened: Opened, file: Path, *, addresses: bool = False) -> None:
    """Write the page to a private file."""
    page = render(await look(opened, addresses=addresses))
    with private_file(file) as place:
        place.write(page)

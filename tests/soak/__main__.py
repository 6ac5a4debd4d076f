"""The soak with figures: `python -m tests.soak [USERS [PART]]`, or `make soak`; each kind strikes PART of all users."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.stand import databases
from tests.soak.playing import soak
from tests.soak.trouble import PART


async def play(users: int, part: float) -> str:
    """The figures, on a database of its own."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        async with databases(folder) as make:
            return (await soak(users, await make(), folder, part=part)).text()


if __name__ == "__main__":
    given = sys.argv[1:]
    print(asyncio.run(play(int(given[0]) if given else 200_000, float(given[1]) if given[1:] else PART)))

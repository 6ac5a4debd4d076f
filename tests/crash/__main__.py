"""The crash table, played and printed as Markdown: `python -m tests.crash [COMMAND…]`, with `--all` at every commit.

Without it, one commit of each kind is struck. `!`: not as `points.py` says; it is told below, and the exit code is 1.
"""

import asyncio
import itertools
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg

from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer, ServerOptions
from sync_worker.logs import configure
from tests.conftest import Cluster
from tests.crash.child import AFTER, BEFORE, UNDER_WAY, Step
from tests.crash.playing import strike
from tests.crash.points import DRAWN, SAMPLE, Point, moments, points
from tests.crash.scene import Theatre, theatre

SIDES: Final = (BEFORE, UNDER_WAY, AFTER)


@dataclass(kw_only=True)
class Tally:
    """What came of some strikes."""

    killed: int = 0
    left: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    async def strike(self, acts: Theatre, act: str, at: Step, allowed: Iterable[str] | None = None) -> None:
        """One more."""
        try:
            outcome = await strike(acts, act, at)
        except AssertionError as error:
            self.wrong.append(f"{act}, {at}: {error}".splitlines()[0])
            return
        self.killed += outcome.exit_code == -9
        self.left[outcome.left] += 1
        if outcome.exit_code != -9 or (allowed is not None and outcome.left not in allowed):
            self.wrong.append(f"{act}, {at}: {outcome}")

    def cells(self) -> str:
        """How often, and what was left."""
        left = ", ".join(f"{word} ({count})" for word, count in sorted(self.left.items()))
        return f"{self.killed} | {left}{' !' * bool(self.wrong)}"


async def play(chosen: tuple[str, ...], *, every: bool) -> list[Tally]:
    """Strike and print, line by line."""
    tallies: list[Tally] = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        async with EmbeddedServer(folder / "home", Clock(), ServerOptions(idle_seconds=0.1, durable=False)) as server:
            admin = await asyncpg.connect(server.dsn("postgres"))
            async with theatre(Cluster(server, admin), folder) as acts:
                print("| command | killed at | times | the next command finds |\n| --- | --- | --- | --- |")
                for point, side in itertools.product((p for p in points() if p.act in chosen), SIDES):
                    tallies.append(await _commits(acts, point, side, every=every))
                    print(f"| {point.act} | {side}: {point.kind} | {tallies[-1].cells()} |", flush=True)
                tallies.append(await _moments(acts, DRAWN if every else SAMPLE))
                print(f"| any | moments drawn | {tallies[-1].cells()} |")
            await admin.close()
    return tallies


async def _commits(acts: Theatre, point: Point, side: str, *, every: bool) -> Tally:
    tally = Tally()
    for number in range(1, (point.number if every else 1) + 1):
        await tally.strike(acts, point.act, point.step(side, number), point.left(side))
    return tally


async def _moments(acts: Theatre, number: int) -> Tally:
    tally = Tally()
    for moment in moments(number):
        await tally.strike(acts, moment.act, moment.at)
    return tally


def main() -> int:
    """Play, print, count."""
    chosen = tuple(word for word in sys.argv[1:] if not word.startswith("-"))
    configure("console", "error", StringIO())
    clock = Clock()
    begin = clock.monotonic()
    every = "--all" in sys.argv
    tallies = asyncio.run(play(chosen or ("backfill", "run", "apply", "undo", "auto"), every=every))
    wrong = [line for tally in tallies for line in tally.wrong]
    killed = sum(tally.killed for tally in tallies)
    print(f"\nkilled {killed} times, {len(wrong)} not as they should be, {clock.monotonic() - begin:.0f} s")
    print("\n".join(f"! {line}" for line in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

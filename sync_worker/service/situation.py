"""What the web server asks: how things are, and whether this process is able to work."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sync_worker.clock import deadline
from sync_worker.errors import SyncWorkerError
from sync_worker.flows.look.page import latest, look
from sync_worker.flows.look.status import status_document, statuses
from sync_worker.flows.rooms import Opened
from sync_worker.mirror import migrations
from sync_worker.mirror.readback import InstanceStatus
from sync_worker.reports.overview import Overview
from sync_worker.service.board import Board
from sync_worker.service.page import SHOWN_RUNS, NextRun, Situation
from sync_worker.service.scrub import masked, scrubbed
from sync_worker.service.stored import RUNS_LOOKED_AT
from sync_worker.service.timetable import ScheduledJob

PATIENCE: Final = 5.0  # seconds for the database; whoever asks has not much more
KEPT: Final = 2.0  # seconds for which an answer of the database serves everybody
SHARE: Final = 20.0  # looking is done again after so many times what it took: a twentieth of the database's time
PAGE_PATIENCE: Final = 60.0  # seconds for all that the page shows, on a very large mirror


@dataclass(slots=True, kw_only=True)
class _Answer:
    until: float  # so long it serves everybody
    found: tuple[InstanceStatus, ...] | None


@dataclass(slots=True, kw_only=True)
class _Looked:
    until: float  # so long it serves everybody, if no run ends meanwhile
    latest: list[tuple[str, int | None, str | None]]
    found: Overview | None


class Inquiry:
    """Asks the database, once for all who ask at the same time.

    Args:
        opened: the database.
        jobs: the timetable.
        board: what is at work.
        alive: whether the scheduler is.
    """

    def __init__(self, opened: Opened, jobs: tuple[ScheduledJob, ...], board: Board, alive: Callable[[], bool]) -> None:
        self._opened = opened
        self._jobs = jobs
        self._board = board
        self._alive = alive
        self._turn = asyncio.Lock()
        self._last: _Answer | None = None
        self._looking = asyncio.Lock()
        self._looked: _Looked | None = None

    async def statuses(self) -> tuple[InstanceStatus, ...] | None:
        """How the instances are; None: the database is away."""
        async with self._turn:
            now = self._opened.clock.monotonic()
            if self._last is None or now > self._last.until:
                found = await self._ask()
                took = self._opened.clock.monotonic() - now
                share = SHARE if found is not None else 1.0  # that it is back is seen soon
                self._last = _Answer(until=now + max(KEPT, share * took), found=found)
            return self._last.found

    async def _ask(self) -> tuple[InstanceStatus, ...] | None:
        try:
            async with deadline(PATIENCE):
                return await statuses(self._opened, runs=RUNS_LOOKED_AT)
        except (SyncWorkerError, TimeoutError):
            return None

    async def overview(self) -> Overview | None:
        """All that the page shows of the database; None: it is away, or does not answer in time."""
        async with self._looking:
            found = await self.statuses()
            if found is None:
                return None
            began, runs = self._opened.clock.monotonic(), latest(found, SHOWN_RUNS)
            if self._looked is None or began > self._looked.until or runs != self._looked.latest:
                overview = await self._look()
                took = self._opened.clock.monotonic() - began
                self._looked = _Looked(until=began + max(KEPT, SHARE * took), latest=runs, found=overview)
            return self._looked.found

    async def _look(self) -> Overview | None:
        try:
            async with deadline(PAGE_PATIENCE):
                return await look(self._opened, addresses=False)
        except (SyncWorkerError, TimeoutError):
            return None

    async def situation(self, *, overview: bool = False) -> Situation:
        """For the page, with all that it shows of the database; without for programs, which ask often."""
        looked = await self.overview() if overview else None
        found, now = await self.statuses(), self._opened.clock.now()
        return Situation(
            now=now,
            statuses=found,
            overview=looked,
            at_work=tuple(self._board.document()),
            next_runs=tuple(NextRun(job=job.key, at=job.following(now)) for job in self._jobs),
        )

    async def document(self) -> dict[str, Any]:
        """For programs: as `status --format json`, what is at work, and what comes next."""
        situation = await self.situation()
        instances = status_document(situation.statuses)["instances"] if situation.statuses is not None else None
        return {
            "now": situation.now,
            "database": "ok" if instances is not None else "away",
            "instances": None if instances is None else [masked(_for_the_net(each)) for each in instances],
            "at_work": situation.at_work,
            "next": [{"job": run.job, "at": run.at} for run in situation.next_runs],
        }

    async def readiness(self) -> dict[str, str]:
        """What this process needs in order to work: `ok`, or what is wrong."""
        return {
            "database": await self._database(),
            "scheduler": "ok" if self._alive() else "it does not look for jobs that are due",
        }

    async def _database(self) -> str:
        """Whether it answers, and has the schema that this version needs."""
        try:
            async with deadline(PATIENCE):
                await migrations.require_current(self._opened.database)
        except TimeoutError:
            return "it does not answer"
        except SyncWorkerError as error:
            return scrubbed(error.what)
        return "ok"


def _for_the_net(status: dict[str, Any]) -> dict[str, Any]:
    """Without the sentences of applies, which name people's addresses of any form."""
    runs = [{**run, "message": _message(run)} for run in status["runs"][:SHOWN_RUNS]]
    return {**status, "runs": runs}


def _message(run: dict[str, Any]) -> str | None:
    return scrubbed(run["message"]) if run["kind"] in {"run", "backfill", "accept"} and run["message"] else None

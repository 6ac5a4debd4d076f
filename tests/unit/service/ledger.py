"""The memory of the scheduler without a database; it passes the same tests as the table."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sync_worker.mirror.schedule import End, Mark


class MemoryMarks:
    """In a dictionary."""

    def __init__(self) -> None:
        self.marks: dict[str, Mark] = {}
        self.taken: set[str] = set()

    async def meet(self, job: str, now: datetime) -> Mark:
        mark = self.marks.get(job)
        if mark is None or mark.due_at > now + timedelta(minutes=5):
            mark = self.marks[job] = Mark(due_at=now, started_at=now, finished_at=now)
        return mark

    @asynccontextmanager
    async def at_work(self, job: str) -> AsyncIterator[bool]:
        if job in self.taken:
            yield False
            return
        self.taken.add(job)
        try:
            yield True
        finally:
            self.taken.discard(job)

    async def claim(self, job: str, due_at: datetime, now: datetime, again: datetime | None) -> bool:
        mark = self.marks.get(job)
        if mark is None:
            return False
        repeated = mark.finished_at is None and mark.started_at == again
        if not (mark.due_at < due_at or repeated):
            return False
        self.marks[job] = Mark(due_at=due_at, started_at=now, finished_at=None)
        return True

    async def finish(self, job: str, end: End) -> None:
        mark = self.marks.get(job)
        if mark is not None and mark.started_at == end.started_at:
            due_at = max(mark.due_at, end.passed_at or mark.due_at)
            self.marks[job] = Mark(due_at=due_at, started_at=mark.started_at, finished_at=end.finished_at)

"""Every report on a mirror with a million channels and thirty nights of runs: none takes longer than two seconds.

Seconds are those of the clock, from the question to the last row here. Beside them stand the processor's, of the one
process of PostgreSQL that answers: to these, what else the machine does makes little difference. Memory is that of the
real command while it writes the longest report as CSV.
"""

import os
import time
from pathlib import Path
from typing import Any, Final

import asyncpg

from sync_worker.clock import Clock
from sync_worker.flows.rooms import DATABASE_NAME
from sync_worker.mirror.database import Database, connect
from sync_worker.mirror.migrations import migrate
from sync_worker.mirror.reporting import reading
from sync_worker.mirror.sql import statement
from sync_worker.reports.catalogue import everything
from sync_worker.reports.header import Parameter, Report, Type
from sync_worker.reports.values import value_of
from tests.benchmarks.nights import INSTANCE, fill, note_reads
from tests.benchmarks.processes import Canvas, database, worker
from tests.benchmarks.report import Figure

ABOUT: Final = "every report on a million channels and thirty nights, to the last row"
LIMIT: Final = 2.0  # seconds
TIMES: Final = 3
MOST_MB: Final = 100.0
GIVEN: Final = {Type.USER: 1234, Type.TIME: "2100-01-01"}
NIGHTS: Final = 30
UNANSWERED: Final = Canvas(base_url="http://127.0.0.1:9")


async def measure(quick: bool) -> list[Figure]:  # noqa: FBT001  (the one question to every benchmark)
    """Seconds of each report, of the end of a night, and the memory of the command."""
    channels = 200_000 if quick else 1_000_000
    async with database() as (folder, server):
        await server.ensure_database(DATABASE_NAME)
        dsn = server.dsn(DATABASE_NAME)
        async with connect(dsn) as opened:
            await migrate(opened, Clock())
            connection = await asyncpg.connect(dsn)
            await fill(connection, channels=channels, nights=NIGHTS)
            figures = [await _seconds(opened, report) for report in everything()]
            figures.append(await _night(connection))
            await connection.close()
        return [*figures, await _memory(folder)]


async def _seconds(opened: Database, report: Report) -> Figure:
    """What one report takes: the best of a few times."""
    asked = [await _once(opened, report) for _ in range(TIMES)]
    took = min(seconds for _, seconds, _ in asked)
    return Figure(
        name=f"{report.name}, {asked[0][0]:,} rows",
        value=took,
        unit="s",
        baseline=min(processor for _, _, processor in asked),
        baseline_name="PostgreSQL's processor",
        limit=f"at most {LIMIT:.0f} s",
        good=took <= LIMIT,
    )


async def _once(opened: Database, report: Report) -> tuple[int, float, float]:
    """Rows, seconds by the clock, and seconds of the processor."""
    values = [_value(parameter) for parameter in report.parameters]
    rows = 0
    begun = time.perf_counter()
    async with reading(opened, Clock().now()) as read:
        server = await read._session.connection.fetchval("SELECT pg_backend_pid()")
        before = _cpu(server)
        async for page in read.pages(report.sql, [INSTANCE], *report.arguments(values, read.now)):
            rows += len(page)
        return rows, time.perf_counter() - begun, _cpu(server) - before


def _value(parameter: Parameter) -> Any:
    given = GIVEN.get(parameter.type, parameter.default)
    return given if isinstance(given, int) else value_of(parameter, str(given))


async def _night(connection: "asyncpg.Connection[asyncpg.Record]") -> Figure:
    """What it takes to note who was read when, at the end of a run over everybody."""
    server = await connection.fetchval("SELECT pg_backend_pid()")
    before = _cpu(server)
    async with connection.transaction():
        await connection.execute(statement("prepare_report"))
        await note_reads(connection)
    return Figure(name="the end of a run: noting reads", value=_cpu(server) - before, unit="s")


def _cpu(process: int) -> float:
    """Seconds of the processor that a process has had, its own and the system's for it (proc_pid_stat(5))."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _memory(folder: str) -> Figure:
    """The command, while it writes every change of the last sixty days."""
    command = ("report", "changes", "--days", "60", "--format", "csv", "-o", str(Path(folder).parent / "changes.csv"))
    peak = (await worker(UNANSWERED, folder, INSTANCE, *command)).peak_mb
    return Figure(
        name="the command, writing changes",
        value=peak,
        unit="MB",
        limit=f"at most {MOST_MB:.0f} MB",
        good=peak <= MOST_MB,
    )

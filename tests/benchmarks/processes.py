"""The other processes of a benchmark: a sandbox, a database, and whatever is measured."""

import asyncio
import resource
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sync_worker.clock import Clock, deadline
from sync_worker.embedded import EmbeddedServer, ServerOptions
from sync_worker.tasks import TaskGroup

UNTHROTTLED: Final = {"high_water_mark": 1e9, "maximum": 1e9, "mean_server_time": 0.0}
"""Knobs of a sandbox that lets everything through at once."""

_COMMAND: Final = (sys.executable, "-m", "sync_worker")
_TOKEN: Final = "sandbox-token"


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """A sandbox that runs in a process of its own."""

    base_url: str
    token: str = _TOKEN


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What a process took."""

    seconds: float
    cpu_seconds: float  # its own and those of its children
    peak_mb: float  # resident
    said: str  # on both of its outputs


@asynccontextmanager
async def sandbox(users: int, **knobs: Any) -> AsyncIterator[Canvas]:
    """A simulated Canvas with so many users, in a process of its own."""
    settings = [word for key, value in knobs.items() for word in ("--set", f"{key}={value}")]
    command = (*_COMMAND, "--log-level", "warning", "sandbox", "--users", str(users), *settings)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield Canvas(base_url=await _base_url(process))
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _base_url(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"base_url"):
            return line.decode().split('"')[1]
    raise RuntimeError("the sandbox did not start")


@asynccontextmanager
async def database() -> AsyncIterator[tuple[str, EmbeddedServer]]:
    """A throwaway server: its folder (for `embedded:DIR`) and itself."""
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="bench-")) / "pg"
        stack.push_async_callback(_remove, folder.parent)
        options = ServerOptions(idle_seconds=0.5, durable=False)
        yield str(folder), await stack.enter_async_context(EmbeddedServer(folder, Clock(), options))


async def _remove(folder: Path) -> None:
    """Once its server has stopped."""
    clock = Clock()
    with suppress(TimeoutError):
        async with deadline(10.0):
            while (folder / "pg" / "data" / "postmaster.pid").exists():
                await clock.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


async def backfill(canvas: Canvas, folder: str, instance: str) -> Usage:
    """The real command, from an empty mirror of this instance to a full one."""
    return await worker(canvas, folder, instance, "backfill")


async def worker(canvas: Canvas, folder: str, instance: str, *command: str, code: int = 0) -> Usage:
    """A real command on this instance; `code`: how it is to end."""
    config = Path(folder).parent / f"{instance}.toml"
    config.write_text(
        f'[database]\nurl = "embedded:{folder}"\n'
        f'[instances.{instance}]\nbase_url = "{canvas.base_url}"\ntoken = "{canvas.token}"\n',
        encoding="utf-8",
    )
    config.chmod(0o600)
    options = ("--config", str(config), "--log-level", "warning", "--no-progress")
    return await measured(*_COMMAND, *options, *command, code=code)


async def measured(*command: str, code: int = 0) -> Usage:
    """Run a command to its end.

    Raises:
        RuntimeError: it ended with another code; with what it said.
    """
    clock = Clock()
    before, started = _children_cpu(), clock.monotonic()
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    async with _ended_with(process), TaskGroup() as group:
        peak = group.create_task(_watch(process, clock))
        said, _ = await process.communicate()
    if process.returncode != code:
        raise RuntimeError(f"exit code {process.returncode}: {said.decode(errors='replace')[-2000:]}")
    return Usage(
        seconds=clock.monotonic() - started,
        cpu_seconds=_children_cpu() - before,
        peak_mb=peak.result() / 2**10,
        said=said.decode(errors="replace"),
    )


@asynccontextmanager
async def _ended_with(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _watch(process: asyncio.subprocess.Process, clock: Clock) -> float:
    """The peak of its resident memory, kilobytes, looked up until it ends.

    Not `ru_maxrss`: a child inherits that from whoever started it.
    """
    peak = 0.0
    while process.returncode is None:
        peak = max(peak, _peak_kb(process.pid))
        await clock.sleep(0.05)
    return peak


def _peak_kb(number: int) -> float:
    try:
        lines = Path(f"/proc/{number}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0.0)


def _children_cpu() -> float:
    """CPU seconds of all children that have ended and were waited for."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def slope(small: float, large: float, users: Sequence[int]) -> float:
    """What one user more takes: what starting takes is left out."""
    return (large - small) / (users[1] - users[0])

"""The program in a process of its own, struck at a chosen step: killed as by `kill -9`, or stopped as by SIGSTOP.

The command line is the real one. What is added counts its steps: each statement and each commit of a session, each
request to Canvas. The process strikes itself, so that it ends exactly there.
"""

import asyncio
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import uvloop

from sync_worker.canvas.transport import Transport
from sync_worker.cli import app, applying, loop, pulling, reconciling, undoing
from sync_worker.clock import Clock
from sync_worker.mirror.database import Session
from sync_worker.mirror.sql import statement

HEAVY: Final = (uvloop, applying, loop, pulling, reconciling, undoing)
"""Imported here so that the process from which children are forked has them."""

STATEMENT, COMMIT, REQUEST = "statement", "commit", "request"
BEFORE, AFTER = "before", "after"
UNDER_WAY = "under way"
"""The commit has been sent; whether the server gets to see it is its own affair."""

READING: Final = "read"
"""A transaction that changes nothing."""

KINDS: Final = {
    "create_migrations_table": "prepare to migrate",
    "note_migration": "migrate",
    "raise_epoch": "take the lock",
    "bind_instance": "bind to Canvas",
    "start_run": "open the run",
    "resume_run": "open the run",
    "note_identifiers": "enrol users",
    "open_failures": "enrol who failed before",
    "add_missing": "enrol who is missing",
    "mark_listed": "end the listing",
    "claim_batch": "claim a batch",
    "finish_batch": "commit a batch",
    "bury_channels": "bury channels",
    "finish_run": "end the run",
    "load_plan": "load the plan",
    "save_plan": "save the plan",
    "supersede_plans": "replace older plans",
    "begin_plan": "begin the plan",
    "start_action": "start an action",
    "close_action": "close an action",
    "set_actions_aside": "set actions aside",
    "finish_plan": "end the plan",
    "weigh_candidates": READING,
    "users_to_settle": READING,
}
"""What a transaction does, by a statement of it, which may be all there is."""

_WRITES: Final = re.compile(r"\b(CREATE TABLE|INSERT INTO|UPDATE|DELETE FROM)\s+(mirror|worker)\.")
"""Lasting tables have a schema; temporary ones have none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A moment of a command: the n-th of its kind."""

    what: str  # statement, commit, request
    side: str  # before, under way, after
    kind: str = ""  # of commits, and the method of requests; empty: of any
    number: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """What befalls a process, and when."""

    at: Step
    signum: int = signal.SIGKILL
    slept: float = 0.0  # seconds that every clock has gone on by when a stopped process wakes


class _Steps:
    """Counts, and strikes."""

    def __init__(self, blow: Blow | None) -> None:
        self._blow = blow
        self._left = blow.at.number if blow else 0
        self.seen: Counter[tuple[str, str, str]] = Counter()

    def tell(self, what: str, side: str, kind: str = "") -> None:
        self.seen[what, side, kind] += 1
        at = self._blow.at if self._blow else None
        if at is None or (at.what, at.side) != (what, side) or at.kind not in {"", kind}:
            return
        self._left -= 1
        if self._left == 0:
            self._strike()

    def _strike(self) -> None:
        blow = self._blow
        assert blow is not None
        if blow.at.side == UNDER_WAY:
            running = asyncio.get_running_loop()
            running.call_soon(running.call_soon, os.kill, os.getpid(), blow.signum)  # when it has left this process
            return
        os.kill(os.getpid(), blow.signum)
        if blow.slept:
            _sleep_through(blow.slept)


def _sleep_through(seconds: float) -> None:
    """Let every clock show that so much time has passed."""
    for name, more in (("now", timedelta(seconds=seconds)), ("monotonic", seconds), ("boottime", seconds)):
        setattr(Clock, name, _later(getattr(Clock, name), more))


def _later(reading: Callable[[Clock], Any], more: Any) -> Callable[[Clock], Any]:
    return lambda clock: reading(clock) + more


# --- the hooks ------------------------------------------------------------------------------------------


def _watch(steps: _Steps) -> None:
    for name in ("fetch", "fetch_row", "fetch_value", "execute"):
        setattr(Session, name, _told(getattr(Session, name), steps))
    Session.transaction = _committing(Session.transaction, steps)  # type: ignore[method-assign]
    exchange = Transport.exchange

    async def exchanged(transport: Transport, *args: Any) -> Any:
        method = args[0].method
        steps.tell(REQUEST, BEFORE, method)
        came = await exchange(transport, *args)
        steps.tell(REQUEST, AFTER, method)
        return came

    setattr(Transport, "exchange", exchanged)  # noqa: B010  (its arguments are none of our business)


def _told(method: Callable[..., Any], steps: _Steps) -> Callable[..., Any]:
    async def told(session: Session, name: str, *args: Any) -> Any:
        vars(session).setdefault("said", []).append(name)
        alone = _writes(name) and not session.connection.is_in_transaction()
        kind = KINDS.get(name, f"? {name}")
        steps.tell(STATEMENT, BEFORE)
        if alone:
            steps.tell(COMMIT, BEFORE, kind)
            steps.tell(COMMIT, UNDER_WAY, kind)
        came = await method(session, name, *args)
        if alone:
            steps.tell(COMMIT, AFTER, kind)
        steps.tell(STATEMENT, AFTER)
        return came

    return told


def _writes(name: str) -> bool:
    return _WRITES.search(statement(name)) is not None


def _committing(transaction: Callable[..., Any], steps: _Steps) -> Callable[..., Any]:
    @asynccontextmanager
    async def committing(session: Session, *, readonly: bool = False) -> AsyncIterator[None]:
        if session.connection.is_in_transaction():  # a savepoint commits nothing
            async with transaction(session, readonly=readonly):
                yield
            return
        said: list[str] = []
        vars(session)["said"] = said
        async with transaction(session, readonly=readonly):
            yield
            kind = next((KINDS[name] for name in reversed(said) if name in KINDS), f"? {said}")
            steps.tell(COMMIT, BEFORE, kind)
            steps.tell(COMMIT, UNDER_WAY, kind)
        steps.tell(COMMIT, AFTER, kind)

    return committing


# --- the process ----------------------------------------------------------------------------------------


def play(folder: Path, arguments: tuple[str, ...], blow: Blow | None) -> None:
    """Run a command line to its end, if it comes to one; what it says goes to `out`, its steps to `steps.json`."""
    os.chdir(folder)
    with Path(f"out.{os.getpid()}").open("w", buffering=1) as out:
        os.dup2(out.fileno(), sys.stdout.fileno())
        os.dup2(out.fileno(), sys.stderr.fileno())
    for name in [name for name in os.environ if name.startswith("SYNC_WORKER_")]:
        del os.environ[name]
    steps = _Steps(blow)
    _watch(steps)
    code = app.main(["--config", "c.toml", "--log-format", "json", *arguments])
    counts = [[*step, count] for step, count in sorted(steps.seen.items())]
    Path(f"steps.{os.getpid()}").write_text(json.dumps(counts))
    sys.stdout.flush()
    os._exit(code)

"""After a job: whoever wants to know is told, and nothing of that changes how the job ended."""

import os
from dataclasses import replace
from functools import partial

from sync_worker.errors import SyncWorkerError
from sync_worker.exitcodes import worst
from sync_worker.flows.job import Outcome
from sync_worker.flows.look.status import statuses
from sync_worker.flows.rooms import Opened
from sync_worker.logs import get_logger
from sync_worker.service.events import came_to_its_end, conclusive
from sync_worker.service.heartbeat import beat
from sync_worker.service.stored import RUNS_LOOKED_AT, write_textfile
from sync_worker.service.telling import Teller

log = get_logger(__name__)


async def after_command(opened: Opened, outcomes: tuple[Outcome, ...]) -> None:
    """After `run` and `backfill` on the command line, such as out of a crontab."""
    await after_job(opened, outcomes, Teller(os.environ))


async def after_job(opened: Opened, outcomes: tuple[Outcome, ...], teller: Teller) -> None:
    """Tell people, call the heartbeat, write the textfile; what goes wrong is logged, and stops nothing."""
    steps = [
        *(partial(teller.tell, opened, outcome) for outcome in outcomes),
        partial(_heartbeat, opened, outcomes),
        partial(_textfile, opened, outcomes),
    ]
    for step in steps:
        try:
            await step()
        except Exception:
            log.exception("whoever wants to know could not be told")


async def _heartbeat(opened: Opened, outcomes: tuple[Outcome, ...]) -> None:
    """Only what reads counts, and only where all of it says how things are."""
    url = opened.settings.heartbeat_url()
    read = [outcome for outcome in outcomes if outcome.kind != "prune"]
    if url is None or not read:
        return
    if any(conclusive(outcome) and not came_to_its_end(outcome) for outcome in read):
        await beat(url.get_secret_value(), opened.clock, well=False)
    elif all(came_to_its_end(outcome) for outcome in read):
        await beat(url.get_secret_value(), opened.clock, well=True)
    else:
        log.info("no heartbeat: the job did not run to its end", exit_code=worst(each.exit_code for each in read))


async def _textfile(opened: Opened, outcomes: tuple[Outcome, ...]) -> None:
    """Of all instances that are configured: the file is replaced as a whole."""
    path = opened.settings.metrics.textfile
    if path is None:
        return
    everything = replace(opened, names=tuple(opened.settings.instances))
    try:
        found = await statuses(everything, runs=RUNS_LOOKED_AT)
    except SyncWorkerError as error:
        log.warning("[metrics] textfile has only how the job ended: the database is away", reason=str(error))
        found = None
    try:
        await write_textfile(path, found, outcomes)
    except OSError as error:
        log.warning("[metrics] textfile cannot be written", file=str(path), reason=error.strerror)

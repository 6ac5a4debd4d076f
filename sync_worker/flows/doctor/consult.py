"""All checks of all chosen instances, in their order."""

import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack

from sync_worker.clock import Clock
from sync_worker.flows.doctor.canvas import CanvasChecks
from sync_worker.flows.doctor.database import DatabaseChecks
from sync_worker.flows.doctor.finding import Examination, Finding
from sync_worker.flows.doctor.papers import LookAtDisk, general_checks, instance_checks
from sync_worker.flows.doctor.rights import RightsChecks
from sync_worker.settings import Settings


async def consult(
    settings: Settings, names: Sequence[str], clock: Clock, *, disk: LookAtDisk = shutil.disk_usage
) -> tuple[Finding, ...]:
    """Look at everything; nothing is written at Canvas or in the mirror.

    Args:
        settings: the configuration.
        names: instances to look at.
        clock: time.
        disk: how much room there is.
    """
    examination = Examination()
    async with AsyncExitStack() as stack:
        database = DatabaseChecks(settings, clock, stack)
        await examination.go_through(general_checks(settings, database, disk))
        for name in names:
            instance = settings.instance(name)
            canvas = CanvasChecks(instance, clock, stack)
            await examination.go_through(instance_checks(instance, database), name)
            await examination.go_through(database.instance_checks(instance), name)
            await examination.go_through(canvas.checks(), name)
            await examination.go_through(RightsChecks(instance, canvas, database).checks(), name)
    return tuple(examination.findings)

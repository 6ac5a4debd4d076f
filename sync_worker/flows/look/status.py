"""How the instances are: for people, for programs, for monitors."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sync_worker.desired.render.words import counted
from sync_worker.flows.rooms import Opened
from sync_worker.mirror.readback import InstanceStatus, instance_status
from sync_worker.users.specs import configured


async def statuses(opened: Opened, *, runs: int = 5) -> tuple[InstanceStatus, ...]:
    """The status of each instance, with so many of its latest runs.

    Raises:
        DatabaseUnreachable: the database does not answer.
    """
    specs = {name: configured(opened.settings.instance(name)) for name in opened.names}
    return tuple(
        [
            await instance_status(opened.database, opened.clock, name, [spec.text for spec in specs[name]], runs=runs)
            for name in opened.names
        ]
    )


def status_document(found: tuple[InstanceStatus, ...]) -> dict[str, Any]:
    """The same as a document for programs."""
    return {"instances": [asdict(each) for each in found]}


def size_of(plan: Mapping[str, Any]) -> str:
    """What a waiting plan is to do; of one that was begun, what is left.

    Args:
        plan: an element of `InstanceStatus.plans_waiting`.
    """
    creates, deletes = plan["creates_left"], plan["deletes_left"]
    what = f"{counted(creates, 'create', 'creates')}, {counted(deletes, 'delete', 'deletes')}"
    return f"{what} left to do" if plan["status"] == "applying" else what

"""Operations on the school by name, for the control routes: `{"do": "retire", "channel_id": 5}`."""

from collections.abc import Callable, Mapping
from typing import Any

from sync_worker.sandbox.model import Change
from sync_worker.sandbox.school import School

OPERATIONS: dict[str, Callable[..., list[Change]]] = {
    "create": School.create,
    "retire": School.retire,
    "revive": School.revive,
    "readdress": School.readdress,
    "confirm": School.confirm,
    "bounce": School.bounce,
    "add_user": School.add_user,
    "delete_user": School.delete_user,
    "merge_users": School.merge_users,
    "restore_user": School.restore_user,
    "change_sis_id": School.change_sis_id,
}
"""The methods of `School`; the other fields of the request are their arguments, by name."""


def mutate(school: School, body: Mapping[str, Any]) -> list[Change]:
    """Carry one operation out.

    Raises:
        KeyError: an unknown operation, user or channel.
        TypeError: wrong arguments.
        ValueError: Canvas could not do it.
    """
    arguments = {name: value for name, value in body.items() if name != "do"}
    return OPERATIONS[body["do"]](school, **arguments)

"""A plan as JSON: complete, in a stable order, and read again as the same plan.

The shape, version 1; `plan_from_json` takes what `plan_to_json` and `render` write:

- `format`: `"sync-worker plan"`; `version`: 1; `id`: the fingerprint. A plan that was changed has another one, and is
  refused.
- `instance`, `origin`, `made_at` (ISO 8601), `unchanged`, `managed_live`, and `source`: `document`, `digest`, `users`,
  `users_before`, `unresolved`, `only`.
- `users`, each: `diff`, `read_at`, `warnings` (`loses_last_email`, `changes_default`, `unusable_replacement`,
  `unusable_address`, `messages`, `sis_refused`, `sis_reappeared`), `suspicions` (`channel_id`, `warn`). `diff`:
  `desired` (what the document wants), `live` (the channels that are assumed; a field that Canvas left out is left out),
  `changes`, `unmanaged`, the default address and the number of deliverable ones before and after, and `stranded` (types
  whose deletes leave what does not look like an address). A change: `kind` (`create`, `delete`), `user_id`, `type`,
  `address`, `channel_id`, `skip_confirmation`, `replaced`, `reason`, `where`, `phone_region`.
- for convenience, not read again: `totals`, and from `render` `ruling`: `tripped` (`kind`, `figure`, `limit`, `option`)
  and `withheld` (`user_id`, `kind`, `type`, `address`, `channel_id`, `why`).
"""

import json
from dataclasses import asdict
from functools import cache
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from sync_worker.desired.guards import Ruling
from sync_worker.desired.plan import Plan, Warn, fingerprint, totals
from sync_worker.errors import PlanError

FORMAT: Final = "sync-worker plan"
VERSION: Final = 1

Json = dict[str, Any]


def plan_to_json(plan: Plan) -> str:
    """The plan alone: for files and for the table of plans."""
    return _text(_content(plan))


def render(plan: Plan, ruling: Ruling) -> str:
    """The plan, and what the guards say to it."""
    return _text({**_content(plan), "ruling": _ruling(ruling)})


def plan_from_json(text: str | bytes) -> Plan:
    """Read a plan.

    Raises:
        PlanError: this is no plan, one of another version, or one that was changed after it was made.
    """
    content = _parsed(text)
    try:
        plan = _adapter().validate_python(_values_of_warnings(content))
    except (ValidationError, KeyError, TypeError, AttributeError) as wrong:
        raise PlanError(f"the plan cannot be read: {_first(wrong)}", hint="Make a new one with plan --out") from wrong
    if fingerprint(plan) != content["id"] or not _of_its_users(plan):
        raise PlanError("the plan was changed after it was made", hint="Make a new one with plan --out")
    return plan


def _of_its_users(plan: Plan) -> bool:
    """Whether every change is for the user whom it stands under: the fingerprint names that one alone."""
    return all(change.user_id == user.diff.desired.user_id for user in plan.users for change in user.diff.changes)


def _parsed(text: str | bytes) -> Json:
    try:
        content = json.loads(text)
        json.dumps(content, ensure_ascii=False).encode()  # half a surrogate pair can be neither printed nor stored
    except (ValueError, RecursionError) as wrong:
        raise PlanError(f"this is no plan: {wrong}", hint="Make one with plan --out FILE") from wrong
    if not isinstance(content, dict) or content.get("format") != FORMAT or "id" not in content:
        raise PlanError("this is no plan", hint="Make one with plan --out FILE")
    if content.get("version") != VERSION:
        raise PlanError(f"this plan is of version {content.get('version')!r}, not {VERSION}", hint="Make a new one")
    return content


@cache
def _adapter() -> TypeAdapter[Plan]:
    return TypeAdapter(Plan)


def _content(plan: Plan) -> Json:
    body = cast("Json", _adapter().dump_python(plan, mode="json", exclude_unset=True))
    for user in body["users"]:
        user["diff"]["desired"]["manage"].sort()
        user["warnings"] = [_name(value) for value in user["warnings"]]
        for known in user["suspicions"]:
            known["warn"] = _name(known["warn"])
    head = {"format": FORMAT, "version": VERSION, "id": fingerprint(plan)}
    users = {"users": body.pop("users")}
    return {**head, **body, "totals": asdict(totals(plan)), **users}


def _ruling(ruling: Ruling) -> Json:
    return {
        "tripped": [asdict(trip) for trip in ruling.tripped],
        "withheld": [
            {
                "user_id": change.user_id,
                "kind": change.kind,
                "type": change.type,
                "address": change.address,
                "channel_id": change.channel_id,
                "why": why,
            }
            for change, why in ruling.withheld.items()
        ],
    }


def _name(value: str) -> str:
    return Warn(value).name.lower()


def _values_of_warnings(content: Json) -> Json:
    """The sentences for the names: those may be worded anew, these stay."""
    return {**content, "users": [_named(user) for user in content["users"]]}


def _named(user: Json) -> Json:
    suspicions = [{**known, "warn": Warn[known["warn"].upper()]} for known in user["suspicions"]]
    return {**user, "warnings": [Warn[name.upper()] for name in user["warnings"]], "suspicions": suspicions}


def _first(wrong: Exception) -> str:
    """The first problem, without the values around it."""
    if not isinstance(wrong, ValidationError):
        return f"{type(wrong).__name__}: {wrong}"
    problem = wrong.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"


def _text(content: Json) -> str:
    return to_json(content, indent=1).decode() + "\n"  # a tenth of the time of json.dumps, whose indenting is slow

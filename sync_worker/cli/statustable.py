"""The status on a terminal, narrow ones too."""

from datetime import datetime, timedelta
from typing import Any, Final

from rich.console import Console

from sync_worker.desired.render.words import counted
from sync_worker.flows.look.freshness import in_the_future, spelt
from sync_worker.flows.look.status import size_of
from sync_worker.mirror.readback import UNFINISHED, InstanceStatus

LONGEST: Final = 60  # characters of the users that a run walked

WRITING: Final = frozenset({"apply", "undo", "channels"})
"""Kinds of runs that write to Canvas."""


def show(found: tuple[InstanceStatus, ...], now: datetime) -> None:
    """Print one block for each instance."""
    console = Console(highlight=False)
    for status in found:
        console.print(f"[bold]{status.instance}[/bold]  {status.origin or 'never run'}")
        for name, value in _facts(status, now):
            console.print(f"  {name:<10} {value}", soft_wrap=True)
        for run in status.runs:
            for line in _run(run, status):
                console.print(line, soft_wrap=True)


def _facts(status: InstanceStatus, now: datetime) -> list[tuple[str, str]]:
    facts = [
        ("mirror", _mirror(status)),
        ("fresh", _age(status, now)),
        ("lock", f"held by {status.holder}" if status.holder else "free"),
    ]
    failures = counted(status.open_failures, "user or reference", "users or references")
    facts += [("failures", f"{failures}, tried again by the next run")] * bool(status.open_failures)
    pending = counted(status.deletions_pending, "deletion waits", "deletions wait")
    facts += [("pending", f"{pending}: sync-worker pending list")] * bool(status.deletions_pending)
    facts += [("desired", _drift(status.drift))] if status.drift else []
    facts += [("plan", _plan(plan)) for plan in status.plans_waiting]
    unsettled = counted(status.actions_unsettled, "action", "actions")
    looked_after = f"{unsettled} with an unknown outcome; the next run reads again: sync-worker report actions"
    facts += [("unknown", looked_after)] * bool(status.actions_unsettled)
    unresolved = counted(status.actions_unresolved, "action", "actions")
    look = f"{unresolved} still unknown after 7 days; look at these users: sync-worker report actions"
    facts += [("unresolved", look)] * bool(status.actions_unresolved)
    return facts


def _mirror(status: InstanceStatus) -> str:
    channels = counted(status.channels_live, "live channel", "live channels")
    return f"{channels} of {counted(status.users_present, 'user', 'users')}{_others(status)}"


def _drift(drift: dict[str, Any]) -> str:
    """How far Canvas is from the desired state that was compared last, after what was done about it since."""
    found, left = drift["creates"] + drift["deletes"], drift["creates_left"] + drift["deletes_left"]
    document, unknown = drift["document"], drift["users_unresolved"]
    what = f"{counted(left, 'channel differs', 'channels differ')} from {document}" if left else ""
    done = f"what differed from {document} is done" if found else f"nothing differs from {document}"
    unresolved = f", {counted(unknown, 'user was', 'users were')} not found" if unknown else ""
    return f"{what or done}{unresolved}, as compared {drift['compared_at']:%Y-%m-%d %H:%M} UTC"


def _plan(plan: dict[str, Any]) -> str:
    """A plan that waits for a person, or to be gone on with."""
    state = "is not finished, and waits" if plan["status"] == "applying" else "waits"
    until = f"until {plan['expires_at']:%Y-%m-%d %H:%M} UTC"
    return (
        f"{plan['id']} {state} {until}: {size_of(plan)}: sync-worker plans show {plan['id']}, then apply {plan['id']}"
    )


def _others(status: InstanceStatus) -> str:
    kinds = (
        (status.users_unreadable, "unreadable"),
        (status.users_unlisted, "unlisted"),
        (status.users_gone, "gone"),
    )
    return "".join(f", {count:,} {what}" for count, what in kinds if count)


def _age(status: InstanceStatus, now: datetime) -> str:
    instant = status.last_success_at
    if instant is None:
        return "no run over all configured users has come to a good end yet"
    if status.last_success_is_ahead:
        when = f"{in_the_future(instant - now)} ({instant:%Y-%m-%d %H:%M} UTC)"
        return f"the last good run over all configured users {when}: see sync-worker db repair-times --dry-run"
    age = spelt(max(now - instant, timedelta()))
    return f"the last good run over all configured users ended {instant:%Y-%m-%d %H:%M} UTC, {age} ago"


def _ending(run: dict[str, Any], status: InstanceStatus) -> str:
    """How a run ended; one that still says "running" while nobody holds the lock was killed."""
    ended = "killed" if run["status"] == "running" and status.holder is None else str(run["status"])
    if ended not in {"killed", "interrupted"}:
        return ended
    if run["kind"] not in WRITING:
        return f"{ended}, resumable"
    kind, _, plan = run["users_spec"][0].partition(":")
    waits = kind == "plan" and plan in {str(each["id"]) for each in status.plans_waiting}
    return f"{ended}, go on with: sync-worker apply {plan}" if waits else ended


def _run(run: dict[str, Any], status: InstanceStatus) -> tuple[str, str]:
    """Two lines that fit a narrow terminal: which run, and what it came to."""
    specs = _cut(" ".join(run["users_spec"]))
    head = f"{run['id']:>6}  {run['kind']}  {_ending(run, status)}  {run['started_at']:%Y-%m-%d %H:%M} UTC  {specs}"
    return head, f"        {_figures(run)}"


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _figures(run: dict[str, Any]) -> str:
    if run["status"] == "failed":
        return f"exit code {run['exit_code']}: {run['message']}"
    if run["kind"] in WRITING:
        done = f"{run['creates_done']:,} created, {run['deletes_done']:,} deleted"
        return f"{done}, {run['actions_not_done']:,} not done"
    users = counted(run["users_total"], "user", "users")
    if run["status"] in UNFINISHED:
        outcomes = ("users_done", "users_gone", "users_unreadable", "users_unlisted", "users_failed")
        users = f"{sum(run[name] for name in outcomes):,} of {users} so far"
    return (
        f"{users}, {run['users_failed']:,} failed; {run['channels_created']:,} new, "
        f"{run['channels_changed']:,} changed, {run['channels_deleted']:,} deleted; {run['throttled']:,} refused"
    )

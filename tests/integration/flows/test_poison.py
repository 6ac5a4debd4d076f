"""Answers that nobody would expect: they cost at most their own user."""

import json
from random import Random
from typing import Any

import pytest

from sync_worker.sandbox import Fault
from tests.integration.flows.harness import Stage

POISON: dict[str, dict[str, Any]] = {
    "half a pair": {"address": "\ud800@example.com"},
    "NUL everywhere": {"address": "\0", "type": "e\0", "workflow_state": "\0", "last_bounce_summary": "\0" * 10},
    "before all time": {"created_at": "0001-01-01T00:00:00+14:00"},
    "after all time": {"last_bounce_at": "9999-12-31T23:59:59-14:00"},
    "the first instant": {"created_at": "0001-01-01T00:00:00Z"},
    "the last instant": {"created_at": "9999-12-31T23:59:59Z"},
    "no time at all": {"created_at": "yesterday"},
    "a time without a zone": {"created_at": "2026-01-01T00:00:00"},
    "a fraction of a second": {"created_at": "2026-01-01T00:00:00.123456789Z"},
    "too large a position": {"position": 2**31},
    "too large a count": {"bounce_count": 2**63},
    "id zero": {"id": 0},
    "too large an id": {"id": 2**63},
    "an id as text": {"id": "9007199254740993"},
    "no address": {"address": None},
    "a long address": {"address": "x" * 100_000},
    "unknown fields": {"surprise": {"deep": [[[]]]}},
    "an empty address": {"address": ""},
}

UNUSABLE = {
    "half a pair", "before all time", "after all time", "the first instant", "the last instant", "no time at all",
    "a time without a zone", "too large a position", "too large a count", "id zero", "too large an id", "no address",
}  # fmt: skip
"""Of these no row can be made: the user counts as not read, and keeps the rows it has."""


@pytest.mark.parametrize("name", POISON)
async def test_a_poisoned_channel_stops_nobody(stage: Stage, name: str) -> None:
    """The run ends with 0 or 3; the other users of the batch are written; the next run does not stumble either."""
    user, other = stage.ids[20:22]
    channel = {"id": 77, "user_id": user, "type": "email", "address": "a@example.com", "workflow_state": "active"}
    body = json.dumps([{**channel, **POISON[name]}])
    stage.sandbox.add_fault(
        Fault(route="list_channels", user_ids=frozenset({user}), status=200, body=body, headers={"link": ""})
    )
    for _ in range(2):  # the second run reads the user first
        report = await stage.run(f"id:{','.join(map(str, stage.ids[20:42]))}")
        assert report.exit_code == (3 if name in UNUSABLE else 0), report.findings
        assert report.figures.users_done + report.figures.users_failed == 22
    assert set(await stage.rows_of(other)) == stage.channels_of(other)


async def test_poisoned_users(stage: Stage) -> None:
    """Identifiers with NUL, halves of pairs and absurd length."""
    users = stage.sandbox.school.users
    users[stage.ids[20]].sis_user_id = "S\0" + "1"
    users[stage.ids[21]].login_id = "\0"
    noise = Random(1).randbytes(3000).hex()  # long, and nothing that compression would shorten below an index's limit
    users[stage.ids[22]].integration_id = users[stage.ids[23]].login_id = users[stage.ids[24]].sis_user_id = noise
    report = await stage.run()
    assert report.exit_code == 0
    await stage.assert_equal()
    assert (await stage.run()).exit_code == 0

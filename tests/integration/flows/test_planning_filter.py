"""The mirror as a filter: what the database takes out is what the program would have found to need nothing."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sync_worker.desired.plan import Plan
from tests.integration.flows.desire import Desire, facts
from tests.integration.flows.harness import Stage, quick, staged

TYPES = ("email", "sms", "push")


@pytest.mark.sampled("0")
@pytest.mark.parametrize("seed", range(3))
async def test_the_filter_decides_as_the_program_does(database_url: str, tmp_path: Path, seed: int) -> None:
    """Any document: the plan is the one for which everybody is read live."""
    async with staged(database_url, options=quick(users=400, seed=seed + 1)) as stage:
        await stage.run()
        desire = Desire(stage=stage, folder=tmp_path)
        random = Random(seed)
        lines = [json.dumps(_user(stage, user, random), ensure_ascii=False) for user in stage.ids]
        document = desire.write("desired.ndjson", "\n".join(lines))
        everybody = await desire.plan(document, max_age=None)
        asked = desire.lists()
        filtered = await desire.plan(document)
        assert _said(filtered) == _said(everybody)
        assert len(desire.lists()) < len(asked) / 2
        assert len(everybody.users) > 30


def _user(stage: Stage, user_id: int, random: Random) -> dict[str, Any]:
    """Mostly what the user has, in any case of letters; sometimes more, less, or gone."""
    live = stage.school.users[user_id].live_channels()
    cases = (str, str.upper, str.lower)
    named = {(c.type, c.address.lower()): {"type": c.type, "address": random.choice(cases)(c.address)} for c in live}
    kept = [wish for wish in named.values() if random.random() < 0.97]
    dropped = [wish for wish in named.values() if wish not in kept]
    new = [{"type": "email", "address": f"new{user_id}@x.example"}]
    channels = kept + new * (random.random() < 0.05)
    if random.random() < 0.8:
        channels = [wish for wish in channels if wish["type"] == "email"]
    return {
        "user": user_id,
        "mode": random.choice(("add", "exact")),
        "manage": random.choice((["email"], ["email"], ["email", "sms"], list(TYPES))),
        "channels": channels,
        "absent": dropped * (random.random() < 0.5) + [{"type": "email", "address": f"left{user_id}@x.example"}],
    }


def _said(plan: Plan) -> tuple[Any, ...]:
    counts = (plan.source.users, plan.source.unresolved, plan.unchanged, plan.managed_live)
    unmanaged = [(user.diff.desired.user_id, user.diff.unmanaged) for user in plan.users]
    return (facts(plan.changes()), unmanaged, *counts)


async def test_a_letter_beyond_ascii(desire: Desire, stage: Stage) -> None:
    """Whatever the locale of the database makes of it, an address that is to go is found."""
    one, two = list(desire.plain())[:2]
    stage.school.create(one, "email", "ÅSA@x.example")
    stage.school.create(two, "email", "INFO@x.example")
    await stage.run()
    plan = await desire.plan(desire.csv(f"{one},email,åsa@x.example,absent", f"{two},email,info@X.example,absent"))
    assert facts(plan.changes()) == [
        ("delete", one, "email", "ÅSA@x.example"),
        ("delete", two, "email", "INFO@x.example"),
    ]


async def test_whoever_has_everything_is_counted(desire: Desire, stage: Stage) -> None:
    """Among the users and the live channels of the plan, without a read."""
    users = list(desire.plain())[:30]
    desire.routes()
    plan = await desire.plan(desire.csv(*[f"{user},email,{desire.email(user).address},present" for user in users]))
    mails = [c for user in users for c in stage.school.users[user].live_channels() if c.type == "email"]
    assert (plan.source.users, plan.unchanged, plan.managed_live) == (30, 30, len(mails))
    assert desire.routes() == {}

"""Plan, apply, plan, undo for a whole school; `SCHOOL_USERS=5000` makes it as large as the promise says."""

import os
import random
from pathlib import Path
from typing import Final

import pytest

from sync_worker.desired.plan import totals
from tests.integration.flows.carrying_out import GENEROUS, Applying
from tests.integration.flows.desire import HEAD, Desire
from tests.integration.flows.harness import quick, staged
from tests.integration.flows.test_undo import ALLOW, facts, undo

USERS: Final = int(os.environ.get("SCHOOL_USERS", "600"))


@pytest.mark.long
@pytest.mark.timeout(1200)
async def test_plan_apply_plan_undo(database_url: str, tmp_path: Path) -> None:
    """The second plan is empty, nobody is mailed; undo gives back what was there, ids included; the mirror follows."""
    async with staged(database_url, options=quick(users=USERS)) as stage:
        stage.instance = {"guards": {**GENEROUS, "keep_last_email": False}, "max_concurrency": 16}
        await stage.run()
        applying = Applying(stage=stage, desire=Desire(stage=stage, folder=tmp_path))
        document = tmp_path / "school.csv"
        document.write_text(HEAD + "".join(rows(applying)))
        plan = await applying.desire.plan(document)
        assert plan.source.users > 0.9 * USERS
        assert min(totals(plan).creates, totals(plan).deletes, totals(plan).replaced) > USERS / 20
        before = facts(applying, stage.ids)
        report = await applying.apply(await applying.save(plan), allow=ALLOW)
        assert set(await applying.statuses()) <= {"done", "refused"}, report.findings
        second = await applying.desire.plan(document, max_age=None)
        refused = (await applying.statuses())["refused"]
        assert (totals(second).creates, totals(second).deletes) == (0, refused)
        assert applying.messages() == 0
        await stage.assert_equal()
        assert (await undo(applying, report.run_id)).exit_code == 0
        assert facts(applying, stage.ids) == before
        await stage.assert_equal()


def rows(applying: Applying) -> list[str]:
    """Of every user something: a new address, a replaced one, one less, or what there is already."""
    dice = random.Random(7)
    found = []
    for user_id, user in applying.stage.school.users.items():
        emails = [channel for channel in user.live_channels() if channel.type == "email"]
        what = dice.choice(("new", "replace", "less", "same")) if emails else "new"
        if what in {"new", "replace"}:
            found.append(f"{user_id},email,new{user_id}@x.example,present\n")
        if what in {"replace", "less"}:
            found.append(f"{user_id},email,{dice.choice(emails).address},absent\n")
        if what == "same":
            found.append(f"{user_id},email,{emails[0].address},present\n")
    return found

"""A token that may not skip confirmations, and a thousand people who were not to be mailed."""

from collections import Counter
from pathlib import Path

import pytest

from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import configured, sandbox_process

CREATES = 1_000


@pytest.mark.long
async def test_a_weak_token_mails_one_person(tmp_path: Path, database_url: str) -> None:
    """A thousand creates: one message at most, exit 4, what happened and what to do; a good token then goes on."""
    with sandbox_process(tmp_path, 1_200, token_role="support") as canvas:
        program = configured(tmp_path, database_url, canvas.base_url)
        users = [user["id"] for user in canvas.many("GET", "users")][100 : 100 + CREATES]
        rows = "".join(f"{user},email,new{user}@x.example,present\n" for user in users)
        (tmp_path / "desired.csv").write_text(f"user,type,address,state\n{rows}")
        planned = program.run("plan", "--desired", "desired.csv")
        assert (planned.returncode, "\n1,000 creates, 0 deletes" in planned.stdout) == (10, True)
        canvas.ask("DELETE", "counters")
        apply = ("apply", "1", "--yes")
        done = program.run(*apply, "--expect-creates", "1000")
        counters = canvas.ask("GET", "counters")
        assert (counters["messages"], counters["by_route"]["create"]) == (1, 1)
        assert done.returncode == 4
        lines = done.stdout.splitlines()
        assert lines[0] == f"main: apply run 1 of plan 1 done, actions withheld ({canvas.base_url})"
        assert "  creates   1 done, 999 withheld" in lines
        assert "  messages  1 person was sent one, or may have been" in lines
        assert (
            "  left      999 actions, withheld as said below; where that names an option: sync-worker apply 1 OPTION"
            in lines
        )
        assert (
            f"  ! stopped: the token has no right to skip confirmations: user {users[0]} was sent a message although "
            "none was to be sent; apply with the token of an account administrator"
        ) in lines
        actions = await fetch(database_url, "SELECT status, messaged, note FROM worker.actions")
        assert Counter((row["status"], row["messaged"]) for row in actions) == {
            ("done", True): 1,
            ("withheld", False): CREATES - 1,
        }
        assert all("no right to skip confirmations" in row["note"] for row in actions if row["status"] == "withheld")
        canvas.ask("POST", "tokens", do="add", token="administrator", role="account_admin", user_id=users[0])
        (tmp_path / "token").write_text("administrator")
        went_on = program.run(*apply, "--expect-creates", "999", "--limit", "25")
        assert (went_on.returncode, "  creates   25 done" in went_on.stdout) == (0, True)
        assert canvas.ask("GET", "counters")["messages"] == 1

"""What becomes of events whatever the command does: real shell scripts, one after the other as nights go by.

An event is told at least once: where a command fails, or the program is killed, it is told again rather than never.
"""

import json
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sync_worker.errors import DatabaseUnreachable
from sync_worker.service.telling import run_command
from sync_worker.settings import NotifyTable
from tests.integration.flows.harness import fetch
from tests.integration.flows.processes import configured, sandbox_process, wait_until
from tests.integration.service.office import Office

LARGE = 3_000_000
"""Bytes: more than any pipe takes in."""

TAKES = 'cat > "$0.$$.part" && mv "$0.$$.part" "$0.$(date +%s%N).heard"'
"""A line of a script that keeps what it is told, each event in a file of its own."""


def script(path: Path, *lines: str) -> list[str]:
    """A command that runs these lines; `$0` is its path."""
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return [str(path)]


def beside(path: Path, suffix: str) -> Path:
    """A file that a script sees as `$0.suffix`."""
    return path.with_name(f"{path.name}.{suffix}")


def taken(path: Path) -> list[str]:
    """The events that a script has kept since the last look, in order."""
    files = sorted(path.parent.glob(f"{path.name}.*.heard"))
    names = [json.loads(file.read_text())["event"] for file in files]
    for file in files:
        file.unlink()
    return names


@pytest.fixture
def teller(tmp_path: Path) -> Path:
    """Where the script is."""
    return tmp_path / "teller"


def two_events(office: Office) -> None:
    """A plan that waits, and a token that ends soon: both hold from now on."""
    document = office.folder / "desired.csv"
    document.write_text(f"user,type,address,state\n{office.stage.ids[40]},email,new@x.example,present\n")
    office.stage.instance["desired"] = {"file": str(document)}
    office.stage.instance["token_expires"] = str(office.clock.now().date() + timedelta(days=10))


# --- the command alone --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 300, LARGE])
@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        pytest.param(["exit 0"], "", id="ends at once"),
        pytest.param(["exec <&-", "sleep 0.05"], "", id="closes standard input"),
        pytest.param(["head -c 1 > /dev/null"], "", id="reads the first byte"),
        pytest.param(["cat > /dev/null", "sleep 0.05"], "", id="reads all"),
        pytest.param(["cat", "cat /dev/zero | head -c 3000000"], "", id="writes megabytes"),
        pytest.param(["sleep 2 > /dev/null 2>&1 & exit 0"], "", id="leaves somebody behind"),
        pytest.param(["exit 7"], "it ended with 7", id="fails before it reads"),
        pytest.param(["head -c 1 > /dev/null", "exit 7"], "it ended with 7", id="fails after the first byte"),
        pytest.param(["kill -KILL $$"], "it was killed by signal 9", id="is killed"),
        pytest.param(["kill -PIPE $$"], "it was killed by signal 13", id="dies of a pipe of its own"),
        pytest.param(["nowhere-to-be-found"], "it ended with 127", id="has no such command"),
    ],
)
async def test_what_a_command_may_do(teller: Path, lines: list[str], problem: str, size: int) -> None:
    """Its exit code alone says whether the event was taken, however much of it was read."""
    table = NotifyTable(command=script(teller, *lines), timeout="20s")
    for _ in range(3):
        assert await run_command(table, b"x" * size, os.environ) == problem


async def test_megabytes_of_errors(teller: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """They are whoever's that started us."""
    table = NotifyTable(command=script(teller, "head -c 3000000 /dev/zero >&2"), timeout="20s")
    assert await run_command(table, b"{}", os.environ) == ""
    assert len(capfd.readouterr().err) == LARGE


async def test_all_of_it_is_there_to_read(teller: Path) -> None:
    """From its beginning, to its end."""
    table = NotifyTable(command=script(teller, 'cat > "$0.copy"'), timeout="20s")
    said = bytes(range(256)) * 10_000
    assert await run_command(table, said, os.environ) == ""
    assert beside(teller, "copy").read_bytes() == said


@pytest.mark.parametrize("size", [0, LARGE])
async def test_it_hangs(teller: Path, size: int) -> None:
    """It is killed with all that it has started, whether it reads or not."""
    table = NotifyTable(command=script(teller, "sleep 600 &", 'echo $! > "$0.pid"', "wait"), timeout="300ms")
    assert "it took longer than" in await run_command(table, b"x" * size, os.environ)
    number = int(beside(teller, "pid").read_text())
    wait_until(lambda: _gone(number), 10)


def _gone(number: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{number}/stat").read_text()
    except FileNotFoundError:
        return True


@pytest.mark.parametrize(
    "command", [["/nowhere/tell"], ["/etc/passwd"], ["/etc"], ["tell", "a\0b"], ["tell", "x" * 3_000_000]]
)
async def test_it_cannot_be_started(command: list[str]) -> None:
    """It is said, whatever is in the way."""
    problem = await run_command(NotifyTable(command=command), b"{}", os.environ)
    assert problem.startswith("it cannot be started: ")
    assert len(problem) < 200


# --- several events -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param("exit 1", id="it fails"),
        pytest.param("kill -KILL $$", id="it is killed"),
        pytest.param("exec <&-; sleep 600", id="it hangs", marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("struck", ["plan_waiting", "token_expiring"])
async def test_one_event_fails(office: Office, teller: Path, struck: str, failing: str) -> None:
    """The others are told; it alone is told again with the next run, and then once a week as ever."""
    two_events(office)
    strike = f'[ -e "$0.well" ] || ! grep -q {struck} "$0.said" || {{ {failing}; }}'
    office.notify = {
        "command": script(teller, 'cat > "$0.said"', strike, f'{{ {TAKES}; }} < "$0.said"'), "timeout": "2s",
    }  # fmt: skip
    (other,) = {"plan_waiting", "token_expiring"} - {struck}
    assert (await office.job()).exit_code == 0
    assert taken(teller) == [other]
    await office.night()
    assert taken(teller) == []
    beside(teller, "well").touch()
    await office.night()
    assert taken(teller) == [struck]
    await office.night()
    assert taken(teller) == []


async def test_events_that_nobody_reads(office: Office, teller: Path) -> None:
    """A command that takes no notice of its input is told each of them, once."""
    two_events(office)
    office.notify = {"command": script(teller, "exec <&-", 'echo >> "$0.calls"', "exit 0")}
    await office.job()
    await office.job()
    assert beside(teller, "calls").read_text().count("\n") == 2


async def test_what_held_a_week_ago_and_fails_now(office: Office, teller: Path) -> None:
    """Told once, again after a week and not heard: the week does not begin anew."""
    office.stage.instance["token_expires"] = str(office.clock.now().date() + timedelta(days=10))
    office.notify = {"command": script(teller, '[ ! -e "$0.ill" ] || exit 1', TAKES)}
    await office.job()
    assert taken(teller) == ["token_expiring"]
    office.clock.ahead += timedelta(days=8)
    beside(teller, "ill").touch()
    await office.job()
    assert taken(teller) == []
    beside(teller, "ill").unlink()
    await office.job()
    assert taken(teller) == ["token_expiring"]


async def test_told_by_a_clock_that_was_ahead(office: Office, teller: Path) -> None:
    """What was told in a time that is still to come is told again, instead of years later."""
    office.stage.instance["token_expires"] = str(office.clock.now().date() + timedelta(days=10))
    office.notify = {"command": script(teller, TAKES)}
    await office.job()
    async with office.opened() as opened, opened.database.session() as session:
        await session.connection.execute("UPDATE worker.notices SET told_at = told_at + interval '5 years'")
    await office.job()
    await office.job()
    told = [each for each in taken(teller) if each != "partial"]  # that times lie in the future is told, too
    assert told == ["token_expiring", "token_expiring"]


async def test_recovered_while_the_database_goes_away(office: Office, teller: Path) -> None:
    """A failure that only this process knows is not forgotten before its end was heard."""
    office.notify = {"command": script(teller, '[ ! -e "$0.ill" ] || exit 1', TAKES)}
    outcome = await office.job()
    office.teller._failed.add(("main", "run"))
    beside(teller, "ill").touch()
    async with office.opened() as opened:
        await opened.database._pool.close()
        await office.teller.tell(opened, outcome)
        assert taken(teller) == []
        beside(teller, "ill").unlink()
        await office.teller.tell(opened, outcome)
    assert taken(teller) == ["recovered"]
    await office.job()
    assert taken(teller) == []


async def test_half_a_surrogate_pair(office: Office, teller: Path) -> None:
    """A name that is no text can be told too."""
    office.notify = {"command": script(teller, TAKES)}
    outcome = await office.job()
    async with office.opened() as opened:
        lost = DatabaseUnreachable("it is away: \udcff")
        await office.teller.tell(opened, replace(outcome, exit_code=7, report=None, error=lost))
    assert taken(teller) == ["failed"]


# --- kills --------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize(
    ("lines", "heard"),
    [
        pytest.param(["kill -KILL $PPID", "exit 0"], [], id="before it was told"),
        pytest.param([TAKES, "kill -KILL $PPID", "exit 0"], ["token_expiring"], id="after it was told"),
    ],
)
async def test_killed_while_it_tells(
    tmp_path: Path, database_url: str, teller: Path, lines: list[str], heard: list[str]
) -> None:
    """The next run tells it, if need be a second time."""
    killing = script(teller, 'if [ ! -e "$0.well" ]; then', *lines, "fi", TAKES)
    with sandbox_process(tmp_path, 20) as canvas:
        ends = datetime.now(UTC).date() + timedelta(days=10)  # noqa: TID251  (what the program will see)
        program = configured(
            tmp_path, database_url, canvas.base_url,
            more=f"[notify]\ncommand = {json.dumps(killing)}", instance=f"token_expires = '{ends}'",
        )  # fmt: skip
        assert program.run("run").returncode == -signal.SIGKILL
        assert taken(teller) == heard
        beside(teller, "well").touch()
        assert program.run("run").returncode == 0
        assert taken(teller) == ["token_expiring"]
        assert program.run("run").returncode == 0
    assert taken(teller) == []
    assert [row["event"] for row in await fetch(database_url, "SELECT event FROM worker.notices")] == ["token_expiring"]

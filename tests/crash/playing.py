"""A command struck down at a step, what that leaves behind, and the plain run that puts everything right."""

from dataclasses import dataclass
from typing import Final

from sync_worker.cli.exits import IN_PART
from tests.crash.child import Blow, Step
from tests.crash.scene import Place, Player, Theatre
from tests.integration.flows.consistency import contradictions

CANVAS: Final = "canvas"
"""A step that the process itself cannot count: Canvas has carried a call out, and not answered yet."""

NOTHING, PLAN, RUN, DOUBT, END = "nothing", "a plan", "a run", "a call in doubt", "its end"

_LEFT: Final = """
SELECT
    (SELECT count(*) FROM worker.plans WHERE id > $1) AS plans,
    (SELECT count(*) FROM worker.runs WHERE id > $2) AS runs,
    (SELECT count(*) FROM worker.runs WHERE id > $2 AND status NOT IN ('running', 'done')) AS odd,
    (SELECT status FROM worker.runs WHERE id > $2 ORDER BY id DESC LIMIT 1) = 'done' AS ended,
    EXISTS (SELECT FROM worker.actions WHERE status = 'started') AS doubt,
    (SELECT kind FROM worker.runs ORDER BY id DESC LIMIT 1) AS kind"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one strike."""

    exit_code: int  # -9: killed
    left: str  # what the next command finds


async def strike(theatre: Theatre, name: str, at: Step) -> Outcome:
    """Kill a command at a step, go on as a person and cron do, and look whether everything is as it should be."""
    async with theatre.place(name) as place:
        before = await _numbers(place)
        player = start(place, at)
        code = await player.end()
        await place.quiet()
        left = await _left(place, *before)
        await go_on(place)
    return Outcome(exit_code=code, left=left)


def start(place: Place, at: Step) -> Player:
    """The act's command, to be killed at a step."""
    if at.what != CANVAS:
        return place.start(place.act.command, Blow(at=at))
    player = place.start(place.act.command)
    place.watched.after[at.number] = player.process.kill
    return player


async def go_on(place: Place, *, clock_was_ahead: bool = False) -> None:
    """Say the command again where it writes to Canvas, let the nightly run come, and look at everything.

    Args:
        place: the school and its mirror.
        clock_was_ahead: times of a process with a wrong clock lie in the future, and each run says so.
    """
    codes = {await place.run(*arguments, fine=frozenset({0, IN_PART})) for arguments in place.act.again}
    await place.quiet()
    assert await check(place) or codes <= {0, IN_PART if clock_was_ahead else 0}


async def _numbers(place: Place) -> tuple[int, int]:
    """The latest plan and the latest run before."""
    if not await _migrated(place):
        return 0, 0
    (row,) = await place.stage.fetch(
        "SELECT coalesce((SELECT max(id) FROM worker.plans), 0) AS plan, "
        "coalesce((SELECT max(id) FROM worker.runs), 0) AS run"
    )
    return row["plan"], row["run"]


async def _migrated(place: Place) -> bool:
    return bool(await place.stage.value("SELECT to_regclass('worker.forgotten') IS NOT NULL"))


async def _left(place: Place, plan: int, run: int) -> str:
    """What the next command finds."""
    if not await _migrated(place):
        return NOTHING
    (row,) = await place.stage.fetch(_LEFT, plan, run)
    assert not row["odd"], row
    complete = 2 if place.act.name == "auto" else 1  # a run to read, and one to write
    found = {
        DOUBT: row["doubt"],
        END: row["runs"] == complete and row["ended"],
        RUN: row["runs"] > 0,
        PLAN: row["plans"] > 0,
        NOTHING: True,
    }
    return next(word for word, holds in found.items() if holds)


async def check(place: Place) -> bool:
    """The mirror is Canvas, the ledger is consistent, and everything was done that was to be done, once.

    Returns:
        Whether something was not done: the create that sends a message, where nobody knows whether it was sent.
    """
    act, watched = place.act, place.watched
    unsent = await _unsent(place)
    deeds = act.deeds - {act.asked} if unsent else act.deeds
    assert dict(watched.deeds) == dict.fromkeys(deeds, 1)
    assert watched.sandbox.counters.messages == (0 if unsent else act.messages)
    await place.stage.assert_equal()
    assert await contradictions(place.stage.database_url) == {}
    assert not {number for number in await place.stage.candidates() if number in place.stage.truth()}
    done = await place.stage.fetch(
        "SELECT kind, user_id, type, lower(address) AS address FROM worker.actions a WHERE status = 'done' "
        "AND plan_id > $1",
        1 if act.name == "undo" else 0,
    )
    words = {"create": "created", "delete": "deleted"}
    assert sorted((words[row["kind"]], row["user_id"], row["type"], row["address"]) for row in done) == sorted(deeds)
    return unsent


async def _unsent(place: Place) -> bool:
    """Whether the create that sends a message stays undone, as it must where nobody knows whether it was sent."""
    asked = place.act.asked
    query = (
        "SELECT count(*) = 1 FROM worker.actions"
        " WHERE status IN ('uncertain', 'skipped') AND NOT skip_confirmation AND messaged"
    )
    return asked not in place.watched.deeds if asked and await place.stage.value(query) else False

"""Two writers on purpose: one stands still, its sessions end, another one does the work; then the first one wakes.

What the first one does then: it commits nothing, and sends Canvas nothing that it has not yet begun to send.
"""

import os
import signal
from typing import Final

import pytest

from tests.crash.child import AFTER, BEFORE, COMMIT, REQUEST, Blow, Step
from tests.crash.playing import go_on
from tests.crash.scene import Place, Player, Theatre

MINUTES: Final = 600.0
LOST: Final = "the lock of instance main is gone: its database connection ended. Nothing more was written; run the same"
CUT: Final = "The same command goes on later"
"""What is said where its own commit is the first to find out."""

TABLES: Final = (
    "mirror.communication_channels", "mirror.channel_history", "mirror.users", "mirror.user_history",
    "worker.instances", "worker.runs", "worker.batches", "worker.candidates", "worker.failures", "worker.plans",
    "worker.actions",
)  # fmt: skip


def _commit(kind: str, side: str, number: int = 1) -> Step:
    return Step(what=COMMIT, side=side, kind=kind, number=number)


def _request(method: str, side: str, number: int = 2) -> Step:
    return Step(what=REQUEST, side=side, kind=method, number=number)


async def _contents(place: Place) -> list[object]:
    """Every row with the transaction that wrote it."""
    return [
        await place.stage.fetch(f"SELECT to_jsonb(t)::text AS row, xmin::text FROM {table} t ORDER BY 1, 2")  # noqa: S608  (constants)
        for table in TABLES
    ]


async def _stand_still(place: Place, at: Step, slept: float = 0.0) -> Player:
    """Stop the act's command at a step; the server ends its sessions, as keepalive does after a while."""
    first = place.start(place.act.command, Blow(at=at, signum=signal.SIGSTOP, slept=slept))
    await first.stopped()
    assert await place.terminate("sync-worker%") >= 1
    return first


async def _wake(first: Player) -> int:
    """Let it go on; its exit code."""
    os.kill(first.pid, signal.SIGCONT)
    return await first.end()


async def _wakes_late(acts: Theatre, act: str, at: Step, slept: float) -> None:
    async with acts.place(act) as place:
        first = await _stand_still(place, at, slept)
        await place.run(*place.act.command, fine={0, 3})
        writes, deeds = place.watched.writes, dict(place.watched.deeds)
        before = await _contents(place)
        # Another call may have been on its way out: what the second writer did not dare to repeat is then done, once.
        query = "SELECT user_id FROM worker.actions WHERE status = 'uncertain' AND NOT skip_confirmation"
        in_doubt = {row["user_id"] for row in await place.stage.fetch(query)}
        assert await _wake(first) == 7, first.said
        assert LOST in first.said or CUT in first.said
        assert await _contents(place) == before
        late = {deed[1] for deed, times in place.watched.deeds.items() if times != deeds.get(deed, 0)}
        assert late <= in_doubt
        assert place.watched.writes == writes + len(late)
        assert set(place.watched.deeds.values()) <= {1}
        await go_on(place)


@pytest.mark.sampled("before a commit", "between journal and call")
@pytest.mark.parametrize(
    ("act", "at"),
    [
        pytest.param("run", _commit("claim a batch", AFTER, 2), id="run, while reading"),
        pytest.param("run", _commit("commit a batch", BEFORE, 2), id="run, before a commit"),
        pytest.param("run", _commit("bury channels", BEFORE), id="run, before burying"),
        pytest.param("run", _commit("end the run", BEFORE), id="run, before its end"),
        pytest.param("apply", _commit("start an action", BEFORE, 2), id="apply, before the journal"),
        pytest.param("apply", _commit("start an action", AFTER, 2), id="apply, between journal and call"),
        pytest.param("apply", _commit("start an action", AFTER, 1), id="apply, between journal and the first call"),
        pytest.param("apply", _request("POST", AFTER), id="apply, after a create"),
        pytest.param("apply", _request("DELETE", AFTER, 1), id="apply, after a delete"),
        pytest.param("apply", _commit("close an action", BEFORE, 2), id="apply, before the journal is closed"),
    ],
)
async def test_the_first_one_wakes_when_all_is_done(acts: Theatre, act: str, at: Step) -> None:
    """Exit 7, and it says so; nothing is committed and nothing is sent to Canvas by it any more."""
    await _wakes_late(acts, act, at, slept=MINUTES)


@pytest.mark.parametrize("number", [1, 2])
async def test_the_first_one_wakes_soon(acts: Theatre, number: int) -> None:
    """Between journal and call, without a clock that says so: it sees that its lock's session has said goodbye."""
    await _wakes_late(acts, "apply", _commit("start an action", AFTER, number), slept=0.0)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_a_call_that_was_on_its_way_out(acts: Theatre, method: str) -> None:
    """What remains: stopped after the last look and before the socket, it is sent late. Canvas does nothing for it.

    The second writer has done it already: Canvas says that it exists, or that it is gone, and mails nobody.
    """
    async with acts.place("apply") as place:
        first = await _stand_still(place, _request(method, BEFORE, 1), MINUTES)
        await place.run(*place.act.command, fine={0, 3})
        writes, deeds, messages = (
            place.watched.writes,
            dict(place.watched.deeds),
            place.watched.sandbox.counters.messages,
        )
        before = await _contents(place)
        assert await _wake(first) == 7, first.said
        assert await _contents(place) == before
        assert place.watched.writes <= writes + 8  # one for each user who is worked on
        assert (dict(place.watched.deeds), place.watched.sandbox.counters.messages) == (deeds, messages)
        await go_on(place)


@pytest.mark.parametrize(("patience", "code"), [("0s", 7), ("1m", 6)], ids=["at once", "with patience"])
@pytest.mark.parametrize("act", ["run", "apply"])
async def test_the_first_one_wakes_while_the_second_is_at_work(
    acts: Theatre, act: str, patience: str, code: int
) -> None:
    """Exit 7 where it does not wait for a database; else it asks for the lock again, and is told who has it: exit 6."""
    at = _commit("commit a batch", BEFORE, 2) if act == "run" else _commit("start an action", AFTER, 2)
    async with acts.place(act) as place:
        place.patience = patience
        first = await _stand_still(place, at)
        second = place.start(place.act.command, Blow(at=_commit("open the run", AFTER), signum=signal.SIGSTOP))
        await second.stopped()
        assert await _wake(first) == code, first.said
        assert (LOST if code == 7 else f"process {second.pid}, since") in first.said
        assert await _wake(second) in {0, 3}, second.said
        await go_on(place)


@pytest.mark.parametrize("act", ["run", "apply"])
async def test_the_first_one_goes_on_by_itself(acts: Theatre, act: str) -> None:
    """With patience it takes the lock anew where it is free, as the same command would: nothing is done twice."""
    at = _commit("commit a batch", BEFORE, 2) if act == "run" else _commit("start an action", AFTER, 2)
    async with acts.place(act) as place:
        place.patience = "1m"
        first = await _stand_still(place, at, MINUTES)
        await place.run(*place.act.command, fine={0, 3})
        deeds = dict(place.watched.deeds)
        assert await _wake(first) in {0, 2}, first.said
        assert dict(place.watched.deeds) == deeds
        await go_on(place, clock_was_ahead=True)  # by its clock, minutes have passed that have not


async def test_a_transaction_that_is_open_holds_the_second_one_back(acts: Theatre) -> None:
    """Only the lock's session ended: the second writer waits until the commit under way is over; it is not lost."""
    async with acts.place("run") as place:
        at = _commit("commit a batch", BEFORE, 2)
        first = place.start(place.act.command, Blow(at=at, signum=signal.SIGSTOP))
        await first.stopped()
        assert await place.terminate("sync-worker lock%") == 1
        second = place.start(place.act.command)
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while not await place.stage.value(waiting):
            await place.stage.clock.sleep(0.003)
        assert await _wake(first) == 7, first.said
        assert await second.end() == 0, second.said
        query = """
            SELECT count(*) FROM worker.batches
            WHERE status = 'done' AND claim_epoch < (SELECT max(epoch) FROM worker.instances)"""
        assert await place.stage.value(query) >= 2
        await go_on(place)

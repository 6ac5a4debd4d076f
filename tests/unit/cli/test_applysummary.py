"""What the end of an apply says, line by line."""

from datetime import timedelta
from typing import Any

import pytest

from sync_worker.cli.applysummary import lines
from sync_worker.flows.pull.verdict import IN_PART, WITHHELD, Finding
from sync_worker.flows.push.applied import ApplyReport
from sync_worker.flows.push.tally import Tally
from sync_worker.mirror.actions import Status
from tests.unit.flows.actions import create, delete

ORIGIN = "https://school.example"
NOTHING_SENT = "  requests  0 in 0.0 s, 0 refused by the rate limit"


def report(tally: Tally | None = None, **more: Any) -> ApplyReport:
    """The report on an apply of plan 12 as run 34."""
    facts: dict[str, Any] = {
        "instance": "main",
        "origin": ORIGIN,
        "kind": "apply",
        "run_id": 34,
        "plan_id": 12,
        "tally": tally or Tally(),
        "findings": (),
        "left": 0,
        "requests": 0,
        "refusals": 0,
    }
    return ApplyReport(**(facts | more))


def tallied(creates: dict[Status, int], deletes: dict[Status, int], *, gone: int = 0, messages: int = 0) -> Tally:
    """So many of each; the first skipped deletes were gone already."""
    tally = Tally()
    for status, number in creates.items():
        for each in range(number):
            tally.note(create(f"{status}{each}@x"), status, messaged=tally.messages < messages)
    for status, number in deletes.items():
        for each in range(number):
            tally.note(delete(f"{status}{each}@x"), status, gone=status is Status.SKIPPED and tally.gone < gone)
    return tally


def test_an_apply_that_went_well() -> None:
    """Counts, traffic, and the way back."""
    tally = tallied({Status.DONE: 1200}, {Status.DONE: 3})
    took = timedelta(seconds=61.26)
    assert list(lines(report(tally, requests=4812, refusals=2, took=took))) == [
        f"main: apply run 34 of plan 12 done ({ORIGIN})",
        "  creates   1,200 done",
        "  deletes   3 done",
        "  requests  4,812 in 61.3 s, 2 refused by the rate limit",
        "  to take it back: sync-worker undo 34",
    ]


def test_an_apply_with_nothing_to_do() -> None:
    """Nothing to take back either."""
    assert list(lines(report())) == [f"main: apply run 34 of plan 12 done ({ORIGIN})", NOTHING_SENT]


def test_an_apply_of_everything_that_can_happen() -> None:
    """In the same order always; the findings stand below the figures, and what is left names the command."""
    every = dict.fromkeys(Status, 1)
    tally = tallied(every, every | {Status.SKIPPED: 3}, gone=2, messages=2)
    told = (Finding(exit_code=WITHHELD, message="one"), Finding(exit_code=IN_PART, message="two"))
    words = "1 done, 1 existed already, 1 refused by Canvas, 1 failed, 2 with an unknown outcome, 1 not begun"
    words += ", 1 unresolved, 1 skipped, 1 withheld"
    assert list(lines(report(tally, findings=told, left=1001))) == [
        f"main: apply run 34 of plan 12 done, actions withheld ({ORIGIN})",
        f"  creates   {words}",
        f"  deletes   {words}, 2 gone already",
        "  messages  2 people were sent one, or may have been",
        "  left      1,001 actions; go on with: sync-worker apply 12",
        NOTHING_SENT,
        "  ! one",
        "  ! two",
        "  to take it back: sync-worker undo 34",
    ]


def test_an_apply_done_in_part() -> None:
    """One of each is said in the singular; where nothing was done there is nothing to take back."""
    tally = tallied({Status.UNCERTAIN: 1}, {}, messages=1)
    told = (Finding(exit_code=IN_PART, message="lost"),)
    assert list(lines(report(tally, findings=told, left=1))) == [
        f"main: apply run 34 of plan 12 done in part ({ORIGIN})",
        "  creates   1 with an unknown outcome",
        "  messages  1 person was sent one, or may have been",
        "  left      1 action; go on with: sync-worker apply 12",
        NOTHING_SENT,
        "  ! lost",
    ]


def test_all_that_is_left_is_withheld() -> None:
    """The same command again would withhold it again."""
    told = list(lines(report(tallied({}, {Status.WITHHELD: 2}), left=2)))
    assert (
        "  left      2 actions, withheld as said below; where that names an option: sync-worker apply 12 OPTION" in told
    )


def test_deletes_of_what_was_gone() -> None:
    """Not skipped, in the words of the summary: as wanted."""
    assert list(lines(report(tallied({}, {Status.SKIPPED: 2}, gone=2))))[1] == "  deletes   2 gone already"


@pytest.mark.parametrize("kind", ["undo", "channels"])
def test_other_runs_say_what_they_are(kind: str) -> None:
    """And can be taken back like any."""
    said = list(lines(report(tallied({Status.DONE: 1}, {}), kind=kind)))
    assert said[0] == f"main: {kind} run 34 of plan 12 done ({ORIGIN})"
    assert said[-1] == "  to take it back: sync-worker undo 34"


def test_a_push_device_has_no_plan_and_no_way_back() -> None:
    """It registers itself again."""
    said = list(lines(report(tallied({}, {Status.DONE: 1}), kind="channels", plan_id=None)))
    assert said == [f"main: channels run 34 done ({ORIGIN})", "  deletes   1 done", NOTHING_SENT]

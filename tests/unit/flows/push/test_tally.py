"""What an apply came to, counted and told."""

import pytest

from sync_worker.desired.diff import Kind
from sync_worker.flows.pull.verdict import IN_PART, WITHHELD, Finding
from sync_worker.flows.push.applied import findings
from sync_worker.flows.push.tally import Tally
from sync_worker.mirror.actions import Status
from tests.unit.flows.actions import create, delete

TOLD = [
    (Status.WITHHELD, WITHHELD, "withheld"),
    (Status.REFUSED, IN_PART, "refused by Canvas"),
    (Status.FAILED, IN_PART, "failed"),
    (Status.UNCERTAIN, IN_PART, "with an unknown outcome"),
    (Status.STARTED, IN_PART, "with an unknown outcome"),
    (Status.PLANNED, IN_PART, "not begun"),
    (Status.SKIPPED, IN_PART, "skipped as stale"),
]


def told(tally: Tally) -> list[str]:
    """The messages of its findings."""
    return [finding.message for finding in tally.findings()]


def test_nothing_done_is_nothing_to_tell() -> None:
    """All counts are zero."""
    tally = Tally()
    assert (tally.wrong, tally.messages, tally.gone, tally.notes, told(tally)) == (0, 0, 0, {}, [])
    assert all(tally.number(status) == 0 for status in Status)


def test_counts_are_by_status_and_kind() -> None:
    """What was noted is handled."""
    tally = Tally()
    changes = [create("a@x"), create("b@x"), delete("c@x")]
    for change in changes:
        tally.note(change, Status.DONE)
    tally.note(extra := delete("d@x"), Status.FAILED, "no")
    assert [tally.number(Status.DONE, kind) for kind in (None, *Kind)] == [3, 2, 1]
    assert [tally.number(Status.FAILED, kind) for kind in (None, *Kind)] == [1, 0, 1]
    assert all(map(tally.has, (*changes, extra)))
    assert not tally.has(create("e@x"))


def test_messages_are_counted_whatever_became_of_the_create() -> None:
    """One that may have gone is one that went."""
    tally = Tally()
    tally.note(create("a@x"), Status.DONE, messaged=True)
    tally.note(create("b@x"), Status.UNCERTAIN, "lost", messaged=True)
    tally.note(create("c@x"), Status.DONE)
    assert tally.messages == 2


@pytest.mark.parametrize("status", Status)
def test_what_goes_wrong(status: Status) -> None:
    """Withheld is no failure, and what somebody else has done is none either."""
    tally = Tally()
    tally.note(create(), status, "why")
    fine = {Status.DONE, Status.EXISTED, Status.WITHHELD, Status.UNRESOLVED}
    assert tally.wrong == (status not in fine)


def test_what_was_gone_already_is_as_wanted() -> None:
    """It is skipped, and nothing that went wrong; nobody has to read about it."""
    tally = Tally()
    tally.note(delete("a@x"), Status.SKIPPED, gone=True)
    tally.note(delete("b@x"), Status.SKIPPED, "another address")
    assert (tally.number(Status.SKIPPED), tally.gone, tally.wrong, len(told(tally))) == (2, 1, 1, 1)


@pytest.mark.parametrize(("status", "exit_code", "words"), TOLD)
def test_one_action_is_named(status: Status, exit_code: int, words: str) -> None:
    """With its user and its address; what is withheld ends with 4, the rest with 3."""
    tally = Tally()
    tally.note(delete("old@x", user_id=42), status, "because")
    message = f"1 action {words}: because (user 42, delete email old@x)"
    assert tally.findings() == (Finding(exit_code=exit_code, message=message),)


@pytest.mark.parametrize(("status", "exit_code", "words"), TOLD)
def test_of_many_the_first_is_named(status: Status, exit_code: int, words: str) -> None:
    """Counted by reason, thousands with a comma."""
    tally = Tally()
    for number in range(1200):
        tally.note(create(f"{number}@x", user_id=7 + number), status, "because")
    message = f"1,200 actions {words}: because (first: user 7, create email 0@x)"
    assert tally.findings() == (Finding(exit_code=exit_code, message=message),)


@pytest.mark.parametrize("status", [Status.DONE, Status.EXISTED])
def test_what_is_as_wanted_is_not_told(status: Status) -> None:
    """Whatever the journal notes about it."""
    tally = Tally()
    tally.note(create(), status, "taken already")
    assert told(tally) == []


@pytest.mark.parametrize("why", [None, ""])
def test_without_a_reason_nothing_is_told(why: str | None) -> None:
    """Somebody else tells it: the guard that withholds all."""
    tally = Tally()
    tally.note(create(), Status.WITHHELD, why)
    assert (told(tally), tally.number(Status.WITHHELD)) == ([], 1)


def test_the_most_frequent_reason_comes_first() -> None:
    """Within one sort."""
    tally = Tally()
    for number, why in enumerate(["rare", "often", "often"]):
        tally.note(create(f"{number}@x"), Status.FAILED, why)
    assert [line.split(": ")[1].split(" (")[0] for line in told(tally)] == ["often", "rare"]


@pytest.mark.parametrize(("status", "exit_code", "words"), TOLD)
def test_more_than_five_reasons(status: Status, exit_code: int, words: str) -> None:
    """Five are told, the rest is counted; five are no rest."""
    tally = Tally()
    for number in range(5):
        for user_id in range(9 - number):
            tally.note(create(f"{number}@x", user_id=user_id), status, f"why {number}")
    assert len(told(tally)) == 5
    for user_id, number in enumerate((5, 5, 6)):
        tally.note(create(f"{number}@x", user_id=user_id), status, f"why {number}")
    assert len(told(tally)) == 6
    assert tally.findings()[5] == Finding(exit_code=exit_code, message=f"3 more for other reasons: {words}")


def test_sorts_are_told_from_the_gravest() -> None:
    """What a guard holds back, then what Canvas says no to, then what went wrong, then what is stale."""
    tally = Tally()
    for status, _, _ in reversed(TOLD):
        tally.note(create(f"{status}@x"), status, "because")
    assert [line.split(":")[0] for line in told(tally)] == [f"1 action {words}" for _, _, words in TOLD]


def test_all_findings_of_an_apply() -> None:
    """Why it stopped comes first, then the guards that hold back everything of a kind, then the tally."""
    tally = Tally()
    tally.note(create(), Status.FAILED, "because")
    given = findings(tally, ["all deletes are withheld", "all creates are withheld"], "no right")
    assert [(finding.exit_code, finding.message) for finding in given] == [
        (WITHHELD, "stopped: no right"),
        (WITHHELD, "all deletes are withheld"),
        (WITHHELD, "all creates are withheld"),
        (IN_PART, "1 action failed: because (user 1, create email new@x)"),
    ]
    assert findings(Tally(), (), None) == ()


def test_the_last_word_counts() -> None:
    """An action that is noted again, because the apply went on after an interruption, is one action."""
    tally, other = Tally(), create("b@x")
    tally.note(create("a@x"), Status.FAILED, "no", messaged=True)
    tally.note(other, Status.FAILED, "no")
    tally.note(create("a@x"), Status.DONE)
    assert (tally.number(Status.DONE), tally.number(Status.FAILED), tally.messages) == (1, 1, 0)
    assert [told for told in map(str, told(tally)) if "user" in told and other.address in told] == told(tally)
    tally.note(other, Status.DONE)
    assert (tally.wrong, told(tally)) == (0, [])

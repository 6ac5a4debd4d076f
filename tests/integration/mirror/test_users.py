"""Who was walked: identifiers, states, listings, failures."""

from typing import Any

import pytest

from sync_worker.channels import ReadOutcome, User
from sync_worker.mirror.runs import FailedUser, Reason
from tests.integration.mirror.stage import Stage, at, channel, failure, gone, snapshot, unreadable, without

KNOWN: dict[str, Any] = {"sis_user_id": "S1", "login_id": "ann", "integration_id": "I1"}


async def test_identifiers_are_written_when_a_source_names_the_user(stage: Stage) -> None:
    """Before anything is read: a user without channels is in the mirror, too."""
    await stage.enrol(User(id=1, **KNOWN), User(id=2))
    row = {"instance": "main", "state": "present", "listed_in": [], "first_seen_at": at(0)}
    row |= {"noted_read_at": None, "read_epoch": 0, "read_number": 0}
    assert await stage.user(1) == {**row, "id": 1, **KNOWN, "changed_at": at(0)}
    assert await stage.user(2) == {**row, "id": 2, **dict.fromkeys(KNOWN), "changed_at": at(0)}


@pytest.mark.parametrize("name", KNOWN)
async def test_a_missing_identifier_is_kept_and_a_null_one_is_not(stage: Stage, name: str) -> None:
    """Only administrators see them; a change is in the history."""
    await stage.enrol(User(id=1, **KNOWN))
    stage.clock.time = at(1)
    await stage.enrol(User(id=1, **without(KNOWN, name)))
    assert await stage.user_history(1) == []
    assert (await stage.user(1))[name] == KNOWN[name]
    stage.clock.time = at(2)
    await stage.enrol(User(id=1, **{**KNOWN, name: None}))
    user = await stage.user(1)
    assert (user[name], user["changed_at"], user["first_seen_at"]) == (None, at(2), at(0))
    (version,) = await stage.user_history(1)
    expected = {**KNOWN, "state": "present", "valid_from": at(0), "valid_to": at(2), "run_id": stage.run.id}
    assert {key: version[key] for key in expected} == expected


async def test_a_sis_id_that_changes_hands_shows(stage: Stage) -> None:
    """Both people keep their history."""
    await stage.enrol(User(id=1, sis_user_id="S1"), User(id=2, sis_user_id="S2"))
    await stage.enrol(User(id=1, sis_user_id="S9"), User(id=2, sis_user_id="S1"))
    assert [v["sis_user_id"] for v in (*await stage.user_history(1), *await stage.user_history(2))] == ["S1", "S2"]
    assert (await stage.user(2))["sis_user_id"] == "S1"


async def test_listings_are_remembered_together(stage: Stage) -> None:
    """A union; another source adds nothing; neither is a change of the user."""
    for account in ("1", "2", "1", None):
        stage.clock.time = at(int(account or 3))
        await stage.enrol(User(id=1, login_id="ann"), account=account)
    user = await stage.user(1)
    assert (user["listed_in"], user["changed_at"]) == (["1", "2"], at(1))
    assert await stage.user_history(1) == []


async def test_an_unchanged_user_costs_nothing(stage: Stage) -> None:
    """No row version, not even a lock."""
    physical = "SELECT xmin::text, xmax::text, ctid::text FROM mirror.users"
    await stage.enrol(User(id=1, **KNOWN), account="1")
    await stage.commit(snapshot(1, 1))
    before = await stage.query(physical)
    await stage.enrol(User(id=1, **KNOWN), User(id=1), account="1")
    await stage.commit(snapshot(1, 2))
    assert await stage.query(physical) == before


@pytest.mark.parametrize("user", [User(id=1, login_id="a\0b"), User(id=1, login_id="a\ud800b")])
async def test_what_cannot_be_stored_is_replaced(stage: Stage, user: User) -> None:
    """One odd user does not stop the others."""
    await stage.enrol(user)
    assert (await stage.user(1))["login_id"] == "a\ufffdb"


@pytest.mark.parametrize(
    ("outcome", "reason", "state"),
    [
        (snapshot(1, 5, channel(10)), Reason.SOURCE, "present"),
        (snapshot(1, 5), Reason.SOURCE, "present"),
        (gone(1, 5), Reason.SOURCE, "gone"),
        (unreadable(1, 5), Reason.SOURCE, "unreadable"),
        (unreadable(1, 5), Reason.FAILED_BEFORE, "unreadable"),
        (snapshot(1, 5, channel(10)), Reason.MISSING, "present"),
        (snapshot(1, 5), Reason.MISSING, "unlisted"),
        (gone(1, 5), Reason.MISSING, "gone"),
        (unreadable(1, 5), Reason.MISSING, "unlisted"),
    ],
)
async def test_a_read_gives_the_user_its_state(stage: Stage, outcome: ReadOutcome, reason: Reason, state: str) -> None:
    """For known and for new users; a change is in the history."""
    await stage.commit(outcome, reason=reason)
    assert await stage.states() == {1: state}
    assert await stage.user_history(1) == []
    other = gone(1, 6) if state != "gone" else snapshot(1, 6)
    await stage.commit(other)
    (version,) = await stage.user_history(1)
    assert (version["state"], version["valid_from"], version["valid_to"]) == (state, at(5), at(6))
    assert (await stage.user(1))["changed_at"] == at(6)


async def test_a_failure_leaves_the_state(stage: Stage) -> None:
    """Nothing may be concluded from it, not even of a new user."""
    await stage.commit(gone(1, 1), failure(2, 1))
    await stage.commit(failure(1, 2))
    assert await stage.states() == {1: "gone"}


async def test_whoever_fell_out_of_a_complete_listing_is_asked_for_singly(stage: Stage) -> None:
    """Present and unreadable ones; unlisted and gone ones only while deletions of theirs are not settled."""
    people = [User(id=number) for number in range(1, 11)]
    await stage.enrol(*people, account="1")
    await stage.next_run()
    await stage.commit(
        *[snapshot(user.id, 1, channel(user.id, f"{user.id}@x"), channel(user.id + 100)) for user in people]
    )
    await stage.commit(unreadable(2, 2))
    await stage.commit(unreadable(3, 2), gone(4, 2), reason=Reason.MISSING)
    await stage.settle(gone(4, 3))
    await stage.commit(gone(5, 2))
    await stage.commit(snapshot(6, 2, channel(6, "6@x")))
    await stage.commit(unreadable(6, 3), reason=Reason.MISSING)
    await stage.enrol(User(id=20), account="2")
    await stage.enrol(User(id=21))
    await stage.next_run()
    async with stage.ledger.enrolment(stage.run, 3) as enrolment:
        await enrolment.offer(people[6:], account="1")
        await enrolment.flush(account="1")
        assert await enrolment.add_missing(["1"]) == 4
    assert await stage.batches() == [(7, 8, 9), (10,), (1, 2, 5), (6,)]
    rows = await stage.query(
        "SELECT DISTINCT reason FROM worker.batches WHERE run_id = $1 AND number > 2", stage.run.id
    )
    assert [row["reason"] for row in rows] == ["missing_from_listing"]


async def test_a_restored_user_is_present_again(stage: Stage) -> None:
    """Being listed is not enough, being read is."""
    await stage.commit(gone(1, 1))
    await stage.enrol(User(id=1), account="1")
    assert await stage.states() == {1: "gone"}
    await stage.commit(snapshot(1, 2))
    assert await stage.states() == {1: "present"}


async def test_a_failure_is_recorded_until_a_read_succeeds(stage: Stage) -> None:
    """Over runs: the row of the old one is marked."""
    await stage.commit(failure(1, 1), failure(2, 1), snapshot(3, 1))
    assert await stage.open_failures() == ["id:1", "id:2"]
    assert await stage.ledger.failures(stage.run) == [
        {"kind": "trouble", "status": 502, "users": 2, "example": "id:1", "message": "bad gateway"}
    ]
    await stage.next_run()
    stage.clock.time = at(2)
    await stage.commit(snapshot(1, 2), failure(2, 2))
    assert await stage.open_failures() == ["id:2", "id:2"]
    await stage.commit(gone(2, 3))
    assert await stage.open_failures() == []
    rows = await stage.query("SELECT DISTINCT resolved_at FROM worker.failures")
    assert [row["resolved_at"] for row in rows] == [at(2)]


async def test_the_next_run_tries_failed_users_first(stage: Stage) -> None:
    """If it walks the same, and each once."""
    await stage.commit(failure(5, 1), failure(4, 1), snapshot(6, 1))
    await stage.next_run(specs=("id:4",))
    async with stage.ledger.enrolment(stage.run, 10) as enrolment:
        assert await enrolment.add_failed_before(["id:4"]) == 0
    await stage.next_run()
    async with stage.ledger.enrolment(stage.run, 1) as enrolment:
        assert await enrolment.add_failed_before(["account:self"]) == 2
        await enrolment.offer([User(id=4), User(id=5), User(id=6)])
    assert await stage.batches() == [(4,), (5,), (6,)]


async def test_whoever_could_not_be_asked_for_singly_is_asked_so_again(stage: Stage) -> None:
    """As missing, not as failed: 401 still means unlisted for him."""
    await stage.enrol(User(id=1), User(id=2), account="1")
    await stage.next_run()
    await stage.commit(failure(1, 1), reason=Reason.MISSING)
    assert await stage.open_failures() == ["id:1"]
    await stage.next_run()
    async with stage.ledger.enrolment(stage.run, 10) as enrolment:
        assert await enrolment.add_failed_before(["account:self"]) == 0
        await enrolment.offer([User(id=2)], account="1")
        await enrolment.flush(account="1")
        assert await enrolment.add_missing(["1"]) == 1
    assert await stage.batches() == [(2,), (1,)]


async def test_a_user_becomes_unreadable_once(stage: Stage) -> None:
    """The first time is a failure that somebody should know of, then it is a state; it may end, and begin again."""
    await stage.enrol(User(id=1))
    await stage.commit(unreadable(1, 1))
    assert await stage.open_failures() == ["id:1"]
    assert (await stage.ledger.figures(stage.run)).newly_unreadable == 1
    await stage.next_run()
    await stage.commit(unreadable(1, 2))
    assert await stage.open_failures() == []
    figures = await stage.ledger.figures(stage.run)
    assert (figures.newly_unreadable, figures.users_unreadable) == (0, 1)
    await stage.commit(snapshot(1, 3))
    await stage.commit(unreadable(1, 4))
    assert await stage.open_failures() == ["id:1"]


async def test_references_that_cannot_be_resolved_are_recorded(stage: Stage) -> None:
    """One row for each, the latest counts; they are counted, and nobody tries them first."""

    def refused(reference: str, status: int, message: str) -> FailedUser:
        return FailedUser(
            reference=reference,
            user_id=None,
            kind="forbidden",
            status=status,
            message=message,
            reason=Reason.SOURCE,
            failed_at=at(1),
        )

    odd = [
        refused("sis_user_id:a\0", 404, "no\0"),
        refused("sis_user_id:a\ufffd", 401, "no"),
        refused("x", 404, "\udcff"),
    ]
    await stage.ledger.note_failures(stage.run, odd)
    await stage.ledger.note_failures(stage.run, odd[2:])
    await stage.ledger.note_failures(stage.run, [])
    rows = await stage.query("SELECT reference, status, message FROM worker.failures ORDER BY reference")
    assert [tuple(row) for row in rows] == [("sis_user_id:a\ufffd", 401, "no"), ("x", 404, "\ufffd")]
    figures = await stage.ledger.figures(stage.run)
    assert (figures.unresolved, figures.newly_unreadable) == (2, 0)
    await stage.next_run()
    async with stage.ledger.enrolment(stage.run, 1) as enrolment:
        assert await enrolment.add_failed_before(["account:self"]) == 0

"""The views for people and dashboards say what the mirror knows, and where it knows nothing."""

from typing import Any

import pytest

from sync_worker.channels import User
from sync_worker.mirror.database import Database
from tests.integration.mirror.stage import Stage, at, channel, failure, gone, snapshot, staged, unreadable

KNOWN: dict[str, Any] = {"bounce_count": 0, "last_bounce_at": None}
BOUNCED: dict[str, Any] = {"bounce_count": 1, "last_bounce_at": at(-9)}


async def rows(stage: Stage, query: str, *args: Any) -> list[tuple[Any, ...]]:
    """Of a query of a test's own."""
    return [tuple(row) for row in await stage.query(query, *args)]


async def changes(stage: Stage) -> list[tuple[Any, ...]]:
    """Kind, channel, user before and after, address before and after, origin; in their order."""
    return await rows(
        stage,
        "SELECT kind, channel_id, old_user_id, user_id, old_address, address, origin FROM reporting.changes "
        "ORDER BY id, kind",
    )


async def named(stage: Stage, *users: User) -> None:
    """A listing names them; nobody reads them yet."""
    await stage.enrol(*users)
    await stage.query("DELETE FROM worker.batches WHERE status = 'pending'")


# --- channels -------------------------------------------------------------------------------------------


async def test_a_current_channel(stage: Stage) -> None:
    """Everything that a dashboard asks of a channel, in one row."""
    await named(stage, User(id=1, sis_user_id="S1", login_id="ann"))
    stage.clock.time = at(3)
    await stage.commit(snapshot(1, 2, channel(10, "Ann@Mail.School.EDU", position=1, created_at=at(-500), **BOUNCED)))
    (row,) = await stage.query("SELECT * FROM reporting.current_channels")
    assert dict(row) == {
        "instance": "main",
        "id": 10,
        "user_id": 1,
        "sis_user_id": "S1",
        "login_id": "ann",
        "user_state": "present",
        "type": "email",
        "address": "Ann@Mail.School.EDU",
        "domain": "mail.school.edu",
        "position": 1,
        "workflow_state": "active",
        "is_default": True,
        "confirmed": True,
        "bounce_known": True,
        "bouncing": True,
        "bounce_count": 1,
        "last_bounce_at": at(-9),
        "last_bounce_summary": None,
        "last_transient_bounce_at": None,
        "last_suppression_bounce_at": None,
        "created_at": at(-500),
        "first_seen_at": at(2),
        "changed_at": at(2),
        "read_at": at(3),
        "pending_deletion": False,
        "origin": "canvas",
    }


@pytest.mark.parametrize(
    ("fields", "known", "bouncing"),
    [
        ({}, False, None),
        ({"position": 4}, False, None),
        (KNOWN, True, False),
        (BOUNCED, True, True),
        ({"last_bounce_at": at(-9)}, True, True),
        ({"bounce_count": 2}, True, True),
        ({"last_transient_bounce_at": at(-9)}, True, False),
    ],
)
async def test_bounces_that_are_not_visible_are_not_zero(
    stage: Stage, *, fields: dict[str, Any], known: bool, bouncing: bool | None
) -> None:
    """A token that may not see them leaves bouncing null, in every view that counts them."""
    await stage.commit(snapshot(1, 1, channel(10, **fields)))
    assert await rows(stage, "SELECT bounce_known, bouncing FROM reporting.current_channels") == [(known, bouncing)]
    domains = "SELECT channels, bouncing_channels, bounce_unknown_channels FROM reporting.domains"
    assert await rows(stage, domains) == [(1, None if bouncing is None else int(bouncing), int(not known))]
    figures = "SELECT channels_bouncing, channels_bounce_unknown FROM reporting.freshness"
    assert await rows(stage, figures) == [(None if bouncing is None else int(bouncing), int(not known))]
    reachable = None if bouncing is None else not bouncing
    assert await rows(stage, "SELECT reachable, bounce_unknown_emails FROM reporting.users") == [
        (reachable, int(not known))
    ]
    assert await rows(stage, "SELECT count(*) FROM reporting.bouncing_channels") == [(int(bouncing is True),)]


async def test_the_default_address(stage: Stage) -> None:
    """The active e-mail with the lowest position, one without a position last, the same position by id."""
    sms = {"type": "sms", "address": "+15551"}
    await stage.commit(
        snapshot(
            1, 1, channel(10, position=None), channel(11, position=3), channel(12, position=2), channel(9, position=3)
        ),
        snapshot(2, 1, *[channel(n, user_id=2, position=None) for n in (22, 21)]),
        snapshot(
            3, 1, channel(30, user_id=3, position=1, workflow_state="unconfirmed"), channel(31, user_id=3, position=9)
        ),
        snapshot(4, 1, channel(40, user_id=4, **sms)),
    )
    assert await rows(stage, "SELECT id FROM reporting.current_channels WHERE is_default ORDER BY id") == [
        (12,), (21,), (31,),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "address", "domain"),
    [
        ("email", "a@B.Example", "b.example"),
        ("email", '"a@b"@c.example', "c.example"),
        ("email", "nobody", None),
        ("email", "nobody@", None),
        ("sms", "1@sms.example", None),
        ("push", "For All Devices", None),
    ],
)
async def test_domains(stage: Stage, kind: str, address: str, domain: str | None) -> None:
    """What stands behind the last @ of an e-mail address, in lower case."""
    await stage.commit(snapshot(1, 1, channel(10, address, type=kind)))
    assert await rows(stage, "SELECT domain FROM reporting.current_channels") == [(domain,)]
    expected = [(domain, 1)] if kind == "email" else []
    assert await rows(stage, "SELECT domain, users FROM reporting.domains") == expected


async def test_a_domain_counts_people_once(stage: Stage) -> None:
    """Two addresses of one person in one domain are two channels and one user."""
    await stage.commit(
        snapshot(1, 1, channel(10, "a@x.example", **BOUNCED), channel(11, "b@X.example")),
        snapshot(2, 1, channel(20, "c@x.example", user_id=2, workflow_state="unconfirmed", **KNOWN)),
    )
    (row,) = await stage.query("SELECT * FROM reporting.domains")
    assert tuple(row) == ("main", "x.example", 2, 3, 2, 1, 1, 1)


async def test_what_is_held_back_is_pending(stage: Stage) -> None:
    """A candidate is pending once a run holds it; until then and after its tombstone it is not."""
    await stage.commit(snapshot(1, 1, channel(10), channel(11)))
    await stage.commit(snapshot(1, 2, channel(10)))
    pending = "SELECT id, pending_deletion FROM reporting.current_channels ORDER BY id"
    assert await rows(stage, pending) == [(10, False), (11, False)]
    assert await rows(stage, "SELECT count(*) FROM reporting.pending_deletions") == [(0,)]
    for brake, waits_for in ((False, "run"), (True, "person")):
        await stage.candidates.hold(stage.run, by_brake=brake)
        assert await rows(stage, pending) == [(10, False), (11, True)]
        held = (
            "SELECT channel_id, user_id, address, reason, absent_since, held_run_id, waits_for "
            "FROM reporting.pending_deletions"
        )
        assert await rows(stage, held) == [(11, 1, "a@example.com", "absent", at(2), stage.run.id, waits_for)]
        assert await rows(stage, "SELECT channels, pending_deletions FROM reporting.users") == [(2, 1)]
    await stage.mirror.settle(stage.run, [snapshot(1, 3, channel(10))], held=True)
    assert await rows(stage, pending) == [(10, False)]
    assert await rows(stage, "SELECT count(*) FROM reporting.pending_deletions") == [(0,)]


# --- people ---------------------------------------------------------------------------------------------


async def test_who_cannot_be_reached(stage: Stage) -> None:
    """Present people whose every active address bounces, or who have none; of others nobody knows."""
    unconfirmed = {"workflow_state": "unconfirmed"}
    await named(stage, *(User(id=n, sis_user_id=f"S{n}") for n in range(1, 13)))
    stage.clock.time = at(4)
    await stage.commit(
        snapshot(1, 1, channel(10, **KNOWN)),
        snapshot(2, 1),
        snapshot(3, 1, channel(30, "+15551", user_id=3, type="sms")),
        snapshot(4, 1, channel(40, user_id=4, **unconfirmed, **KNOWN)),
        snapshot(5, 1, channel(50, user_id=5, **BOUNCED), channel(51, user_id=5, **unconfirmed, **KNOWN)),
        snapshot(6, 1, channel(60, user_id=6, **BOUNCED), channel(61, user_id=6, **KNOWN)),
        snapshot(7, 1, channel(70, user_id=7, **BOUNCED), channel(71, user_id=7)),
        snapshot(8, 1, channel(80, user_id=8, **BOUNCED)),
        gone(9, 1),
        unreadable(10, 1),
        failure(11, 1),
    )
    await stage.commit(unreadable(8, 2))
    query = (
        "SELECT user_id, sis_user_id, reason, channels, emails, active_emails, read_at FROM reporting.unreachable_users"
    )
    assert sorted(await rows(stage, query)) == [
        (2, "S2", "no channels", 0, 0, 0, at(4)),
        (3, "S3", "no e-mail", 1, 0, 0, at(4)),
        (4, "S4", "unconfirmed", 1, 1, 0, at(4)),
        (5, "S5", "bouncing", 2, 2, 1, at(4)),
    ]
    reachable = dict(await rows(stage, "SELECT id, reachable FROM reporting.users"))
    assert reachable == {
        **dict.fromkeys((1, 6), True),
        **dict.fromkeys((2, 3, 4, 5), False),
        **dict.fromkeys((7, 8, 9, 10, 11, 12), None),
    }
    counted = "SELECT id, channels, deliverable_emails FROM reporting.users WHERE id IN (2, 6, 9, 11, 12) ORDER BY id"
    assert await rows(stage, counted) == [(2, 0, 0), (6, 2, 1), (9, 0, 0), (11, None, None), (12, None, None)]


async def test_unconfirmed_since(stage: Stage) -> None:
    """Since Canvas created it; since it was brought back, or lost its confirmation, where that was seen."""
    old: dict[str, Any] = {"created_at": at(-500)}
    unconfirmed = {"workflow_state": "unconfirmed"}
    await stage.commit(
        snapshot(
            1, 1, channel(10, **unconfirmed, **old), channel(11, **unconfirmed), channel(12, "c@x.example", **old)
        ),
        snapshot(2, 1, channel(20, user_id=2, **unconfirmed, **old)),
    )
    await stage.commit(snapshot(2, 2))
    await stage.settle(snapshot(2, 3))
    await stage.commit(
        snapshot(
            1, 4,
            channel(10, **unconfirmed, position=7, **old), channel(11, **unconfirmed),
            channel(12, "c@x.example", **unconfirmed, **old),
        ),
        snapshot(2, 5, channel(20, user_id=2, **unconfirmed, **old)),
    )  # fmt: skip
    query = "SELECT id, unconfirmed_since FROM reporting.unconfirmed_channels ORDER BY id"
    assert await rows(stage, query) == [(10, at(-500)), (11, at(1)), (12, at(4)), (20, at(5))]


async def test_shared_addresses(stage: Stage) -> None:
    """Several people, not several channels; by lower case and type; no push labels, no tombstones, one instance."""
    push = {"type": "push", "address": "For All Devices"}
    sms = {"type": "sms", "address": "x@x.example"}
    await stage.commit(
        snapshot(1, 1, channel(10, "X@x.example"), channel(11, **push), channel(12, "own@x.example")),
        snapshot(
            2, 1, channel(20, "x@X.example", user_id=2, workflow_state="unconfirmed"), channel(21, user_id=2, **push)
        ),
        snapshot(3, 1, channel(30, "own2@x.example", user_id=3), channel(31, "OWN2@x.example", user_id=3)),
        snapshot(4, 1, channel(40, user_id=4, **sms)),
        snapshot(5, 1, channel(50, "OWN@x.example", user_id=5)),
    )
    await stage.commit(gone(5, 2))
    await stage.settle(gone(5, 3))
    query = (
        "SELECT type, address, users, user_ids, channels, active_channels, user_states FROM reporting.shared_addresses"
    )
    assert await rows(stage, query) == [("email", "x@x.example", 2, [1, 2], 2, 1, ["present"])]


async def test_identifiers_that_change_hands(stage: Stage) -> None:
    """From one person to another, also where the first one is gone; and back."""
    await named(stage, User(id=1, sis_user_id="A", login_id="x"), User(id=2, sis_user_id="B", login_id="y"))
    query = (
        "SELECT identifier, value, former_user_id, former_state, new_user_id, seen_at FROM reporting.identity_changes"
    )
    stage.clock.time = at(1)
    await stage.commit(snapshot(1, 1), snapshot(2, 1))
    await stage.commit(unreadable(1, 2))
    await stage.commit(snapshot(1, 3))
    assert await rows(stage, query) == []
    stage.clock.time = at(4)
    await named(stage, User(id=1, sis_user_id="A2", login_id="x"))
    assert await rows(stage, query) == []
    await named(stage, User(id=3, sis_user_id="A", login_id="z"))
    first = ("sis_user_id", "A", 1, "present", 3, at(4))
    assert await rows(stage, query) == [first]
    await stage.commit(gone(2, 5))
    stage.clock.time = at(6)
    await named(stage, User(id=4, login_id="y"))
    second = ("login_id", "y", 2, "gone", 4, at(6))
    assert sorted(await rows(stage, query)) == [second, first]
    stage.clock.time = at(7)
    await named(stage, User(id=3, sis_user_id="A3", login_id="z"), User(id=1, sis_user_id="A", login_id="x"))
    assert sorted(await rows(stage, query)) == [second, first, ("sis_user_id", "A", 3, "present", 1, at(7))]


# --- changes --------------------------------------------------------------------------------------------


async def test_every_kind_of_change(stage: Stage) -> None:
    """One row a kind; several kinds at once share their number."""
    unconfirmed = {"workflow_state": "unconfirmed"}
    await stage.commit(snapshot(1, 1, channel(10, "a@x.example", **unconfirmed, **KNOWN)))
    created = ("created", 10, None, 1, None, "a@x.example", "canvas")
    assert await changes(stage) == [created]
    await stage.commit(snapshot(1, 2, channel(10, "b@x.example", **BOUNCED)))
    both = ("a@x.example", "b@x.example", "canvas")
    second = [(kind, 10, 1, 1, *both) for kind in ("bounced", "confirmed", "readdressed")]
    assert await changes(stage) == [created, *second]
    await stage.commit(snapshot(2, 3, channel(10, "b@x.example", user_id=2, **BOUNCED)), snapshot(1, 3))
    same = ("b@x.example", "b@x.example", "canvas")
    third = ("moved", 10, 1, 2, *same)
    await stage.commit(snapshot(2, 4))
    await stage.settle(snapshot(2, 5))
    fourth = ("retired", 10, 2, 2, *same)
    await stage.commit(snapshot(2, 6, channel(10, "B@x.example", user_id=2, **unconfirmed, **KNOWN)))
    fifth = ("revived", 10, 2, 2, "b@x.example", "B@x.example", "canvas")
    assert await changes(stage) == [created, *second, third, fourth, fifth]
    numbers = await rows(
        stage, "SELECT count(DISTINCT id), count(DISTINCT (id, kind)), count(*) FROM reporting.changes"
    )
    assert numbers == [(5, 7, 7)]
    seen = "SELECT DISTINCT id, seen_at, run_id IS NULL FROM reporting.changes ORDER BY id"
    assert [row[1:] for row in await rows(stage, seen)] == [
        (at(1), True), (at(2), False), (at(3), False), (at(5), False), (at(6), False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"position": 1}, {"position": 2}),
        ({"address": "a@x.example"}, {"address": "A@x.example"}),
        ({"type": "push", "address": "For All Devices"}, {"type": "push", "address": "Für alle Geräte"}),
        ({}, BOUNCED),
        ({"last_bounce_at": at(-9)}, {"last_bounce_at": at(-9), "bounce_count": 3}),
        (BOUNCED, KNOWN),
        (BOUNCED, {"last_bounce_at": at(-20), "bounce_count": 1}),
        ({}, {"workflow_state": "unconfirmed"}),
    ],
)
async def test_differences_that_are_no_change(stage: Stage, before: dict[str, Any], after: dict[str, Any]) -> None:
    """A version, but no row: a position, a case, a label, a bounce that was there before it could be seen."""
    await stage.commit(snapshot(1, 1, channel(10, **{"address": "a@x.example", **before})))
    await stage.commit(snapshot(1, 2, channel(10, **{"address": "a@x.example", **before, **after})))
    assert len(await stage.history(10)) == 1
    assert [row[0] for row in await changes(stage)] == ["created"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (KNOWN, BOUNCED),
        (BOUNCED, {"last_bounce_at": at(-1), "bounce_count": 1}),
        (BOUNCED, {"last_bounce_at": at(-9), "bounce_count": 2}),
        ({"last_bounce_at": None}, {"last_bounce_at": at(-9)}),
    ],
)
async def test_a_further_bounce(stage: Stage, before: dict[str, Any], after: dict[str, Any]) -> None:
    """A later time, or a greater count."""
    await stage.commit(snapshot(1, 1, channel(10, **before)))
    await stage.commit(snapshot(1, 2, channel(10, **after)))
    assert [row[0] for row in await changes(stage)] == ["created", "bounced"]


async def test_who_caused_a_change(stage: Stage) -> None:
    """An action of ours, or Canvas."""
    async with stage.writer.transaction() as session:
        mine = snapshot(1, 1, channel(10), channel(11, "b@x.example"))
        await stage.mirror.record(session, stage.run, mine, created=[10])
    async with stage.writer.transaction() as session:
        await stage.mirror.record(session, stage.run, snapshot(1, 2, channel(10)), retired=[11])
    found = [(row[0], row[1], row[-1]) for row in await changes(stage)]
    assert found == [("created", 10, "us"), ("created", 11, "canvas"), ("retired", 11, "us")]


async def test_pruned_history(stage: Stage) -> None:
    """Creations stay, with the oldest address that is known; what went is no false creation."""
    for minute, address in enumerate(("a@x.example", "b@x.example", "c@x.example"), 1):
        await stage.commit(snapshot(1, minute, channel(10, address)))
    await stage.query("DELETE FROM mirror.channel_history WHERE valid_to = $1", at(2))
    assert [(row[0], row[-2]) for row in await changes(stage)] == [
        ("created", "b@x.example"), ("readdressed", "c@x.example"),
    ]  # fmt: skip
    await stage.query("DELETE FROM mirror.channel_history")
    assert [(row[0], row[-2]) for row in await changes(stage)] == [("created", "c@x.example")]


async def test_an_incremental_load_misses_nothing(database: Database) -> None:
    """Within an instance numbers come in the order of the commits, even while another instance is late."""
    loaded: dict[str, list[int]] = {"one": [], "two": []}
    async with staged(database, "one") as one, staged(database, "two") as two:

        async def load(stage: Stage, instance: str) -> None:
            query = "SELECT id FROM reporting.changes WHERE instance = $1 AND id > $2 ORDER BY id"
            last = max(loaded[instance], default=0)
            loaded[instance] += [row[0] for row in await rows(stage, query, instance, last)]

        async with two.writer.transaction() as late:
            await two.mirror.record(late, two.run, snapshot(1, 1, channel(10)))  # has its number, is not committed
            for minute in range(1, 4):
                await one.commit(snapshot(1, minute, channel(10, f"a{minute}@x.example")))
                await load(one, "one")
                await load(one, "two")
        await load(two, "two")
        everything = await rows(one, "SELECT instance, id FROM reporting.changes ORDER BY instance, id")
        assert everything == [(name, number) for name, numbers in loaded.items() for number in numbers]
        assert min(loaded["two"]) < max(loaded["one"])


async def test_changes_by_day(stage: Stage) -> None:
    """The same rows, counted by the day in UTC; a change of midnight belongs to the day that begins."""
    day = 24 * 60
    await stage.commit(snapshot(1, 1, channel(10, **KNOWN), channel(11)), snapshot(2, day - 1, channel(20, user_id=2)))
    await stage.commit(snapshot(1, day, channel(10, **BOUNCED), channel(11)))
    await stage.commit(snapshot(1, 2 * day - 1, channel(10, "n@x.example", **BOUNCED), channel(11, "m@x.example")))
    query = "SELECT day, kind, origin, changes FROM reporting.changes_by_day ORDER BY day, kind"
    assert await rows(stage, query) == [
        (at(0).date(), "created", "canvas", 3),
        (at(day).date(), "bounced", "canvas", 1),
        (at(day).date(), "readdressed", "canvas", 2),
    ]
    counted = (
        "SELECT (seen_at AT TIME ZONE 'UTC')::date, kind, origin, count(*) FROM reporting.changes "
        "GROUP BY 1, 2, 3 ORDER BY 1, 2"
    )
    assert await rows(stage, counted) == await rows(stage, query)

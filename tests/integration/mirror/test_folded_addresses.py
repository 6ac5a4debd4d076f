"""The folded address is stored, and whatever compares addresses compares that, in a database of any locale."""

# ruff: noqa: RUF001  (letters that look alike are what is tested)

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sync_worker.clock import Clock
from sync_worker.folding import SMALL, fold
from sync_worker.mirror import migrations
from sync_worker.mirror.database import Database, connect
from sync_worker.mirror.migrations import migrate
from tests.conftest import Cluster
from tests.integration.mirror.encodings import LOCALES, encoded
from tests.integration.mirror.stage import Stage, channel, snapshot, staged

OLD = tuple(each for each in migrations.migrations() if each.version < 10)


@pytest.fixture(params=LOCALES)
async def empty(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[Database]:
    """A database in UTF8, of each locale that this server has."""
    async with encoded(cluster, "UTF8", request.param) as url, connect(url) as database:
        yield database


@pytest.fixture
async def foreign(empty: Database, clock: Clock) -> AsyncIterator[Stage]:
    """A writer in it."""
    await migrate(empty, clock)
    async with staged(empty) as stage:
        yield stage


def addresses(number: int) -> list[str]:
    """Every capital letter there is, and text of all kinds."""
    letters = [*map(chr, SMALL), *map(chr, SMALL.values()), *"ßẞςσΣıİiIſKÅ @.+-_%1１", "\u0307", "\u00ad", "\U0001f600"]
    some = ["".join(random.choices(letters, k=1 + n % 40)) for n in range(number)]
    points = [*range(1, 0xD800), *range(0xE000, 0x110000)]
    anything = ["".join(map(chr, random.choices(points, k=20))) for _ in range(number)]
    return ["", "Ann@X.example", "a@x ", "".join(map(chr, SMALL)), *some, *anything]


async def test_what_was_there_is_folded_as_python_folds(empty: Database, clock: Clock) -> None:
    """Channels, their history and the journal; by the migration, which cannot run Python."""
    texts = addresses(400)
    async with empty.session() as session:
        await migrate(empty, clock, OLD)
        fetch = session.connection.fetch
        await fetch(
            "INSERT INTO mirror.communication_channels (instance, id, user_id, type, address, workflow_state, "
            "bounce_known, first_seen_at, changed_at) SELECT 'main', n, 1, 'email', a, 'active', true, now(), now() "
            "FROM unnest($1::text[]) WITH ORDINALITY AS t (a, n)",
            texts,
        )
        await fetch(
            "INSERT INTO mirror.channel_history (instance, channel_id, user_id, type, address, workflow_state, "
            "bounce_known, valid_from, valid_to, run_id, origin) SELECT 'main', n, 1, 'email', a, 'active', true, "
            "now(), now(), 1, 'canvas' FROM unnest($1::text[]) WITH ORDINALITY AS t (a, n)",
            texts,
        )
        await fetch("INSERT INTO worker.instances (instance) VALUES ('main')")
        await fetch(
            "INSERT INTO worker.actions (instance, ordinal, user_id, kind, type, address, skip_confirmation) "
            "SELECT 'main', n, 1, 'create', 'email', a, true FROM unnest($1::text[]) WITH ORDINALITY AS t (a, n)",
            texts,
        )
        await migrate(empty, clock)
        for table in ("mirror.communication_channels", "mirror.channel_history", "worker.actions"):
            rows = await fetch(f"SELECT address, folded_address FROM {table}")  # noqa: S608  (of this test)
            assert len(rows) == len(texts)
            assert [row for row in rows if row["folded_address"] != fold(row["address"])] == []
        left = await fetch("SELECT FROM pg_class WHERE relname = 'folding'")
        assert left == []


async def test_what_is_read_is_folded_as_it_is_written(foreign: Stage) -> None:
    """New channels, changed ones, the versions that they supersede; NUL becomes U+FFFD in both."""
    await foreign.commit(snapshot(1, 5, channel(10, "ΟΔΟΣ\0@X"), channel(11, "İI@Ä")))
    await foreign.commit(snapshot(1, 6, channel(10, "ẞ@X"), channel(11, "İI@Ä")))
    rows = await foreign.query("SELECT id, address, folded_address FROM mirror.communication_channels ORDER BY id")
    assert [tuple(row) for row in rows] == [(10, "ẞ@X", "ß@x"), (11, "İI@Ä", "ii@ä")]
    (version,) = await foreign.query("SELECT address, folded_address FROM mirror.channel_history")
    assert tuple(version) == ("ΟΔΟΣ\ufffd@X", "οδοσ\ufffd@x")


async def rows(stage: Stage, query: str) -> list[tuple[Any, ...]]:
    """Of a query of a test's own."""
    return [tuple(row) for row in await stage.query(query)]


async def test_views_say_the_same_in_every_locale(foreign: Stage) -> None:
    """Shared addresses, domains, and whether an address changed in more than case."""
    await foreign.commit(
        snapshot(1, 5, channel(10, "IÄΣ@School.İΣ"), channel(11, "OTHER@x")),
        snapshot(2, 5, channel(20, "iäσ@school.iσ", user_id=2), channel(21, "straße@x", user_id=2)),
        snapshot(3, 5, channel(30, "iäς@SCHOOL.iς", user_id=3), channel(31, "STRASSE@x", user_id=3)),
    )
    shared = "SELECT address, users, user_ids FROM reporting.shared_addresses"
    assert await rows(foreign, shared) == [("iäσ@school.iσ", 2, [1, 2])]
    domains = 'SELECT domain, channels FROM reporting.domains ORDER BY channels DESC, domain COLLATE "C"'
    assert await rows(foreign, domains) == [("x", 3), ("school.iσ", 2), ("school.iς", 1)]
    await foreign.commit(
        snapshot(1, 6, channel(10, "iäσ@school.iσ"), channel(11, "other@x")),
        snapshot(3, 6, channel(30, "iäσ@school.iς", user_id=3), channel(31, "straẞe@x", user_id=3)),
    )
    changes = "SELECT channel_id FROM reporting.changes WHERE kind = 'readdressed' ORDER BY channel_id"
    assert await rows(foreign, changes) == [(30,), (31,)]


async def test_what_an_undo_took_back_is_known_in_every_locale(foreign: Stage) -> None:
    """Written otherwise than what was done."""
    plan = (
        "INSERT INTO worker.plans (instance, origin, kind, status, made_at, expires_at, made_by, document, digest, "
        "fingerprint, creates, deletes, messages, content) VALUES ('main', '', $1, 'applied', now(), now(), 'ann', '', "
        "'', '', 1, 0, 0, '{}') RETURNING id"
    )
    done, undone = [(await foreign.query(plan, kind))[0]["id"] for kind in ("document", "undo")]
    texts = ["ÄΣ@İ.example", "äσ@x", "äσ@i.example", "ÄΣ@X"]
    await foreign.query(
        "INSERT INTO worker.actions (instance, plan_id, ordinal, user_id, kind, type, address, folded_address, "
        "skip_confirmation, status, settled_at) SELECT 'main', p, n, 1, k, 'email', a, f, true, 'done', now() "
        "FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS t (p, k, a, f, n)",
        [done, done, undone, undone],
        ["create", "create", "delete", "delete"],
        texts,
        list(map(fold, texts)),
    )
    assert await rows(foreign, "SELECT plan_id FROM worker.undone_actions ORDER BY id") == [(done,), (done,)]

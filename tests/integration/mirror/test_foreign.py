"""Queries of the user's own: what they may do, what they are told, and what stays behind."""

from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from sync_worker.errors import DatabaseUnreachable, DocumentError, SourceError
from sync_worker.mirror.cells import Column
from sync_worker.mirror.database import Database, connect
from sync_worker.mirror.foreign import PAGE, Query, asking, load
from tests.integration.mirror.stage import kill_backend


def query(text: str) -> Query:
    """A query as out of a file `q.sql`."""
    return Query(name="query q.sql", text=text, mistake=DocumentError)


async def rows(database: Database, text: str) -> list[tuple[Any, ...]]:
    """All rows."""
    async with asking(database, "main", query(text)) as answer, aclosing(answer.pages()) as pages:
        return [row async for page in pages for row in page]


async def refused(database: Database, text: str) -> str:
    """What is said against it."""
    with pytest.raises(DocumentError) as caught:
        await rows(database, text)
    assert caught.value.exit_code == 2
    return str(caught.value)


async def test_rows_with_names_and_types(database: Database) -> None:
    """In the order of the query, also under one name; a comment before and a semicolon behind are nothing to it."""
    text = "-- my users\nSELECT 1 AS a, 'x'::text AS a, NULL::bool ORDER BY 1;\n-- the end"
    async with asking(database, "main", query(text)) as answer:
        assert answer.columns == (
            Column(name="a", type="int4"),
            Column(name="a", type="text"),
            Column(name="bool", type="bool"),
        )
        assert [page async for page in answer.pages()] == [[(1, "x", None)]]
    assert await rows(database, "SELECT 1 WHERE false") == []
    assert await rows(database, "WITH x AS (VALUES (2), (1)) TABLE x ORDER BY 1") == [(1,), (2,)]


async def test_the_instance_is_a_setting_of_the_transaction(database: Database) -> None:
    """And of no other one."""
    assert await rows(database, "SELECT current_setting('sync_worker.instance')") == [("main",)]
    async with database.session() as session:
        setting = await session.connection.fetchval("SELECT current_setting('sync_worker.instance', true)")
    assert not setting


async def test_pages_of_a_cursor(database: Database) -> None:
    """A billion rows are no matter for who takes the first few; a page is never longer than agreed."""
    text = "SELECT generate_series(1, 1000000000)"
    async with asking(database, "main", query(text)) as answer, aclosing(answer.pages()) as pages:
        first, second = await anext(pages), await anext(pages)
    assert (len(first), len(second)) == (PAGE, PAGE)
    assert (first[0], second[-1]) == ((1,), (2 * PAGE,))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("DELETE FROM worker.instances RETURNING 1", "cannot execute DELETE"),
        ("WITH x AS (INSERT INTO worker.instances VALUES ('x') RETURNING 1) SELECT * FROM x", "cannot execute SELECT"),
        ("SELECT nextval('worker.claims')", r"cannot execute nextval\(\)"),
        ("SELECT 1 FROM worker.instances FOR UPDATE", "cannot execute SELECT FOR UPDATE"),
        ("EXPLAIN ANALYZE UPDATE worker.instances SET instance = 'x'", "cannot execute UPDATE"),
    ],
)
async def test_who_would_write_is_refused(database: Database, text: str, what: str) -> None:
    """By PostgreSQL, in its words; a database that cannot be reached is another thing."""
    async with database.session() as session:
        await session.connection.execute("INSERT INTO worker.instances (instance) VALUES ('main')")
    with pytest.raises(DocumentError, match=f"query q.sql: PostgreSQL refuses it: {what}.*may only look"):
        await rows(database, text)
    async with database.session() as session:
        assert await session.connection.fetchval("SELECT array_agg(instance) FROM worker.instances") == ["main"]
        assert not await session.connection.fetchval("SELECT is_called FROM worker.claims")


async def test_read_only_cannot_be_undone(database: Database) -> None:
    """The transaction has begun with a statement of ours."""
    text = "SELECT set_config('transaction_read_only', 'off', true)"
    assert "transaction read-write mode must be set before any query" in await refused(database, text)


async def test_nothing_stays_behind(database: Database) -> None:
    """Settings and locks end with the connection, which is nobody else's."""
    await rows(database, "SELECT set_config('work_mem', '64kB', false), pg_advisory_lock(4711)::text")
    async with database.session() as session:
        assert await session.connection.fetchval("SELECT current_setting('work_mem')") != "64kB"
        assert await session.connection.fetchval("SELECT pg_try_advisory_lock(4711)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT 1;\nSELECT 2", "query q.sql: PostgreSQL refuses it: cannot insert multiple commands"),
        ("SELECT 1; DROP TABLE mirror.users", "Write one statement"),
        ("SELECT *\nFROM mirror.users\nWHERE nme = 1", 'query q.sql, line 3: PostgreSQL refuses it: column "nme"'),
        ("-- ü\n\nSELEC 1", 'query q.sql, line 3: PostgreSQL refuses it: syntax error at or near "SELEC"'),
        ("SELECT login FROM mirror.users", "query q.sql, line 1: "),
        ("SELECT id FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT 1 WHERE 1 = $1", "query q.sql: the query has parameters such as $1"),
        ("SELECT $1", "the query has parameters such as $1. The instance is current_setting('sync_worker.instance')"),
        ("CREATE TABLE x ()", "query q.sql: the query returns no columns"),
        ("COMMIT", "the query returns no columns"),
        ("-- nothing", "the query returns no columns"),
        ("SELECT 1 / (3 - n) FROM generate_series(1, 9) n", "query q.sql: PostgreSQL refuses it: division by zero"),
        ("SELECT 'ann@school.example'::int", "PostgreSQL refuses it: invalid input syntax for type integer"),
        ("SELECT '4000-01-01 BC'::date", "query q.sql: it returns a value that cannot be read. Cast the column"),
    ],
)
async def test_a_mistake_is_told_with_its_line(database: Database, text: str, said: str) -> None:
    """In the words of PostgreSQL, with what to do; addresses are masked."""
    message = await refused(database, text)
    assert said in message
    assert "ann@" not in message


async def test_advice_of_postgresql_is_passed_on(database: Database) -> None:
    """It often knows what was meant."""
    text = "SELECT u.sis_user_idd FROM mirror.users u"
    assert 'Perhaps you meant to reference the column "u.sis_user_id"' in await refused(database, text)


async def test_a_missing_right_is_told(database: Database, database_url: str) -> None:
    """It is the query that asks for too much; the user of the database is as good as ever."""
    async with database.session() as session:
        await session.connection.execute("CREATE ROLE small LOGIN")
    try:
        async with connect(database_url.replace("sync_worker@", "small@")) as small:
            said = await refused(small, "SELECT id FROM mirror.users")
    finally:
        async with database.session() as session:
            await session.connection.execute("DROP ROLE small")
    assert "query q.sql, line 1: PostgreSQL refuses it: permission denied for schema mirror" in said
    assert "grant the right" in said


async def test_who_asks_says_what_a_mistake_is(database: Database, tmp_path: Path) -> None:
    """The same query may be a document, or name users."""
    path = tmp_path / "users.sql"
    path.write_text("SELECT nothing")
    with pytest.raises(SourceError, match=r"query users\.sql, line 1: "):
        async with asking(database, "main", load(path, SourceError)):
            pass


async def test_a_connection_that_breaks_is_no_mistake_of_the_query(database: Database) -> None:
    """It can be asked again later."""
    text = "SELECT pg_backend_pid(), generate_series(1, 1000000)"
    with pytest.raises(DatabaseUnreachable):  # noqa: PT012  (the second page is what fails)
        async with asking(database, "main", query(text)) as answer, aclosing(answer.pages()) as pages:
            ((pid, _), *_) = await anext(pages)
            await kill_backend(database, pid)
            await anext(pages)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "the file cannot be read"),
        (b"", "the file holds no SQL"),
        (b" \n\t", "the file holds no SQL"),
        (b"SELECT '\xff'", "this is not UTF-8"),
        (b"SELECT 1\0", "the file holds no SQL"),
    ],
)
def test_a_file_that_is_no_query(tmp_path: Path, content: bytes | None, said: str) -> None:
    """Said before any database is asked."""
    path = tmp_path / "q.sql"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DocumentError, match=said) as caught:
        load(path, DocumentError)
    assert str(caught.value).startswith(str(path))


def test_a_byte_order_mark_is_no_sql(tmp_path: Path) -> None:
    """Editors on Windows write one."""
    path = tmp_path / "q.sql"
    path.write_bytes(b"\xef\xbb\xbfSELECT 1")
    assert load(path, DocumentError) == Query(name="query q.sql", text="SELECT 1", mistake=DocumentError)

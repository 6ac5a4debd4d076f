"""The SQL files against the schema that the migrations make."""

import re
from functools import cache
from pathlib import Path

import asyncpg
import pytest

import sync_worker
from sync_worker.mirror.database import Database
from sync_worker.mirror.sql import statements
from tests.write_schema import FILE, describe_schema

STATEMENTS = statements()
TEMPORARY = [name for name, text in STATEMENTS.items() if "CREATE TEMPORARY TABLE" in text]


async def test_every_statement_fits_the_schema(database: Database) -> None:
    """PostgreSQL can prepare it, and its comment names every parameter."""
    async with database.dedicated("test") as session:
        for table in TEMPORARY:
            await session.execute(table)
        for name, text in STATEMENTS.items():
            prepared = await session.connection.prepare(text)
            numbers = {int(number) for number in re.findall(r"\$(\d+)", text)}
            assert numbers == set(range(1, len(prepared.get_parameters()) + 1)), name


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_used(name: str) -> None:
    """What nobody calls is not kept."""
    assert f'"{name}"' in _sources()


@cache
def _sources() -> str:
    return "".join(source.read_text() for source in Path(sync_worker.__file__).parent.rglob("*.py"))


async def test_everything_has_a_comment(database: Database) -> None:
    """Schemas, tables, views, sequences, columns: people and dashboards read them."""
    query = r"""
        WITH ours AS (
            SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname NOT IN ('public', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
        )
        SELECT oid::regclass::text AS name FROM ours
        WHERE relkind IN ('r', 'p', 'v', 'm', 'S') AND obj_description(oid, 'pg_class') IS NULL
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = ours.oid AND d.deptype IN ('a', 'i'))
        UNION ALL
        SELECT attrelid::regclass || '.' || attname FROM pg_attribute JOIN ours ON ours.oid = attrelid
        WHERE relkind IN ('r', 'p', 'v', 'm') AND attnum > 0 AND NOT attisdropped
            AND col_description(attrelid, attnum) IS NULL
        UNION ALL
        SELECT nspname FROM pg_namespace WHERE nspname IN (SELECT relnamespace::regnamespace::text FROM ours)
            AND obj_description(oid, 'pg_namespace') IS NULL
    """
    async with database.session() as session:
        assert [row["name"] for row in await session.connection.fetch(query)] == []


async def test_the_schema_file_is_current(database_url: str) -> None:
    """sql/schema.sql is what the migrations add up to; its first line says how to make it anew."""
    connection = await asyncpg.connect(database_url)
    try:
        assert FILE.read_text(encoding="utf-8") == await describe_schema(connection)
    finally:
        await connection.close()

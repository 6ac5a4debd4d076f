"""What the migrations add up to, out of the catalogs of a migrated database, as SQL to read.

Writes sql/schema.sql anew:

    .venv/bin/python -m tests.write_schema
"""

import asyncio
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TypeAlias

import asyncpg

from sync_worker.clock import Clock
from sync_worker.embedded import EmbeddedServer, ServerOptions
from sync_worker.mirror.database import connect
from sync_worker.mirror.migrations import migrate
from sync_worker.mirror.sql import sql_folder

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
FILE = sql_folder() / "schema.sql"
HEADER = "-- What the migrations add up to, to be read. Made by: .venv/bin/python -m tests.write_schema\n"

_SCHEMAS = r"""
SELECT nspname AS name, obj_description(oid, 'pg_namespace') AS comment FROM pg_namespace
WHERE nspname NOT IN ('public', 'information_schema') AND nspname NOT LIKE 'pg\_%' ORDER BY 1"""
_SEQUENCES = """
SELECT c.oid::regclass::text AS name, obj_description(c.oid, 'pg_class') AS comment FROM pg_class c
WHERE c.relkind = 'S' AND c.relnamespace::regnamespace::text = ANY ($1)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i'))
ORDER BY 1"""
_COLUMNS = """
SELECT c.oid, c.oid::regclass::text AS name, obj_description(c.oid, 'pg_class') AS comment,
    coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '') AS options,
    CASE WHEN c.relkind IN ('v', 'm') THEN rtrim(pg_get_viewdef(c.oid, true), ';') END AS view,
    a.attname AS column, col_description(c.oid, a.attnum) AS column_comment,
    quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
        || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
        || CASE WHEN a.attidentity <> '' THEN ' GENERATED ALWAYS AS IDENTITY' ELSE '' END
        || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS definition
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND c.relnamespace::regnamespace::text = ANY ($1)
ORDER BY 2, a.attnum"""
_CONSTRAINTS = """
SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint
WHERE conrelid = $1 AND contype IN ('p', 'u', 'f', 'c', 'x') ORDER BY contype <> 'p', conname"""
_INDEXES = """
SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
WHERE i.indrelid = $1 AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype <> 'f')
ORDER BY 1"""
_FUNCTIONS = """
SELECT rtrim(pg_get_functiondef(oid), E'\\n') AS definition, obj_description(oid, 'pg_proc') AS comment FROM pg_proc
WHERE pronamespace::regnamespace::text = ANY ($1) ORDER BY oid::regprocedure::text"""


async def describe_schema(connection: Connection) -> str:
    """The text of sql/schema.sql."""
    schemas = await connection.fetch(_SCHEMAS)
    names = [row["name"] for row in schemas]
    sequences = await connection.fetch(_SEQUENCES, names)
    columns = groupby(await connection.fetch(_COLUMNS, names), key=lambda row: row["name"])
    functions = await connection.fetch(_FUNCTIONS, names)
    parts = [
        HEADER,
        *[_object(f"CREATE SCHEMA {row['name']}", row["comment"]) for row in schemas],
        *[_object(f"CREATE SEQUENCE {row['name']}", row["comment"]) for row in sequences],
        *[await _relation(connection, list(group)) for _, group in columns],
        *[_object(row["definition"], row["comment"]) for row in functions],
    ]
    return "\n".join(parts)


async def _relation(connection: Connection, columns: list[asyncpg.Record]) -> str:
    relation = columns[0]
    name, comment = relation["name"], relation["comment"]
    if relation["view"]:
        notes = [f"-- {row['column']}: {row['column_comment']}" for row in columns if row["column_comment"]]
        return _object("\n".join([f"CREATE VIEW {name}{relation['options']} AS", *notes, relation["view"]]), comment)
    constraints = [row["definition"] for row in await connection.fetch(_CONSTRAINTS, relation["oid"])]
    indexes = [f"{row['definition']};\n" for row in await connection.fetch(_INDEXES, relation["oid"])]
    body = "\n".join(_body(columns, constraints))
    return _object(f"CREATE TABLE {name} (\n{body}\n)", comment) + "".join(indexes)


def _body(columns: Iterable[asyncpg.Record], constraints: list[str]) -> Iterator[str]:
    lines = [(row["definition"], row["column_comment"]) for row in columns] + [(text, None) for text in constraints]
    for number, (definition, comment) in enumerate(lines, 1):
        comma = "," if number < len(lines) else ""
        yield f"    {definition}{comma}" + (f" -- {comment}" if comment else "")


def _object(definition: str, comment: str | None) -> str:
    note = f"-- {comment}\n" if comment else ""
    return f"{note}{definition};\n"


async def write() -> None:
    """Migrate a throwaway database and describe it."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        options = ServerOptions(idle_seconds=0.1, durable=False)
        async with EmbeddedServer(Path(folder) / "home", clock, options) as server:
            async with connect(server.dsn("postgres")) as database:
                await migrate(database, clock)
            connection = await asyncpg.connect(server.dsn("postgres"))
            FILE.write_text(await describe_schema(connection), encoding="utf-8")
            await connection.close()


if __name__ == "__main__":
    asyncio.run(write())
